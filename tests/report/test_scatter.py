from xml.etree import ElementTree

import numpy as np
import pytest

from crossgrad.report.scatter import COLOURS, scatter

SVG = "{http://www.w3.org/2000/svg}"


def parsed(panels, **options):
    return ElementTree.fromstring(scatter(panels, description="picture", **options))


def dots(group):
    return [(float(dot.get("cx")), float(dot.get("cy"))) for dot in group.iter(f"{SVG}circle")]


def test_every_point_is_drawn_in_its_groups_colour_and_inside_its_panel():
    points = np.random.RandomState(0).normal(size=(30, 2))
    page = parsed({"left": {"a": points[:10], "b": points[10:20]}, "right": {"b": points[20:]}})
    groups = page.findall(f"{SVG}g")
    assert [len(dots(group)) for group in groups] == [10, 10, 10]
    assert [group.get("fill") for group in groups] == [COLOURS[0], COLOURS[1], COLOURS[1]]
    for group, left in zip(groups, (0, 0, 344), strict=True):
        assert all(left <= x <= left + 320 and 28 <= y <= 348 for x, y in dots(group))


def test_distances_are_kept_and_up_is_up():
    (group,) = parsed({"one": {"a": np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])}}).findall(f"{SVG}g")
    (x0, y0), (x1, _), (_, y2) = dots(group)
    assert (y0 - y2) == pytest.approx(2 * (x1 - x0), abs=0.3)
    assert y2 < y0


def test_names_are_escaped():
    text = scatter({"<b>": {"<script>": np.zeros((1, 2))}}, description="<i>")
    assert "<script>" not in text
    assert "<b>" not in text
    ElementTree.fromstring(text)
