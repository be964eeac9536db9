"""Images of many formats."""

import io
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from fuzzing.target import Target, altered_anyhow


@cache
def images() -> tuple[bytes, ...]:
    values = np.random.default_rng(0).integers(0, 255, (12, 9, 3), dtype=np.uint8)
    image, other = Image.fromarray(values), Image.fromarray(values[::-1].copy())
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    found = []
    for mode, form, options in (
        ("RGB", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("P", "PNG", {"transparency": 3}),
        ("I;16", "PNG", {}),
        ("L", "PNG", {"exif": exif}),
        ("RGB", "JPEG", {"exif": exif}),
        ("CMYK", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        ("P", "GIF", {"save_all": True, "append_images": [other.convert("P")]}),
        ("RGB", "WEBP", {"exif": exif}),
        ("RGB", "WEBP", {"save_all": True, "append_images": [other]}),
        ("RGB", "TIFF", {"compression": "tiff_lzw"}),
        ("F", "TIFF", {}),
        ("1", "TIFF", {"compression": "group4"}),
        ("RGB", "BMP", {}),
        ("L", "PPM", {}),
        ("RGB", "TGA", {}),
        ("RGB", "JPEG2000", {}),
        ("RGBA", "ICO", {}),
        ("RGB", "PCX", {}),
        ("RGB", "SGI", {}),
        ("RGB", "PNG", {"save_all": True, "append_images": [other]}),
    ):
        file = io.BytesIO()
        made = image.convert(mode)
        if mode == "F":
            made = made.point(lambda value: value * (1 / 255) + 0)
        made.save(file, form, **options)
        found.append(file.getvalue())
    return tuple(found)


def _read_image(content: bytes, folder: Path) -> object:
    from crossgrad.data.image_decoding import ImageDecoding

    return ImageDecoding(8, 1 if content[-1:] < b"\x40" else 3).decode(io.BytesIO(content))


def _read_ink(content: bytes, folder: Path) -> object:
    from crossgrad.data.ink import fit_ink, read_ink

    return fit_ink(read_ink(content), size=8)


MOST_IMAGE_BYTES = 2**31
"""Of memory, for the largest image that Pillow opens."""

TARGETS = {
    "image": Target(images, altered_anyhow, _read_image, 2000, is_binary=True, most_bytes=MOST_IMAGE_BYTES),
    "ink": Target(images, altered_anyhow, _read_ink, 300, is_binary=True, most_bytes=MOST_IMAGE_BYTES),
}
