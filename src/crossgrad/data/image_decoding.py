"""From an image file to an input."""

import operator
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BufferedReader, BytesIO
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from crossgrad.data.regular_files import what_is_no_file
from crossgrad.errors import DataError, SettingsError

ImageFile = str | os.PathLike[str] | BufferedReader | BytesIO | Image.Image
"""A path, a file opened for reading bytes, or an image that Pillow has opened."""

_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
"""How a PNG begins: the signature, and the head of its first chunk, which has 13 bytes."""

_GREY = (b"\0", b"\4")
"""Types of colour of grey PNGs: without and with transparency."""

MOST_PIXELS = 4096
"""Height and width of inputs: one in colour takes 200 MB."""


def readable_formats() -> dict[str, str]:
    """Format by file extension (".png": "PNG"), of all that may be read.

    Without EPS, which Pillow hands to an interpreter of programs.
    """
    extensions = Image.registered_extensions()
    return {end: form for end, form in extensions.items() if form in Image.OPEN and form != "EPS"}


@dataclass(frozen=True)
class ImageDecoding:
    """How an image file becomes an input; kept with a model, so that it predicts as it was trained.

    The image is turned upright by its EXIF orientation, transparency is laid on white, the longer side is
    scaled to `image_size` with the aspect kept (bilinear, antialiased: no ringing, so values stay in range),
    and the shorter side is padded evenly on both ends with the median colour of the image's border. Of an
    animation the first frame counts.

    Args:
        image_size: height and width of the inputs, in pixels, from 1 to MOST_PIXELS.
        channels: 1 for grey, 3 for colour.

    Raises:
        SettingsError: another size, or other channels.

    Example:
        >>> ImageDecoding.from_json(ImageDecoding(image_size=32, channels=1).to_json())
        ImageDecoding(image_size=32, channels=1)
    """

    image_size: int
    channels: int

    def __post_init__(self) -> None:
        for name, value in (("image_size", self.image_size), ("channels", self.channels)):
            # True and 32.0 would be equal to numbers that are fine.
            if isinstance(value, bool) or not isinstance(value, SupportsIndex):
                raise SettingsError(f"{name} must be a whole number, but is {value!r}")
            object.__setattr__(self, name, operator.index(value))  # NumPy's are no JSON
        if self.image_size < 1:
            raise SettingsError(f"image_size must be at least 1 pixel, but is {self.image_size}")
        if self.image_size > MOST_PIXELS:
            raise SettingsError(f"image_size must be at most {MOST_PIXELS} pixels, but is {self.image_size}")
        if self.channels not in (1, 3):
            raise SettingsError(f"channels must be 1 (grey) or 3 (colour), but is {self.channels}")

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, image_size, image_size)."""
        return self.channels, self.image_size, self.image_size

    def decode(self, file: ImageFile) -> NDArray[np.float32]:
        """Read one image.

        Args:
            file: a path, a file opened for reading bytes, or an image that Pillow has opened.

        Returns:
            float32 in [0, 1], shape (channels, image_size, image_size).

        Raises:
            DataError: missing, no image, damaged, cut off, or too large to be honest.
        """
        with _opened(file) as image:
            pixels = self._pixels(image)
        return self._fit(pixels)

    def has_colour(self, file: ImageFile) -> bool:
        """Whether the channels of an image would differ in colour; of one that is grey the header alone is read.

        Raises:
            DataError: as `decode`, as far as the image is read.
        """
        if isinstance(file, str | os.PathLike) and _is_grey_png(file):
            return False
        with _opened(file) as image:
            if image.mode in ("1", "L", "LA") or is_deep(image):
                return False
            in_colour = ImageDecoding(self.image_size, channels=3)
            red, green, blue = in_colour._fit(in_colour._pixels(image))
        return not ((red == green).all() and (red == blue).all())

    def _pixels(self, image: Image.Image) -> NDArray[np.float32]:
        """The whole image, float32 in [0, 1], shape (height, width, channels)."""
        upright = ImageOps.exif_transpose(image)
        if is_deep(upright):
            return np.repeat(deep_grey(upright)[:, :, None], self.channels, axis=2)
        values = np.asarray(on_white(upright).convert("L" if self.channels == 1 else "RGB")).astype(np.float32)
        values /= 255  # in place: a large image takes a gigabyte
        return values.reshape(*values.shape[:2], self.channels)

    def _fit(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        height, width, _ = pixels.shape
        if height == width == self.image_size:
            return np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
        scale = self.image_size / max(height, width)
        inner_height, inner_width = max(1, round(height * scale)), max(1, round(width * scale))
        top, left = (self.image_size - inner_height) // 2, (self.image_size - inner_width) // 2
        result = np.empty((self.channels, self.image_size, self.image_size), dtype=np.float32)
        for channel, plane in zip(result, np.moveaxis(pixels, 2, 0), strict=True):
            channel[:] = np.median(np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]]))
            scaled = Image.fromarray(np.ascontiguousarray(plane)).resize(
                (inner_width, inner_height), Image.Resampling.BILINEAR
            )
            channel[top : top + inner_height, left : left + inner_width] = np.asarray(scaled)
        return result.clip(0, 1)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "image", "image_size": self.image_size, "channels": self.channels}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "ImageDecoding":
        return cls(image_size=value["image_size"], channels=value["channels"])


def _is_grey_png(path: str | os.PathLike[str]) -> bool:
    """By the 26 bytes up to the type of colour: a tenth of the time in which Pillow reads all of a header.

    False for whatever cannot be read; who opens it as an image says why.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would be waited for
    except (OSError, ValueError):
        return False
    try:
        head = os.read(descriptor, 26)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return head.startswith(_PNG) and head[25:] in _GREY


