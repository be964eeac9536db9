"""Pictures of handwriting: dark ink on light ground becomes ink 1 on ground 0, cut to the ink."""

import warnings
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossgrad.data.image_decoding import deep_grey, is_deep, on_white
from crossgrad.errors import DataError, SettingsError

MOST_SIZE = 512
"""Largest height and width of images that are made, in pixels: a thousand such images of floats fill a gigabyte."""


def read_ink(content: bytes) -> NDArray[np.uint8]:
    """Decode an image file of dark ink on light ground; what is transparent is ground.

    Args:
        content: of a PNG or TIFF file, of whatever depth.

    Returns:
        How dark each pixel is: 255 is black ink, 0 white ground; uint8, shape (height, width).

    Raises:
        DataError: damaged, neither PNG nor TIFF, or too large to be a character.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(content), formats=("PNG", "TIFF")) as image:
                grey = np.rint(255 * deep_grey(image)) if is_deep(image) else np.asarray(on_white(image).convert("L"))
    # On damaged files Pillow's decoders raise OSError, SyntaxError, struct.error, IndexError and others.
    except Exception as error:
        raise DataError(f"not a readable PNG or TIFF image: {error}") from error
    return np.asarray(255 - grey, dtype=np.uint8)


def fit_ink(ink: NDArray[np.uint8], *, size: int, margin: float = 1.0) -> NDArray[np.float32]:
    """Cut an image to its ink and scale that as large as it fits, with its aspect kept, in the middle.

    Every pixel of the result is the mean of what it covers. `draw_strokes` places what it draws in the same way.

    Args:
        ink: 255 is ink, 0 ground, shape (height, width); what is above 127 counts as ink in the cutting.
        size: height and width of the result, in pixels.
        margin: ground around the ink, in pixels, at least 0.

    Returns:
        Ink 1 on ground 0, multiples of 1/255, float32, shape (size, size).

    Raises:
        DataError: no ink.
        SettingsError: no room between the margins, or a size above 512.

    Example:
        >>> page = np.zeros((9, 9), dtype=np.uint8)
        >>> page[1:3, 5:9] = 255
        >>> fit_ink(page, size=6)
        array([[0., 0., 0., 0., 0., 0.],
               [0., 0., 0., 0., 0., 0.],
               [0., 1., 1., 1., 1., 0.],
               [0., 1., 1., 1., 1., 0.],
               [0., 0., 0., 0., 0., 0.],
               [0., 0., 0., 0., 0., 0.]], dtype=float32)
    """
    check_size(size)
    room = size - 2 * margin
    if not (margin >= 0 and room > 0):
        raise SettingsError(f"an image of {size} pixels has no room for ink with a margin of {margin} on either side")
    rows, columns = np.nonzero(ink > 127)
    if not len(rows):
        raise DataError("an image has no ink")
    cut = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    side = max(cut.shape) * size / room  # of the square that becomes the image, in pixels of the original
    down, across = (_coverage(length, side=side, size=size) for length in cut.shape)
    shades = down @ cut @ across.T
    # Halves are common, and the last bits of a product are the processor's: without them every machine rounds alike.
    return np.asarray(np.rint(np.round(shades, 6)) / 255, dtype=np.float32)


def check_size(size: int) -> None:
    """Refuse a size that would fill the memory.

    Raises:
        SettingsError: above MOST_SIZE.
    """
    if size > MOST_SIZE:
        raise SettingsError(f"size must be at most {MOST_SIZE} pixels, not {size}")


def _coverage(length: int, *, side: float, size: int) -> NDArray[np.float64]:
    """How much of each of `size` equal parts of a side each of `length` pixels in its middle covers."""
    step = side / size
    starts = (length - side) / 2 + step * np.arange(size)[:, None]
    pixels = np.arange(length)
    overlaps = np.minimum(starts + step, pixels + 1) - np.maximum(starts, pixels)
    return np.asarray(np.maximum(overlaps, 0) / step)
