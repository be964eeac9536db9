import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data.unipen import read_strokes
from crossgrad.errors import DataError

# The keywords are those that the toolkit's own writer begins a file with.
CHARACTER = """\
.VERSION 1.0
.HIERARCHY CHARACTER
.COORD X Y T
.SEGMENT CHARACTER
.X_POINTS_PER_INCH 100
.Y_POINTS_PER_INCH 100
.POINTS_PER_SECOND 75
.H_LINE 2760 3280
.V_LINE 2320 2840
.PEN_DOWN
2400 2800 0
2410 2805 13
.PEN_UP
.DT 100
.PEN_DOWN
  2500\t2900  200
.PEN_UP
"""

coordinates = st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6))


def test_a_file_of_the_toolkit_is_read():
    first, second = read_strokes(CHARACTER)
    np.testing.assert_array_equal(first, [[2400, 2800], [2410, 2805]])
    np.testing.assert_array_equal(second, [[2500, 2900]])
    assert first.dtype == np.float64


def test_line_ends_of_another_system_make_no_difference():
    for ours, theirs in zip(read_strokes(CHARACTER), read_strokes(CHARACTER.replace("\n", "\r\n")), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(
    st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=6), min_size=1, max_size=4),
    st.sampled_from(["", ".COORD X Y\n", ".COMMENT one\ntwo 3 4\n.COORD X Y\n"]),
)
def test_what_was_written_is_read(strokes, head):
    body = "".join(".PEN_DOWN\n" + "".join(f"{x!r} {y!r}\n" for x, y in points) + ".PEN_UP\n" for points in strokes)
    for points, read in zip(strokes, read_strokes(head + body), strict=True):
        np.testing.assert_array_equal(read, np.array(points, dtype=float))


@pytest.mark.parametrize(
    ("columns", "line"), [("X Y T P", "1 2 30 4"), ("T X Y", "30 1 2"), ("Y P X", "2 4 1"), ("X Y", "1e0 +2.")]
)
def test_columns_are_where_coord_says(columns, line):
    (stroke,) = read_strokes(f".COORD {columns}\n.PEN_DOWN\n{line}\n.PEN_UP\n")
    np.testing.assert_array_equal(stroke, [[1, 2]])


def test_x_and_y_come_first_where_nothing_is_said():
    (stroke,) = read_strokes(".PEN_DOWN\n1 2 30\n3 4 40\n.PEN_UP\n")
    np.testing.assert_array_equal(stroke, [[1, 2], [3, 4]])


def test_the_way_through_the_air_is_no_stroke():
    strokes = read_strokes(".PEN_UP\n7 7\n.PEN_DOWN\n1 2\n.PEN_UP\n8 8\n9 9\n.PEN_DOWN\n3 4\n.PEN_UP\n5 5\n")
    assert [stroke.tolist() for stroke in strokes] == [[[1, 2]], [[3, 4]]]


def test_a_pen_that_went_down_without_a_point_leaves_nothing():
    assert len(read_strokes(".PEN_DOWN\n.PEN_UP\n.PEN_DOWN\n1 2\n.PEN_UP\n")) == 1


def test_keywords_within_a_stroke_are_passed_over():
    (stroke,) = read_strokes(".PEN_DOWN\n1 2\n.COMMENT a hook\n3 4\n.PEN_UP\n")
    assert stroke.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "damaged", ["2410 28O5 13", "2410 2805", "2410 2805 13 1", "nan 1 2", "1e999 1 2", "1_0 2 3", "٣ 4 5"]
)
def test_a_damaged_point_is_named_with_its_line(damaged):
    with pytest.raises(DataError, match=r"line 12: .*3 numbers \(X Y T\)") as caught:
        read_strokes(CHARACTER.replace("2410 2805 13", damaged))
    assert repr(damaged) in str(caught.value)


def test_a_single_number_is_no_point():
    with pytest.raises(DataError, match="line 2: '5' is no point; two or more numbers"):
        read_strokes(".PEN_DOWN\n5\n.PEN_UP\n")


def test_columns_without_x_are_refused():
    with pytest.raises(DataError, match=r"line 1: '.COORD Y T' names no X"):
        read_strokes(".COORD Y T\n.PEN_DOWN\n1 2\n.PEN_UP\n")


def test_a_file_that_is_cut_off_is_refused():
    with pytest.raises(DataError, match=r"missing, so the file may be cut off"):
        read_strokes(CHARACTER.removesuffix(".PEN_UP\n"))


@pytest.mark.parametrize("text", ["", "1 2\n3 4\n", ".VERSION 1.0\n", ".PEN_DOWN\n.PEN_UP\n"])
def test_a_text_without_strokes_is_refused(text):
    with pytest.raises(DataError, match="no pen strokes"):
        read_strokes(text)
