"""What every test here speaks of: means with standard errors, paired differences with intervals. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
"""Coverage of every interval in this package."""

SIGNIFICANCE_LEVEL = 0.05  # as written: 1 - CONFIDENCE is a little more, and a p-value of 0.05 would be below it

_ROUNDING = 1e-9
"""Of the largest value: an accuracy of 10,000 examples that differs by one has 1e-12 of rounding in its difference."""


@dataclass(frozen=True)
class Estimate:
    """A mean of `n` values and its standard error (None where one value was all there was)."""

    value: float
    standard_error: float | None
    n: int


@dataclass(frozen=True)
class Comparison:
    """A mean paired difference, its 95 % interval and two-sided p-value; None where they are not defined."""

    mean: float
    low: float | None
    high: float | None
    p_value: float | None
    n: int

    @property
    def distinguishable(self) -> bool:
        """Whether the difference is significant at 5 %; False where no p-value can be given."""
        return self.p_value is not None and self.p_value < SIGNIFICANCE_LEVEL


def estimate(values: Sequence[float] | NDArray[np.float64]) -> Estimate:
    """Mean and standard error: the sample standard deviation (n - 1) over the square root of n.

    Args:
        values: at least one finite number.

    Raises:
        ValueError: `values` is empty or holds a number that is not finite.

    Example:
        >>> estimate([0.8, 0.9, 1.0])
        Estimate(value=0.9, standard_error=0.057..., n=3)
        >>> estimate([0.8]).standard_error is None
        True
    """
    array = finite(values)
    error = float(array.std(ddof=1) / np.sqrt(array.size)) if array.size > 1 else None
    return Estimate(float(array.mean()), error, int(array.size))


def all_the_same(values: NDArray[np.float64]) -> bool:
    """Whether they differ by rounding alone: equal differences rarely come out bit-equal, each being one of two means.

    Example:
        >>> all_the_same(np.array([0.3 - 0.2, 0.2 - 0.1])), all_the_same(np.array([0.1, 0.1001]))
        (True, False)
    """
    return bool(np.ptp(values) <= _ROUNDING * np.abs(values).max())


def finite(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """The values as a flat array.

    Raises:
        ValueError: there are none, or one is not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"expected at least one finite number in a flat sequence, got {values!r}")
    return array
