import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data.strokes import draw_strokes
from crossgrad.errors import DataError, SettingsError

RNG = np.random.RandomState(0)
SCRIBBLE = [RNG.rand(20, 2) * [3, 2], RNG.rand(7, 2) * [3, 2], RNG.rand(1, 2)]

coordinates = st.floats(-1e6, 1e6)
a_stroke = st.lists(st.tuples(coordinates, coordinates), max_size=8).map(lambda it: np.array(it, float).reshape(-1, 2))


def line(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, dtype=float)


def ink_box(image: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(image)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


@pytest.mark.parametrize("thickness", [0.5, 1.0, 1.7, 3.0])
@pytest.mark.parametrize("end", [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.37)])
def test_the_ink_of_a_line_is_its_length_times_its_thickness_and_a_round_end_on_either_side(end, thickness):
    image = draw_strokes([line((0, 0), end)], size=64, thickness=thickness)
    length = (64 - 2 - thickness) * np.hypot(*end)  # the longer side fills the room
    assert image.sum() == pytest.approx(length * thickness + np.pi * thickness**2 / 4, rel=0.03)


@pytest.mark.parametrize("thickness", [1.0, 2.5, 9.0])
def test_a_single_point_is_a_round_dot_in_the_middle(thickness):
    image = draw_strokes([line((5, -7))], size=24, thickness=thickness)
    assert image.sum() == pytest.approx(np.pi * thickness**2 / 4, rel=0.03)
    np.testing.assert_array_equal(image, image[::-1])
    np.testing.assert_array_equal(image, image[:, ::-1])
    np.testing.assert_array_equal(image, image.T)


def test_a_pen_that_stays_leaves_the_same_dot_as_one_that_touches():
    dot = draw_strokes([line((1, 1))], size=16, thickness=3)
    np.testing.assert_array_equal(draw_strokes([line((1, 1), (1, 1), (1, 1))], size=16, thickness=3), dot)


def test_a_corner_is_round_and_has_no_gap():
    image = draw_strokes([line((0, 1), (0, 0), (1, 0))], size=32, thickness=8)
    assert image[6, 6] == 1  # within the pen's radius of the corner
    assert image[1, 1] == 0  # where a mitred join would have its tip
    assert image[5, 1] == 1  # and the pen's edge touches the margin


@pytest.mark.parametrize("factor", [1e-200, 1e-3, 1.0, 7.0, 1e150])
def test_the_unit_and_the_place_of_the_strokes_do_not_matter(factor):
    moved = [stroke * factor + np.array([2.0, -3.0]) * factor for stroke in SCRIBBLE]
    expected = draw_strokes(SCRIBBLE, size=32, thickness=1.5)
    np.testing.assert_allclose(draw_strokes(moved, size=32, thickness=1.5), expected, atol=1.01 / 255)


def test_turned_strokes_are_the_turned_drawing():
    turned = [np.stack([-stroke[:, 1], stroke[:, 0]], axis=1) for stroke in SCRIBBLE]  # clockwise, as y points down
    expected = np.rot90(draw_strokes(SCRIBBLE, size=33, thickness=2), k=-1)
    np.testing.assert_allclose(draw_strokes(turned, size=33, thickness=2), expected, atol=1.01 / 255)


def test_y_points_down_and_x_to_the_right():
    image = draw_strokes([line((0, 0), (0, 10), (10, 10))], size=16, thickness=1)  # an L
    assert image[:, 1].sum() > 10
    assert image[-2, :].sum() > 10
    assert image[:8, 8:].sum() == 0


@pytest.mark.parametrize(("points", "box"), [(((0, 0), (4, 1)), (9.5, 32)), (((0, 0), (1, 4)), (32, 9.5))])
def test_the_aspect_is_kept_and_the_shorter_side_is_in_the_middle(points, box):
    top, bottom, left, right = ink_box(draw_strokes([line(*points)], size=40, thickness=2, margin=4))
    assert (top, left) == (40 - bottom, 40 - right)
    assert bottom - top == pytest.approx(box[0], abs=1)
    assert right - left == pytest.approx(box[1], abs=1)


@pytest.mark.parametrize("margin", [0.0, 1.0, 3.5])
def test_ink_reaches_the_margin_and_stays_out_of_it(margin):
    top, bottom, left, right = ink_box(draw_strokes(SCRIBBLE, size=32, thickness=2, margin=margin))
    assert min(top, left) == int(margin)
    assert max(bottom, right) == 32 - int(margin)


def test_strokes_are_joined_by_nothing():
    apart = draw_strokes([line((0, 0), (0, 9)), line((9, 0), (9, 9))], size=32, thickness=1)
    joined = draw_strokes([line((0, 0), (0, 9), (9, 0), (9, 9))], size=32, thickness=1)
    assert apart[:, 10:22].sum() == 0
    assert joined[:, 10:22].sum() > 10


def test_what_is_drawn_twice_is_no_darker():
    twice = draw_strokes([*SCRIBBLE, SCRIBBLE[0][::-1]], size=32, thickness=1.3)
    np.testing.assert_allclose(twice, draw_strokes(SCRIBBLE, size=32, thickness=1.3), atol=1.01 / 255)


@given(st.lists(a_stroke, max_size=4), st.floats(0.3, 6), st.integers(8, 20))
def test_every_drawing_is_an_image_in_256_shades_with_its_ink_inside(strokes, thickness, size):
    if not any(map(len, strokes)):
        with pytest.raises(DataError, match="no points"):
            draw_strokes(strokes, size=size, thickness=thickness)
        return
    image = draw_strokes(strokes, size=size, thickness=thickness)
    assert (image.dtype, image.shape) == (np.float32, (size, size))
    shades = np.rint(image * 255).astype(np.uint8)
    np.testing.assert_array_equal(shades.astype(np.float32) / np.float32(255), image)
    assert image.max() > 0
    assert image[0].max() == image[-1].max() == image[:, 0].max() == image[:, -1].max() == 0


@given(st.lists(a_stroke.filter(len), min_size=1, max_size=3))
def test_a_thicker_pen_leaves_more_ink(strokes):
    def ink(thickness):
        return draw_strokes(strokes, size=24, thickness=thickness).sum()

    assert ink(0.7) < ink(1.5) < ink(3) < ink(24 - 2)


@given(st.lists(a_stroke.filter(len), min_size=1, max_size=3))
def test_the_direction_of_the_pen_does_not_matter(strokes):
    back = [stroke[::-1] for stroke in reversed(strokes)]
    np.testing.assert_allclose(
        draw_strokes(back, size=16, thickness=1), draw_strokes(strokes, size=16, thickness=1), atol=1.01 / 255
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e308, -1e308])
def test_a_point_that_is_nowhere_is_refused(bad):
    with pytest.raises(DataError, match="not finite"):
        draw_strokes([line((0, 0), (bad, 1)), line((-bad, 0), (0, 1))], size=16, thickness=1)


@pytest.mark.parametrize(
    "settings",
    [
        {"size": 8, "thickness": 0},
        {"size": 8, "thickness": float("nan")},
        {"size": 8, "thickness": 6.1},
        {"size": 8, "thickness": 1, "margin": -1},
        {"size": 2, "thickness": 1},
    ],
)
def test_a_pen_that_does_not_fit_is_refused(settings):
    with pytest.raises(SettingsError, match="does not fit"):
        draw_strokes(SCRIBBLE, **settings)


def test_a_size_that_would_fill_the_memory_is_quoted():
    with pytest.raises(SettingsError, match="size must be at most 512 pixels, not 100000"):
        draw_strokes(SCRIBBLE, size=100_000, thickness=1)
