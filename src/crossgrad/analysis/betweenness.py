"""Whether a domain lies between two others in a space of features, and where its examples go when they are moved."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Betweenness:
    """What a picture of three domains shows, in numbers.

    Attributes:
        position: of the middle domain's mean on the line from the first one's mean (0) to the last one's (1): between
            them it is between the two.
        distance: of that mean from the line, in lengths of the line.
        nearer: share of the middle's examples that are nearer to a neighbour's mean than to their own.
        nearer_moved: the same of the moved examples.
    """

    position: float
    distance: float
    nearer: float
    nearer_moved: float


def betweenness(
    first: NDArray[np.floating[Any]],
    middle: NDArray[np.floating[Any]],
    last: NDArray[np.floating[Any]],
    moved: NDArray[np.floating[Any]],
) -> Betweenness:
    """Measure how a domain lies between two others.

    Args:
        first: features of a domain's examples, (n, features).
        middle: of the domain that is to lie between, likewise.
        last: of the other one.
        moved: of the middle's examples after they were moved.

    Raises:
        ValueError: the two neighbours have the same mean, so that there is no line; or features are none or not finite.

    Example:
        >>> a, b, c = np.array([[0.0, 0.0]]), np.array([[1.0, 1.0]]), np.array([[4.0, 0.0]])
        >>> betweenness(a, b, c, moved=np.array([[3.0, 0.0], [1.0, 0.9]]))
        Betweenness(position=0.25, distance=0.25, nearer=0.0, nearer_moved=0.5)
    """
    if not all(np.size(points) and np.isfinite(points).all() for points in (first, middle, last, moved)):
        raise ValueError("features of each domain, and moved ones, are finite numbers of at least one example")
    start, centre, end = (np.asarray(points, dtype=np.float64).mean(axis=0) for points in (first, middle, last))
    line = end - start
    length = float(np.linalg.norm(line))
    if length == 0:
        raise ValueError("the two neighbours have the same mean: there is no line between them")
    position = float((centre - start) @ line) / length**2
    distance = float(np.linalg.norm(centre - start - position * line)) / length
    centres = np.stack([start, centre, end])
    return Betweenness(position, distance, _nearer(middle, centres), _nearer(moved, centres))


def _nearer(points: NDArray[np.floating[Any]], centres: NDArray[np.float64]) -> float:
    """Share of points that are nearer to the first or the last of three centres than to the one between."""
    to_each = np.linalg.norm(np.asarray(points, dtype=np.float64)[:, None] - centres, axis=2)
    return float((to_each.argmin(axis=1) != 1).mean())
