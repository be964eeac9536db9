"""Drawings made of pen strokes: the movement of a pen becomes an image."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from crossgrad.errors import DataError, SettingsError

_SAMPLES = 4
"""A pixel is the mean of as many samples along either side, each itself antialiased."""


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
        DataError: no points at all, or one that is not finite.
        SettingsError: no room for the pen between the margins.

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
    room = size - 2 * margin - thickness
    if not (thickness > 0 and margin >= 0 and room >= 0):
        raise SettingsError(
            f"a pen {thickness} pixels thick does not fit into {size} pixels with a margin of {margin} on either side"
        )
    inked = [np.asarray(stroke, dtype=np.float64) for stroke in strokes if len(stroke)]
    if not inked:
        raise DataError("a drawing has no points")
    points = np.concatenate(inked)
    if not np.isfinite(points).all():
        raise DataError("a drawing has a point that is not finite")
    low, high = points.min(axis=0), points.max(axis=0)
    span = float((high - low).max())
    # Divided first: the quotient lies in [0, 1], however small or large the unit is.
    scaled = [((stroke - low) - (high - low) / 2) / span * room if span else np.zeros((1, 2)) for stroke in inked]
    distances = np.full((size * _SAMPLES, size * _SAMPLES), np.inf)
    for stroke in scaled:
        middles = (stroke + size / 2) * _SAMPLES - 0.5  # in samples, whose centres are whole numbers
        for start, end in pairwise(middles if len(middles) > 1 else np.repeat(middles, 2, axis=0)):
            _approach(distances, start, end, reach=thickness / 2 * _SAMPLES + 1)
    samples = np.clip(thickness / 2 * _SAMPLES + 0.5 - distances, 0, 1)
    pixels = samples.reshape(size, _SAMPLES, size, _SAMPLES).mean(axis=(1, 3))
    return np.asarray(np.rint(pixels * 255) / 255, dtype=np.float32)


def _approach(
    distances: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64], *, reach: float
) -> None:
    """Lower every sample's distance from the nearest ink to that from the segment, where it is within reach."""
    first = np.maximum(np.floor(np.minimum(start, end) - reach), 0).astype(int)
    last = np.ceil(np.maximum(start, end) + reach).astype(int) + 1
    near = distances[first[1] : last[1], first[0] : last[0]]
    along = end - start
    x = np.arange(first[0], first[0] + near.shape[1]) - start[0]
    y = np.arange(first[1], first[1] + near.shape[0])[:, None] - start[1]
    squared_length = float(along @ along)
    where = np.clip((x * along[0] + y * along[1]) / squared_length, 0, 1) if squared_length else np.zeros(near.shape)
    np.minimum(near, np.hypot(x - where * along[0], y - where * along[1]), out=near)
