"""The page on how it works: its figures show the record, and its slider works by keyboard, and without a script."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RECORD = ROOT / "results" / "benchmarks" / "step_pictures.json"
FIGURE = (DOCS / "figures" / "step-size.html").read_text(encoding="utf-8")
PAGE = (DOCS / "how-it-works.md").read_text(encoding="utf-8")
WORDS = " ".join(PAGE.split())
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(RECORD.read_text())["rows"]
    return found


def test_the_figure_is_what_the_script_makes_of_the_record() -> None:
    script = [sys.executable, str(ROOT / "benchmarks" / "step_pictures.py"), "--show", str(RECORD)]
    assert subprocess.run(script, capture_output=True, text=True, check=True).stdout == FIGURE


def test_the_pictures_have_a_row_a_step_and_begin_with_digits_that_were_not_moved() -> None:
    domain, label = (Image.open(DOCS / "images" / f"step-size-{direction}.png") for direction in ("domain", "label"))
    assert domain.size == label.size == (5 * 16, 16 * len(rows()))
    unmoved = (0, 0, 80, 16)
    assert rows()[0]["step"] == 0
    assert domain.crop(unmoved).tobytes() == label.crop(unmoved).tobytes()
    largest = (0, 16 * (len(rows()) - 1), 80, 16 * len(rows()))
    assert domain.crop(largest).tobytes() != label.crop(largest).tobytes()


def test_the_page_says_of_the_trained_step_what_is_on_record() -> None:
    (unmoved,) = (row for row in rows() if row["step"] == 0)
    (trained,) = (row for row in rows() if row["step"] == json.loads(RECORD.read_text())["trained_step"])
    shares = {
        (direction, what): f"{100 * trained[direction][what]:.0f} %"
        for direction in ("domain", "label")
        for what in ("label_told", "domain_told")
    }
    before = unmoved["domain"]
    assert (
        f"tells the angle of {shares['domain', 'domain_told']} of the digits that were moved along its own gradient, "
        f"instead of {100 * before['domain_told']:.0f} %; the label net tells their digit as before, "
        f"{shares['domain', 'label_told']} instead of {100 * before['label_told']:.0f} %."
    ) in WORDS
    assert f"digit is told of {shares['label', 'label_told']}, the angle of {shares['label', 'domain_told']}." in WORDS


def test_each_gradient_is_hard_for_its_own_net_and_easier_for_the_other_at_every_step() -> None:
    for row in rows()[1:]:
        assert row["domain"]["domain_told"] < row["domain"]["label_told"]
        assert row["label"]["label_told"] < row["label"]["domain_told"]


def test_the_page_asks_nothing_of_other_sites() -> None:
    parts = [FIGURE, (DOCS / "figures" / "step-size.css").read_text(), (DOCS / "figures" / "step-size.js").read_text()]
    assert not any(re.search(r"https?://|@import|url\(", part) for part in parts)
    svg = (DOCS / "images" / "two-nets.svg").read_text(encoding="utf-8")
    assert re.findall(r"https?://\S+?(?=\")", svg) == ["http://www.w3.org/2000/svg"]
    assert "prefers-color-scheme: dark" in svg
    assert "<title" in svg
    assert "<desc" in svg


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    """The page's own HTML, with what it includes, at the place that it has in the built site."""

    def included(found: re.Match[str]) -> str:
        return (ROOT / found.group(1)).read_text(encoding="utf-8")

    block = PAGE[PAGE.index('<div class="step-size">') : PAGE.index("</div>\n\n", PAGE.index("<script>"))]
    html = re.sub(r'^--8<-- "(.+)"$', included, block, flags=re.MULTILINE)
    (tmp_path / "how-it-works").mkdir()
    shutil.copytree(DOCS / "images", tmp_path / "images", ignore=lambda _, names: {n for n in names if "step" not in n})
    path = tmp_path / "how-it-works" / "index.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><body class=md-typeset>{html}</div>", encoding="utf-8")
    return path


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on the PATH (Debian's package chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


def test_the_slider_chooses_a_step_by_keyboard_and_without_a_script_all_steps_are_seen(
    browser: Any, page_file: Path
) -> None:
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(page_file.as_uri())
    assert page.locator("li:visible p").all_inner_texts() == ["Step 0.3"]
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.locator("li:visible p").all_inner_texts() == ["Step 0.5"]
    assert page.locator("input").get_attribute("aria-valuetext") == "step 0.5"
    page.keyboard.press("End")
    assert page.locator("li:visible p").all_inner_texts() == [f"Step {rows()[-1]['step']:g}"]
    widths = page.eval_on_selector_all("img", "all => all.map(picture => picture.naturalWidth)")
    assert set(widths) == {80}
    assert errors == []

    still = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800}).new_page()
    still.goto(page_file.as_uri())
    assert still.locator("li:visible").count() == len(rows())
    assert not still.locator("input").is_visible()
