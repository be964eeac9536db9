"""Every text on the page, and every mark and control, stands out from what is behind it as WCAG 2.1 asks for."""

from pathlib import Path
from typing import Any

import pytest

from crossgrad.report import write_report

from .conftest import MakeFolder, Open

TEXT, THINGS = 4.5, 3.0
"""Contrast of text (1.4.3), and of controls and parts of figures (1.4.11)."""

MEASURE = """() => {
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
  const parse = text => {
    const n = text.match(/-?[\\d.]+(e-?\\d+)?/g).map(Number), scale = text.startsWith("rgb") ? 255 : 1;
    return [n[0] / scale, n[1] / scale, n[2] / scale, n[3] ?? 1];
  };
  const over = (top, under) => top.slice(0, 3).map((v, i) => v * top[3] + under[i] * (1 - top[3]));
  const background = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [1, 1, 1]);
  };
  const ratio = (colour, element) => {
    const behind = background(element), front = over(parse(colour), behind);
    const [bright, dark] = [luminance(front), luminance(behind)].sort((a, b) => b - a);
    return (bright + 0.05) / (dark + 0.05);
  };
  const visible = e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length > 0;
  const told = (e, what) => `${e.tagName.toLowerCase()}.${e.getAttribute("class") ?? ""}: ${what.trim().slice(0, 40)}`;
  const texts = [], things = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.textContent.trim() || !visible(e)) continue;
    const style = getComputedStyle(e);
    texts.push([told(e, node.textContent), ratio(e instanceof SVGElement ? style.fill : style.color, e)]);
  }
  const look = (selector, property, behind) => document.querySelectorAll(selector).forEach(
    e => things.push([told(e, property), ratio(getComputedStyle(e)[property], behind ? e.parentElement : e)]));
  look("select", "borderTopColor", true);
  look("input", "accentColor", true);
  look(".swatch", "backgroundColor", true);
  look(".interval", "stroke", false);
  return {texts, things};
}"""


def measured(page: Any) -> dict[str, list[tuple[str, float]]]:
    for details in page.locator("details").all():
        details.evaluate("details => { details.open = true }")
    for kind in (".panel .mark", ".intervals .mark", ".plot .mark"):
        if page.locator(kind).count():
            page.locator(kind).first.focus()
            tip = page.locator(kind).first.locator(".tip")
            assert tip.is_visible()
    found: dict[str, list[tuple[str, float]]] = page.evaluate(MEASURE)
    return found


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_all_text_marks_and_controls_stand_out(
    make_folder: MakeFolder, open_page: Open, colours: str, width: int
) -> None:
    methods = ["erm", "label_grad", "dann", "ccsa", "mtae", "crossgrad", "hybrid", "random", "repeat"]
    folder = make_folder(
        methods=methods, domains=["0", "15"], predictions=40, sound=True, failed=[("dann", "0", 1)], seeds=(0, 1)
    )
    page = open_page(write_report(folder).html, width=width, colours=colours).page
    found = measured(page)
    assert len(found["texts"]) > 200
    assert len(found["things"]) > 15
    assert sorted({(what, round(ratio, 2)) for what, ratio in found["texts"] if ratio < TEXT}) == []
    assert sorted({(what, round(ratio, 2)) for what, ratio in found["things"] if ratio < THINGS}) == []


def test_text_that_is_too_pale_would_be_found(tmp_path: Path, open_page: Open) -> None:
    page = tmp_path / "pale.html"
    page.write_text('<body style="background: #fff"><p style="color: #888">pale <b style="color: #000">black</b>')
    ((_, pale), (_, black)) = measured(open_page(page).page)["texts"]
    assert pale == pytest.approx(3.54, abs=0.01)
    assert black == pytest.approx(21)
