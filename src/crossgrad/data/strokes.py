"""Drawings made of pen strokes: the movement of a pen becomes an image."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from crossgrad.data.ink import check_size
from crossgrad.errors import DataError, SettingsError

_SAMPLES = 4
"""A pixel is the mean of as many samples along either side, each itself antialiased."""
_FARTHEST = 1e300
"""Where no point lies, in whatever unit; differences of larger ones may be infinite."""


def draw_strokes(
    strokes: Sequence[NDArray[np.float64]], *, size: int, thickness: float, margin: float = 1.0
) -> NDArray[np.float32]:
    """Draw pen strokes as ink 1 on ground 0, as large as they fit, with their aspect kept, in the middle.

    The pen is round, so ends and joins are; a stroke of a single point is a dot.

    Args:
        strokes: each the points that the pen went through, (x, y) with y pointing down, in any unit; float64, shape
            (n, 2). Those without points leave no ink.
        size: height and width of the image, in pixels.
        thickness: of the pen, in pixels of the image, above 0.
        margin: ground around the ink, in pixels, at least 0.

    Returns:
        Multiples of 1/255 in [0, 1], float32, shape (size, size).

    Raises:
        DataError: no points at all, or one that is not finite or beyond 1e300.
        SettingsError: no room for the pen between the margins, or a size above 512.

    Example:
        >>> diagonal = np.array([[0.0, 0.0], [1.0, 1.0]])
        >>> (draw_strokes([diagonal], size=6, thickness=1.0) > 0.5).astype(int)
        array([[0, 0, 0, 0, 0, 0],
               [0, 1, 0, 0, 0, 0],
               [0, 0, 1, 0, 0, 0],
               [0, 0, 0, 1, 0, 0],
               [0, 0, 0, 0, 1, 0],
               [0, 0, 0, 0, 0, 0]])
    """
    check_size(size)
    room = size - 2 * margin - thickness
    if not (thickness > 0 and margin >= 0 and room >= 0):
        raise SettingsError(
            f"a pen {thickness} pixels thick does not fit into {size} pixels with a margin of {margin} on either side"
        )
    inked = [np.asarray(stroke, dtype=np.float64) for stroke in strokes if len(stroke)]
    if not inked:
        raise DataError("a drawing has no points")
    points = np.concatenate(inked)
    if not (np.abs(points) < _FARTHEST).all():
        raise DataError(f"a drawing has a point that is not finite, or is {_FARTHEST:g} or farther out")
    low, high = points.min(axis=0), points.max(axis=0)
    span = float((high - low).max())
    # Divided first: the quotient lies in [0, 1], however small or large the unit is.
    scaled = [((stroke - low) - (high - low) / 2) / span * room if span else np.zeros((1, 2)) for stroke in inked]
    squares = np.full((size * _SAMPLES, size * _SAMPLES), np.inf)
    for stroke in scaled:
        middles = (stroke + size / 2) * _SAMPLES - 0.5  # in samples, whose centres are whole numbers
        for start, end in pairwise((middles if len(middles) > 1 else np.repeat(middles, 2, axis=0)).tolist()):
            _approach(squares, start, end, reach=thickness / 2 * _SAMPLES + 1)
    samples = np.clip(thickness / 2 * _SAMPLES + 0.5 - np.sqrt(squares), 0, 1)
    pixels = samples.reshape(size, _SAMPLES, size, _SAMPLES).mean(axis=(1, 3))
    return np.asarray(np.rint(pixels * 255) / 255, dtype=np.float32)


def _approach(squares: NDArray[np.float64], start: list[float], end: list[float], *, reach: float) -> None:
    """Lower every sample's squared distance from the nearest ink to that from a segment, where it is within reach."""
    (x0, y0), (x1, y1) = start, end
    left, top = (max(0, floor(min(pair) - reach)) for pair in ((x0, x1), (y0, y1)))
    right, bottom = (min(len(squares), ceil(max(pair) + reach) + 1) for pair in ((x0, x1), (y0, y1)))
    x, y = np.arange(left, right) - x0, np.arange(top, bottom)[:, None] - y0
    dx, dy = x1 - x0, y1 - y0
    squared_length = dx * dx + dy * dy
    if squared_length:
        where = np.minimum(np.maximum((x * dx + y * dy) / squared_length, 0), 1)  # np.clip is slow on small arrays
        x, y = x - where * dx, y - where * dy
    near = squares[top:bottom, left:right]
    np.minimum(near, x * x + y * y, out=near)
