"""The page in a real browser."""

import pytest

from crossgrad.report import write_report

from .conftest import MakeFolder, Open

NASTY = ("<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "größe 日本", "a b  c", "x" * 90, "x|y")


@pytest.mark.parametrize("domains", [("0", "15", "30", "45", "60", "75"), NASTY])
def test_the_page_opens_without_errors_dialogs_or_requests(make_folder: MakeFolder, open_page: Open, domains):
    path = write_report(make_folder(domains=domains, dataset=f"data {domains[0]}")).html
    seen = open_page(path)
    seen.page.wait_for_timeout(200)
    assert seen.messages == []
    assert [url for url in seen.requests if not url.startswith("data:")] == [path.as_uri()]
    assert seen.page.locator("script").count() == 0
    assert seen.page.locator("h1").inner_text() == f"data {domains[0]}"


def test_every_picture_is_there(make_folder: MakeFolder, open_page: Open):
    page = open_page(write_report(make_folder()).html).page
    widths = page.eval_on_selector_all("img", "pictures => pictures.map(picture => picture.naturalWidth)")
    assert len(widths) == 6 * (2 + 5) + 6 * (3 + 2 * 5)  # one moved picture a step
    assert min(widths) > 0


def test_every_figure_is_drawn_and_described(make_folder: MakeFolder, open_page: Open):
    page = open_page(write_report(make_folder()).html).page
    assert page.locator(".intervals svg[role=group]").count() == 3
    assert page.locator(".panel svg[role=group]").count() == 6
    assert page.locator("polyline.curve").count() == 4 + 2
    for label in page.eval_on_selector_all("svg[role=group]", "all => all.map(one => one.getAttribute('aria-label'))"):
        assert len(label) > 20
    sizes = page.eval_on_selector_all(
        "rect.bar, circle.mean, polyline", "all => all.map(one => one.getBoundingClientRect().width)"
    )
    assert min(sizes) > 5


def test_bars_are_as_long_as_their_accuracies(make_folder: MakeFolder, open_page: Open):
    page = open_page(write_report(make_folder()).html).page
    measured = page.eval_on_selector_all(
        ".panel g.mark",
        """all => all.map(one => [
            one.querySelector('.bar').getBoundingClientRect().width
                / one.querySelector('.back').getBoundingClientRect().width,
            Number(one.querySelector('text').textContent)])""",
    )
    assert len(measured) == 24
    for share, text in measured:
        assert 100 * share == pytest.approx(text, abs=0.3)


@pytest.mark.parametrize("domains", [("0", "15", "30", "45", "60", "75"), NASTY, tuple(map(str, range(30)))])
def test_the_page_never_scrolls_sideways(make_folder: MakeFolder, open_page: Open, domains):
    page = open_page(write_report(make_folder(domains=domains, seeds=(0,))).html).page
    for width in (1280, 768, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.body.scrollWidth") <= width


def test_a_dark_desk_has_a_dark_page(make_folder: MakeFolder, open_page: Open):
    path = write_report(make_folder()).html
    light, dark = (
        open_page(path, colours=colours).page.evaluate(
            "['backgroundColor', 'color'].map(one => getComputedStyle(document.body)[one])"
        )
        for colours in ("light", "dark")
    )
    assert light[0] == "rgb(253, 253, 251)"
    assert dark[0] == "rgb(22, 24, 27)"
    assert light[1] != dark[1]


def test_many_domains_scroll_within_their_figure(make_folder: MakeFolder, open_page: Open):
    names = [f"speaker {n}" for n in range(40)]
    page = open_page(write_report(make_folder(domains=names, artefacts=False)).html).page
    assert page.locator(".panel").count() == 40
    assert page.evaluate(
        "document.querySelector('.panels').scrollHeight > document.querySelector('.panels').clientHeight"
    )
    assert page.locator("table.wide").count() == 0


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_text_has_the_contrast_that_wcag_asks_for(make_folder: MakeFolder, open_page: Open, colours):
    page = open_page(write_report(make_folder()).html, colours=colours).page
    paper = _rgb(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    for selector in ("body", "figcaption", ".eyebrow", "footer", "thead th"):
        ink = _rgb(page.eval_on_selector(selector, "one => getComputedStyle(one).color"))
        bright, dark = sorted((_luminance(ink), _luminance(paper)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5


def _rgb(colour: str) -> list[float]:
    return [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]


def _luminance(rgb: list[float]) -> float:
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
