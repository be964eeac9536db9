import contextlib
import io
import json
import os
import struct
import zlib

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose
from PIL import Image

from crossgrad.data.image_decoding import ImageDecoding, readable_formats
from crossgrad.errors import DataError, SettingsError

GREY_4 = ImageDecoding(image_size=4, channels=1)
COLOUR_4 = ImageDecoding(image_size=4, channels=3)


def saved(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    file.seek(0)
    return file


def filled(mode, colour, size=(4, 4)):
    return Image.new(mode, size, colour)


@pytest.mark.parametrize(
    ("image", "red_green_blue"),
    [
        (filled("1", 1), (1, 1, 1)),
        (filled("L", 51), (0.2, 0.2, 0.2)),
        (filled("RGB", (255, 51, 0)), (1, 0.2, 0)),
        (filled("RGB", (255, 51, 0)).quantize(4), (1, 0.2, 0)),
        (filled("RGBA", (255, 0, 0, 0)), (1, 1, 1)),
        (filled("RGBA", (0, 0, 0, 204)), (0.2, 0.2, 0.2)),
        (filled("LA", (0, 204)), (0.2, 0.2, 0.2)),
        (Image.fromarray(np.full((4, 4), 13107, np.uint16)), (0.2, 0.2, 0.2)),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else "",
)
def test_every_mode_of_png_becomes_fractions(image, red_green_blue):
    assert_allclose(COLOUR_4.decode(saved(image))[:, 1, 2], red_green_blue, atol=1e-6)


def test_float_and_cmyk_tiffs_become_fractions():
    assert_allclose(GREY_4.decode(saved(filled("F", 0.25), "TIFF")), 0.25)
    assert_allclose(COLOUR_4.decode(saved(filled("CMYK", (0, 0, 0, 255)), "TIFF")), 0)


def test_a_palettes_transparent_colour_is_laid_on_white():
    image = filled("P", 0)
    image.putpalette([0, 0, 0, 255, 255, 255])
    assert_allclose(GREY_4.decode(saved(image, transparency=0)), 1)


def test_sixteen_bits_of_grey_are_not_cut_to_eight():
    values = np.array([[1000, 1001], [1002, 65535]], np.uint16)
    decoded = ImageDecoding(image_size=2, channels=1).decode(saved(Image.fromarray(values)))
    assert_allclose(decoded[0], values / 65535, rtol=1e-6)


def test_an_image_of_the_right_size_is_not_resampled():
    pixels = np.random.RandomState(0).randint(0, 256, (4, 4, 3), dtype=np.uint8)
    decoded = COLOUR_4.decode(saved(Image.fromarray(pixels)))
    assert_allclose(decoded, np.moveaxis(pixels, 2, 0) / np.float32(255))


def test_the_aspect_is_kept_and_the_rest_filled_with_the_borders_median():
    pixels = np.full((4, 8), 51, np.uint8)
    pixels[1:3, 3:5] = 255
    decoded = ImageDecoding(image_size=8, channels=1).decode(saved(Image.fromarray(pixels)))[0]
    assert_allclose(decoded[2:6], pixels / np.float32(255))
    assert_allclose(decoded[[0, 1, 6, 7]], 0.2)


def test_the_exif_orientation_is_honoured():
    pixels = np.zeros((4, 4), np.uint8)
    pixels[0, 3] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    decoded = GREY_4.decode(saved(Image.fromarray(pixels), exif=exif))[0]
    assert np.argwhere(decoded == 1).tolist() == [[3, 0]]


def test_of_an_animation_the_first_frame_counts():
    frames = [filled("L", 0), filled("L", 255)]
    file = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert GREY_4.decode(file).max() == 0


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
    st.integers(1, 20),
    st.sampled_from([1, 3]),
)
def test_any_image_becomes_fractions_of_the_asked_shape(pixels, size, channels):
    decoded = ImageDecoding(image_size=size, channels=channels).decode(saved(Image.fromarray(pixels)))
    assert decoded.shape == (channels, size, size)
    assert decoded.dtype == np.float32
    assert 0 <= decoded.min() <= decoded.max() <= 1


@given(st.binary(max_size=60), st.integers(0, 200))
def test_damaged_bytes_are_a_data_error_and_nothing_else(noise, position):
    good = saved(Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)), "GIF").getvalue()
    damaged = good[:position] + noise + good[position + len(noise) :]
    with contextlib.suppress(DataError):
        assert GREY_4.decode(io.BytesIO(damaged)).shape == (1, 4, 4)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("in_colour", [False, True])
