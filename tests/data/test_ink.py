import os
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crossgrad.data.ink import fit_ink, read_ink
from crossgrad.data.strokes import draw_strokes
from crossgrad.errors import DataError, SettingsError


def encoded(image: Image.Image, form: str, **settings: str) -> bytes:
    buffer = BytesIO()
    image.save(buffer, form, **settings)
    return buffer.getvalue()


PAGE = np.full((9, 12), 255, dtype=np.uint8)
PAGE[2:5, 3:11] = 0


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
@pytest.mark.parametrize(("form", "settings"), [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "packbits"})])
def test_dark_is_ink_whatever_the_depth_of_the_file(mode, form, settings):
    ink = read_ink(encoded(Image.fromarray(PAGE).convert(mode), form, **settings))
    np.testing.assert_array_equal(ink, 255 - PAGE)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_shades_from_black_to_white(form):
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    ink = read_ink(encoded(Image.fromarray(grey * 257), form))
    np.testing.assert_array_equal(ink, 255 - grey)


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_a_transparent_ground_is_no_ink(mode):
    if mode == "P":
        image = Image.fromarray((PAGE == 0).astype(np.uint8), "P")
        image.putpalette([0, 0, 0, 0, 0, 0])
        content = encoded(image, "PNG", transparency=0)
    else:
        image = Image.new(mode, PAGE.shape[::-1])  # black, and wholly transparent
        image.putalpha(Image.fromarray(255 - PAGE))
        content = encoded(image, "PNG")
    np.testing.assert_array_equal(read_ink(content), 255 - PAGE)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "RGBA"])
def test_images_without_anything_transparent_are_converted_to_the_bit_as_pillow_does(mode):
    pixels = np.random.RandomState(0).randint(0, 256, (40, 30, 3)).astype(np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    np.testing.assert_array_equal(read_ink(encoded(image, "PNG")), 255 - np.asarray(image.convert("L")))


@pytest.mark.parametrize("photometric", ["white is zero", "black is zero"])
def test_dark_is_ink_whichever_bit_a_bilevel_tiff_has_for_it(photometric):
    tags = {262: 0 if photometric == "white is zero" else 1}
    content = BytesIO()
    Image.fromarray(PAGE).convert("1").save(content, "TIFF", tiffinfo=tags)
    ink = read_ink(content.getvalue())
    assert set(np.unique(ink)) == {0, 255}
    assert (ink > 0).sum() == 24


@pytest.mark.parametrize("content", [b"", b"no image", encoded(Image.new("L", (4, 4)), "GIF")])
def test_what_is_no_png_or_tiff_is_refused(content):
    with pytest.raises(DataError, match="not a readable PNG or TIFF"):
        read_ink(content)


def test_a_file_that_is_cut_off_is_refused():
    whole = encoded(Image.fromarray(PAGE), "PNG")
    with pytest.raises(DataError, match="not a readable"):
        read_ink(whole[: len(whole) // 2])


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 9), st.integers(0, 9), st.integers(4, 40))
def test_a_block_of_ink_fills_the_room_with_its_aspect_kept_wherever_it_stood(height, width, above, left, size):
    ink = np.pad(np.full((height, width), 255, dtype=np.uint8), ((above, 3), (left, 2)))
    fitted = fit_ink(ink, size=size)
    assert fitted.shape == (size, size)
    expected = (size - 2) ** 2 * min(height, width) / max(height, width)
    assert fitted.sum() == pytest.approx(expected, rel=0.02, abs=0.1)
    assert (fitted[0].max(), fitted[-1].max(), fitted[:, 0].max(), fitted[:, -1].max()) == (0, 0, 0, 0)
    np.testing.assert_allclose(fitted, fitted[::-1, ::-1], atol=1.01 / 255)
    shades = np.rint(fitted * 255).astype(np.uint8)
    np.testing.assert_array_equal(shades.astype(np.float32) / np.float32(255), fitted)


SHADES = """
import hashlib
import numpy as np
from crossgrad.data.ink import fit_ink
random = np.random.default_rng(0)
pages = [random.integers(0, 2, size=random.integers(20, 90, size=2), dtype=np.uint8) * 255 for _ in range(300)]
print(hashlib.sha256(np.stack([fit_ink(page, size=32) for page in pages])).hexdigest())
"""


def test_shades_are_the_same_whatever_the_order_of_sums_that_a_processor_takes():
    printed = {
        subprocess.run([sys.executable, "-c", SHADES], env=os.environ | kernel, capture_output=True, check=True).stdout
        for kernel in ({}, {"OPENBLAS_CORETYPE": "Prescott"})  # numpy's products by AVX and by SSE3
    }
    assert len(printed) == 1


def test_a_picture_of_strokes_lies_where_the_strokes_are_drawn():
    strokes = [np.array([[0.0, 0.0], [5.0, 9.0], [12.0, 3.0]]), np.array([[2.0, 8.0], [9.0, 8.0]])]
    large = draw_strokes(strokes, size=320, thickness=20, margin=40)
    fitted = fit_ink(np.rint(large * 255).astype(np.uint8), size=32)
    assert np.abs(fitted - draw_strokes(strokes, size=32, thickness=20 / 240 * 30)).max() < 0.1


def test_a_blank_page_is_refused():
    with pytest.raises(DataError, match="no ink"):
        fit_ink(np.full((5, 5), 127, dtype=np.uint8), size=8)


@pytest.mark.parametrize(("size", "margin"), [(2, 1.0), (8, -1.0), (8, 4.0)])
def test_no_room_between_the_margins_is_refused(size, margin):
    with pytest.raises(SettingsError, match="no room"):
        fit_ink(255 - PAGE, size=size, margin=margin)


def test_a_size_that_would_fill_the_memory_is_quoted():
    assert fit_ink(255 - PAGE, size=512).shape == (512, 512)
    with pytest.raises(SettingsError, match="size must be at most 512 pixels, not 513"):
        fit_ink(255 - PAGE, size=513)
