"""What a reader can do on the page, in a real browser, at a desk's and at a phone's width."""

import pytest

from crossgrad.report import write_report

from .conftest import MakeFolder, Open

SMALL = {"methods": ["erm", "crossgrad"], "domains": ["0", "15"], "seeds": [0]}
WIDTHS = pytest.mark.parametrize("width", [1280, 390])


@WIDTHS
def test_methods_and_domains_are_chosen_by_keyboard(make_folder: MakeFolder, open_page: Open, width: int):
    page = open_page(write_report(make_folder(**SMALL, predictions=30)).html, width=width).page
    crossgrad = page.locator("main .f1").all()
    panels, details = page.locator(".panel").all(), page.locator("details").all()
    assert len(crossgrad) > 10
    page.locator("#method1").focus()
    page.keyboard.press("Space")
    assert not any(each.is_visible() for each in crossgrad)
    assert page.locator("table.cards .f0").first.is_visible()
    page.keyboard.press("Space")
    assert page.locator("table.cards .f1").first.is_visible()
    page.locator("select").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert [each.is_visible() for each in panels] == [False, True]
    assert [each.is_visible() for each in details] == [False, True]
    assert [each.is_visible() for each in page.locator("table.wide th.of-domain").all()] == [False, True]


@WIDTHS
def test_values_are_told_under_the_pointer_and_under_the_focus(make_folder: MakeFolder, open_page: Open, width: int):
    page = open_page(write_report(make_folder(**SMALL)).html, width=width).page
    for selector in (".panel .mark", ".intervals .mark", ".plot .mark"):
        mark = page.locator(selector).first
        tip = mark.locator(".tip")
        assert not tip.is_visible()
        mark.focus()
        assert tip.is_visible()
        assert mark.get_attribute("aria-label")
        page.locator("#method0").focus()
        assert not tip.is_visible()
        mark.hover(force=True)
        assert tip.is_visible()
        box = tip.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        page.mouse.move(0, 0)
    assert "Step 20" in page.locator(".plot .tip").first.text_content()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@WIDTHS
def test_arrow_keys_move_the_slider_of_step_sizes(make_folder: MakeFolder, open_page: Open, width: int):
    page = open_page(write_report(make_folder(**SMALL)).html, width=width).page
    shown = page.locator(".gallery td:nth-child(3) img:visible")
    before = shown.first.get_attribute("src")
    assert ", 1 times the step" in shown.first.get_attribute("alt")
    page.locator(".slider input:checked").focus()
    for step in (2, 4, 8):
        page.keyboard.press("ArrowRight")
        assert f", {step} times the step" in shown.first.get_attribute("alt")
    assert shown.count() == 6
    assert shown.first.get_attribute("src") != before


@WIDTHS
def test_sounds_play_and_change_with_the_step(make_folder: MakeFolder, open_page: Open, width: int):
    seen = open_page(write_report(make_folder(**SMALL, sound=True)).html, width=width)
    players = seen.page.locator("audio:visible")
    assert players.count() == 2 * 3
    duration = """player => new Promise((told, failed) => {
        player.onloadedmetadata = () => told(player.duration); player.onerror = failed; player.load() })"""
    assert players.first.evaluate(duration) == pytest.approx(7760 / 8000, abs=0.01)
    before = players.nth(1).get_attribute("src")
    seen.page.locator(".slider input:checked").focus()
    seen.page.keyboard.press("ArrowRight")
    assert players.count() == 2 * 3
    assert players.nth(1).get_attribute("src") != before
    assert "no recording" in seen.page.locator(".gallery figcaption").inner_text()
    assert seen.messages == []


@WIDTHS
def test_mistakes_open_by_keyboard_and_fit(make_folder: MakeFolder, open_page: Open, width: int):
    page = open_page(write_report(make_folder(**SMALL, predictions=30)).html, width=width).page
    second = page.locator("details").nth(1)
    assert not second.locator(".confusion").first.is_visible()
    second.locator("summary").focus()
    page.keyboard.press("Enter")
    assert second.locator(".confusion").first.is_visible()
    assert "15/0/0.png" in second.locator(".worst").first.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for picture in second.locator("img").all():
        assert picture.get_attribute("alt")