def test_colour_is_told_from_grey_by_the_head_of_a_file_as_by_the_image(mode, in_colour, tmp_path):
    image = filled("RGB", (255, 51, 0) if in_colour else (9, 9, 9))
    image = image.convert("L").convert(mode) if mode == "I;16" else image.convert(mode)
    image.save(tmp_path / "image.png")
    told = COLOUR_4.has_colour(tmp_path / "image.png")
    assert told == COLOUR_4.has_colour(saved(image)) == (in_colour and mode in ("P", "RGB", "RGBA"))


def test_the_first_bytes_of_a_grey_png_tell_that_it_is_grey(tmp_path):
    for mode, length in (("L", 26), ("LA", 26), ("L", 25), ("RGB", 26)):
        (tmp_path / "image.png").write_bytes(saved(filled(mode, 0)).read(length))
        if mode == "RGB" or length < 26:
            with pytest.raises(DataError, match=r"cannot read image .*image\.png"):
                COLOUR_4.has_colour(tmp_path / "image.png")
        else:
            assert not COLOUR_4.has_colour(tmp_path / "image.png")


@pytest.mark.parametrize("path", ["pipe", "nothing", "folder", "a\0b"])
def test_what_cannot_be_opened_is_neither_grey_nor_waited_for(path, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="cannot read image"):
        COLOUR_4.has_colour(str(tmp_path / path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read image '.*gone\.png': .*No such file"):
        GREY_4.decode(tmp_path / "gone.png")


def test_a_file_cut_off_is_named(tmp_path):
    noise = np.random.RandomState(0).randint(0, 256, (64, 64), dtype=np.uint8)
    path = tmp_path / "cut.png"
    path.write_bytes(saved(Image.fromarray(noise)).getvalue()[:2000])
    with pytest.raises(DataError, match=r"cannot read image '.*cut\.png': .*truncated"):
        GREY_4.decode(str(path))


def test_what_is_no_image_is_named(tmp_path):
    path = tmp_path / "text.png"
    path.write_text("hello")
    with pytest.raises(DataError, match=r"cannot read image '.*text\.png': cannot identify"):
        GREY_4.decode(path)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(DataError, match="decompression bomb"):
        GREY_4.decode(io.BytesIO(bomb))


def test_deep_values_of_unknown_scale_are_refused():
    with pytest.raises(DataError, match="its values run from 2 to 2, not from 0 to 1"):
        GREY_4.decode(saved(filled("F", 2.0), "TIFF"))
    with pytest.raises(DataError, match="its values run from -1 to -1, not from 0 to 65535"):
        GREY_4.decode(saved(filled("I", -1), "TIFF"))


def test_postscript_is_never_run():
    assert ".eps" not in readable_formats()
    assert {".png", ".jpg", ".tif", ".webp"} <= set(readable_formats())
    with pytest.raises(DataError, match="cannot identify"):
        GREY_4.decode(saved(filled("L", 0), "EPS"))


@pytest.mark.parametrize(
    ("size", "channels", "message"),
    [(0, 1, "image_size must be at least 1 pixel, but is 0"), (8, 4, "must be 1 .* or 3 .*, but is 4")],
)
def test_impossible_decodings_are_refused(size, channels, message):
    with pytest.raises(SettingsError, match=message):
        ImageDecoding(image_size=size, channels=channels)


@pytest.mark.parametrize(("size", "channels"), [(32.0, 1), (True, 1), ("32", 1), (8, True), (8, 3.0)])
def test_what_is_no_whole_number_is_no_size(size, channels, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # what a user, whose types go unchecked, sees
    with pytest.raises(SettingsError, match=r"(image_size|channels) must be a whole number, but is "):
        ImageDecoding.from_json({"image_size": size, "channels": channels})


def test_whole_numbers_of_numpy_are_kept_as_pythons(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    decoding = ImageDecoding(np.int64(8), np.uint8(3))
    assert json.dumps(decoding.to_json()) == json.dumps(ImageDecoding(8, 3).to_json())


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_an_image_without_pixels_is_told(size):
    for read in (GREY_4.decode, GREY_4.has_colour):
        with pytest.raises(DataError, match="cannot read image from an open file: it has no pixels"):
            read(Image.new("L", size))


def test_a_device_is_not_read(tmp_path):
    (tmp_path / "a.png").symlink_to("/dev/zero")
    for read in (GREY_4.decode, GREY_4.has_colour):
        with pytest.raises(DataError, match=r"a\.png': it is a device; write it to a file first"):
            read(tmp_path / "a.png")


def test_a_decoding_comes_back_from_json():
    assert ImageDecoding.from_json(json.loads(json.dumps(COLOUR_4.to_json()))) == COLOUR_4
