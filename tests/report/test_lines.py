from xml.etree import ElementTree

import pytest

from crossgrad.report.lines import Level, Line, Point, line_chart
from crossgrad.report.scatter import COLOURS

SVG = "{http://www.w3.org/2000/svg}"


def parsed(panels):
    return ElementTree.fromstring(line_chart(panels, x="across", y="up", description="picture"))


def places(line):
    return [tuple(map(float, place.split(","))) for place in line.get("points").split()]


def test_equal_ratios_are_equally_far_apart_and_up_is_up():
    curve = Line("a", (Point(1.0, 0.0), Point(10.0, 2.0), Point(100.0, 1.0)))
    (line,) = parsed({"one": (None, [curve])}).iter(f"{SVG}polyline")
    (x0, y0), (x1, y1), (x2, y2) = places(line)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)
    assert y0 - y1 == pytest.approx(2 * (y0 - y2), abs=0.21)
    assert y1 < y2 < y0


def test_a_name_has_one_colour_in_all_panels_and_the_panels_one_axis_across():
    a, b = Line("a", (Point(1.0, 0.0), Point(2.0, 1.0))), Line("b", (Point(2.0, 50.0), Point(4.0, 60.0)))
    page = parsed({"left": (None, [a]), "right": (None, [b, a])})
    left, *right = page.iter(f"{SVG}polyline")
    assert [line.get("stroke") for line in (left, *right)] == [COLOURS[0], COLOURS[1], COLOURS[0]]
    assert [x for x, _ in places(left)] == [x for x, _ in places(right[1])]
    assert places(left)[1][0] == places(right[0])[0][0]


def test_errors_and_levels_are_as_long_as_they_are_on_the_axis():
    curve = Line("a", (Point(1.0, 0.0, 1.0), Point(2.0, 4.0, None)))
    page = parsed({"one": (Level("b", 2.0, 0.5), [curve])})
    ((_, y0), (_, y1)) = places(next(page.iter(f"{SVG}polyline")))
    unit = (y0 - y1) / 4
    (bar,) = [path for path in page.iter(f"{SVG}path") if path.get("stroke") == COLOURS[0]]
    _, bottom, top = map(float, bar.get("d").replace("M", "").replace("V", " ").split())
    assert bottom - y0 == pytest.approx(unit, abs=0.11)
    assert y0 - top == pytest.approx(unit, abs=0.11)
    (band,) = [each for each in page.iter(f"{SVG}rect") if each.get("opacity")]
    assert float(band.get("height")) == pytest.approx(unit, abs=0.21)
    dashed = [path for path in page.iter(f"{SVG}path") if path.get("stroke-dasharray")]
    assert len(dashed) == 2  # the level, and its name's
    assert float(dashed[0].get("d").split("h")[0].removeprefix("M0 ")) == pytest.approx((y0 + y1) / 2, abs=0.11)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.9, 60.0, ["1", "2", "5", "10", "20", "50"]), (66.0, 74.0, ["50", "100", "200"])],
    ids=["decades", "less than one"],
)
def test_ticks_across_are_round_numbers_between_the_ends(low, high, ticks):
    curve = Line("a", (Point(high, 2.0), Point(low, 1.0)))
    page = parsed({"one": (None, [curve])})
    below = {text.get("y") for text in page.iter(f"{SVG}text") if text.text == ticks[0]}
    assert [text.text for text in page.iter(f"{SVG}text") if {text.get("y")} == below] == ticks


def test_points_are_joined_from_left_to_right():
    curve = Line("a", (Point(5.0, 2.0), Point(1.0, 1.0), Point(9.0, 1.0)))
    (line,) = parsed({"one": (None, [curve])}).iter(f"{SVG}polyline")
    assert places(line) == sorted(places(line))


def test_one_point_alone_can_be_drawn():
    (line,) = parsed({"one": (None, [Line("a", (Point(3.0, 7.0),))])}).iter(f"{SVG}polyline")
    assert places(line) == [(160.0, 120.0)]


def test_curves_leave_a_panel_where_they_are_farther_from_its_level_than_is_shown():
    lines = [Line("a", (Point(1.0, 51.0), Point(2.0, 53.0))), Line("b", (Point(1.0, 50.0), Point(2.0, 2.0)))]
    text = line_chart({"one": (Level("c", 50.0), lines)}, x="x", y="y", description="d", within=5.0)
    page = ElementTree.fromstring(text)
    (frame,) = [each for each in page.iter(f"{SVG}svg") if each is not page]
    near, far = (places(line) for line in frame.iter(f"{SVG}polyline"))
    height = float(frame.get("height"))
    assert all(0 <= y <= height for _, y in near)
    assert near[0][1] - near[1][1] > height / 5  # two of eight points that are shown
    assert far[1][1] > height


def test_curves_that_share_their_x_stand_side_by_side_about_it():
    lines = [Line(name, (Point(1.0, 1.0, 0.5), Point(10.0, 2.0, 0.5))) for name in "abc"]
    text = line_chart({"one": (None, lines)}, x="x", y="y", description="d", apart=4)
    left, middle, right = (places(line) for line in ElementTree.fromstring(text).iter(f"{SVG}polyline"))
    alone = places(next(parsed({"one": (None, lines[:1])}).iter(f"{SVG}polyline")))
    assert middle == alone
    for (x0, y0), (x1, y1), (x2, y2) in zip(left, middle, right, strict=True):
        assert (x1 - x0, x2 - x1) == pytest.approx((4, 4))
        assert y0 == y1 == y2


def test_all_names_stand_inside_the_picture():
    lines = [Line(name * 8, (Point(1.0, 1.0), Point(2.0, 2.0))) for name in "abcde"]
    page = parsed({"one": (Level("level", 1.5), lines)})
    _, _, width, height = map(float, page.get("viewBox").split())
    named = [text for text in page.findall(f"{SVG}text") if text.text in ("level", *(name * 8 for name in "abcde"))]
    assert len(named) == 6
    for text in named:
        assert float(text.get("x")) + 80 <= width
        assert float(text.get("y")) <= height


def test_names_are_escaped():
    text = line_chart(
        {"<b>": (Level("<u>", 1.0), [Line("<script>", (Point(1.0, 1.0),))])}, x="<x>", y="<y>", description="<i>"
    )
    for name in ("<b>", "<u>", "<script>", "<x>", "<y>", "<i>"):
        assert name not in text
    ElementTree.fromstring(text)
