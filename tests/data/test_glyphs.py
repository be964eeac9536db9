import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crossgrad.data.glyphs import Font, fit_in_circle
from crossgrad.errors import DataError
from small_fonts import BOX, font_bytes, shape

LETTERS = "ABCDEFGH"
GOOD = {character: shape(character) for character in LETTERS}
KINDS = ("ttf", "otf", "woff", "woff2")


def opened(drawings, *, em_pixels=100, kind="ttf"):
    return Font(font_bytes(drawings, kind=kind), em_pixels=em_pixels, name=f"small.{kind}")


def lacking(drawings, characters=LETTERS):
    return "".join(character for character, glyph in opened(drawings).draw(characters).items() if glyph is None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_of_font_draws_the_same(kind):
    glyphs = opened(GOOD, em_pixels=1000, kind=kind).draw(LETTERS)
    for character, glyph in glyphs.items():
        expected = np.zeros((1000, 1000), dtype=bool)
        for left, bottom, right, top in GOOD[character]:
            expected[bottom:top, left:right] = True
        rows, columns = np.nonzero(expected)
        expected = expected[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1][::-1]
        assert (glyph.height, glyph.width) == expected.shape
        assert np.mean((np.asarray(glyph) > 127) == expected) > 0.99


def test_a_drawing_is_cut_to_its_ink():
    for glyph in opened(GOOD).draw(LETTERS).values():
        assert glyph.getbbox() == (0, 0, *glyph.size)
        assert glyph.getextrema() == (0, 255) or glyph.getextrema() == (255, 255)


def test_a_larger_em_square_draws_larger():
    small, large = (opened(GOOD, em_pixels=em).draw("A")["A"] for em in (100, 300))
    assert large.height == pytest.approx(3 * small.height, abs=3)


def test_a_font_that_has_all_characters_lacks_none():
    assert lacking(GOOD) == ""


def test_a_character_that_is_missing_is_lacking():
    assert lacking({character: drawing for character, drawing in GOOD.items() if character != "C"}) == "C"


def test_a_character_that_is_drawn_empty_is_lacking():
    assert lacking(GOOD | {"D": ()}) == "D"


def test_a_character_that_is_drawn_as_the_box_for_missing_ones_is_lacking():
    assert lacking(GOOD | {"E": (BOX,)}) == "E"


def test_a_drawing_that_three_characters_share_is_a_placeholder():
    other = ((0, 0, 300, 300),)
    assert lacking(GOOD | dict.fromkeys("ABC", other)) == "ABC"


def test_two_characters_may_share_a_drawing():
    assert lacking(GOOD | {"B": GOOD["A"]}) == ""


def test_a_font_whose_characters_all_look_the_same_lacks_all():
    same = ((0, 0, 300, 300),)
    assert lacking(dict.fromkeys(LETTERS, same)) == LETTERS
    assert lacking({"A": same, "a": same}, "Aa") == "Aa"
    assert lacking({"A": same}, "A") == ""


@pytest.mark.parametrize("content", [b"", b"no font", b"\0\1\0\0" + bytes(100), font_bytes(GOOD)[:200]])
def test_a_file_that_is_no_font_is_named(content):
    with pytest.raises(DataError, match=r"'brush\.ttf' cannot be read as a font"):
        Font(content, em_pixels=100, name="brush.ttf").draw(LETTERS)


def test_a_drawing_beyond_all_measure_is_named_and_fills_no_memory():
    huge = GOOD | {"D": ((0, 0, 32_000, 100),)}
    with pytest.raises(DataError, match=r"font 'small\.ttf' draws 'D' larger than 10 em squares"):
        opened(huge, em_pixels=4000).draw("D")
    assert opened(GOOD | {"D": ((0, 0, 9_000, 100),)}).draw("D")["D"].width == pytest.approx(900, abs=1)


@given(width=st.integers(1, 90), height=st.integers(1, 90), diameter=st.integers(8, 120))
def test_a_glyph_fills_its_circle_and_does_not_leave_it(width, height, diameter):
    square = np.asarray(fit_in_circle(Image.new("L", (width, height), 255), diameter=diameter), dtype=float)
    assert square.shape == (diameter, diameter)
    np.testing.assert_allclose(square, square[::-1, ::-1], atol=1)  # its middle is in the middle
    rows, columns = np.nonzero(square > 0.3 * square.max())
    middle = (diameter - 1) / 2
    farthest = np.hypot(rows - middle, columns - middle).max()
    pixel = max(1.0, diameter / math.hypot(width, height))  # of the glyph, in pixels of the square
    assert diameter / 2 - 1.5 * pixel - 1 < farthest < diameter / 2 + pixel
