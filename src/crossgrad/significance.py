"""Is a difference between two methods more than chance? Means, standard errors and a paired t test. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
"""Coverage of every interval in this package."""

SIGNIFICANCE_LEVEL = 1 - CONFIDENCE


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
    array = _finite(values)
    error = float(array.std(ddof=1) / np.sqrt(array.size)) if array.size > 1 else None
    return Estimate(float(array.mean()), error, int(array.size))


def paired_t(differences: Sequence[float] | NDArray[np.float64]) -> Comparison:
    """Two-sided paired t test with a 95 % interval, one difference per held-out domain.

    Average the seeds of a domain first. What a method must generalise to is another *domain*; seeds on one
    domain differ in initial weights and batches alone and share its difficulty, so that counting them as
    further domains makes intervals too narrow (pseudo-replication).

    Held-out domains are not wholly independent either: when each is left out in turn, the training sets
    overlap. Nadeau and Bengio show that this, too, makes the test somewhat too sure of itself; read a p-value
    close to 0.05 with that in mind.

    What cannot be known is None: with one domain there is no interval and no p-value; with the same
    difference on every domain the spread is estimated as zero, which would make any interval a point and any
    p-value zero. Differences that are all zero are the exception: no evidence of a difference, p = 1.

    Args:
        differences: method minus baseline, one per held-out domain, in any unit.

    Raises:
        ValueError: `differences` is empty or holds a number that is not finite.

    Example:
        >>> paired_t([1.0, 2.0, 3.0])
        Comparison(mean=2.0, low=-0.48..., high=4.48..., p_value=0.074..., n=3)
        >>> paired_t([2.0])
        Comparison(mean=2.0, low=None, high=None, p_value=None, n=1)

    Reference:
        Student (1908), The probable error of a mean, Biometrika 6(1). Nadeau and Bengio (2003), Inference
        for the generalization error, Machine Learning 52. Hurlbert (1984), Pseudoreplication and the design
        of ecological field experiments, Ecological Monographs 54.
    """
    array = _finite(differences)
    mean, n = float(array.mean()), int(array.size)
    if not array.any():
        return Comparison(0.0, None, None, 1.0 if n > 1 else None, n)
    # Equal differences rarely come out bit-equal: each is a difference of two rounded means.
    same = np.ptp(array) <= 1e-12 * np.abs(array).max()
    if n == 1 or same:
        return Comparison(mean, None, None, None, n)
    test = stats.ttest_1samp(array, 0.0)
    interval = test.confidence_interval(CONFIDENCE)
    return Comparison(mean, float(interval.low), float(interval.high), float(test.pvalue), n)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Correct p-values for how many there are, so that any false finding among them is as rare as each alone.

    The smallest is multiplied by their number, the next by one less, and so on; none becomes smaller than one before.

    Args:
        p_values: each in [0, 1], of any dependence.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        (0.03, 0.06, 0.06)

    Reference:
        Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6(2).
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return tuple(corrected)


def _finite(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"expected at least one finite number in a flat sequence, got {values!r}")
    return array