@cache
def _formats() -> list[str]:
    """Of readable images, those first that most images have: each is tried in turn."""
    return sorted(set(readable_formats().values()), key=lambda name: (name not in ("PNG", "JPEG"), name))


@contextmanager
def _opened(file: ImageFile) -> Iterator[Image.Image]:
    """An image, and whatever goes wrong with it told with its name."""
    try:
        if isinstance(file, Image.Image):
            if 0 in file.size:
                raise DataError("it has no pixels")
            yield file
            return
        if isinstance(file, str | os.PathLike) and (reason := what_is_no_file(file)):
            raise DataError(reason)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=_formats()) as image:
                yield image
    except DataError as error:
        raise DataError(f"cannot read image {_name(file)}: {error}") from error
    # On damaged files Pillow's decoders raise OSError, SyntaxError, struct.error, IndexError and others.
    except Exception as error:
        raise DataError(f"cannot read image {_name(file)}: {str(error) or type(error).__name__}") from error


def is_deep(image: Image.Image) -> bool:
    """Whether it is grey of more than 8 bits."""
    return image.mode == "F" or image.mode.startswith("I")


def deep_grey(image: Image.Image) -> NDArray[np.float32]:
    """Grey of more than 8 bits, float32 in [0, 1]: integers are 16-bit, floats are in [0, 1] already.

    Raises:
        DataError: values out of that range.
    """
    values = np.asarray(image).astype(np.float32)
    white = 1.0 if image.mode == "F" else 65535.0
    if not (values.min() >= 0 and values.max() <= white):
        raise DataError(f"its values run from {values.min():g} to {values.max():g}, not from 0 to {white:g}")
    return values / np.float32(white)


def on_white(image: Image.Image) -> Image.Image:
    """An image whose transparency is laid on white; one without as it is."""
    if not image.has_transparency_data:
        return image
    ink = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", ink.size, "white"), ink)


def _name(file: ImageFile) -> str:
    return repr(os.fspath(file)) if isinstance(file, str | os.PathLike) else "from an open file"
