"""Over held-out domains, one difference each: is a method better on *new* domains? Paired t and Wilcoxon."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crossgrad.significance.estimates import CONFIDENCE, Comparison, all_the_same, finite

_ROUNDING = 10
"""Decimals that count: differences of accuracies that are equal rarely come out bit-equal, and must tie."""
_EXACT, _PERMUTED = 50, 13
"""Most differences for Wilcoxon's exact distribution without ties, and for all signs with ties."""


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
    array = finite(differences)
    mean, n = float(array.mean()), int(array.size)
    if not array.any():
        return Comparison(0.0, None, None, 1.0 if n > 1 else None, n)
    if n == 1 or all_the_same(array):
        return Comparison(mean, None, None, None, n)
    test = stats.ttest_1samp(array, 0.0)
    interval = test.confidence_interval(CONFIDENCE)
    return Comparison(mean, float(interval.low), float(interval.high), float(test.pvalue), n)


def wilcoxon(differences: Sequence[float] | NDArray[np.float64]) -> float | None:
    """Two-sided p-value of Wilcoxon's signed rank test, one difference per held-out domain, seeds averaged first.

    The test asks for differences that are symmetric about zero, not for normal ones: one domain on which a method
    fails altogether weighs no more than its rank. Domains without a difference are left out, as Wilcoxon did. The
    p-value is exact, from all signs that the ranks could have, up to 13 differences, and up to 50 where no two are of
    one size; above that it is by the normal approximation.

    Its smallest value is 2 / 2^n: with 5 domains 0.0625, so that nothing is ever significant at 5 %, with 6 it is
    0.031, and every domain must agree.

    Args:
        differences: method minus baseline, one per held-out domain, in any unit.

    Returns:
        The p-value; 1 where every difference is zero; None for a single domain.

    Raises:
        ValueError: `differences` is empty or holds a number that is not finite.

    Example:
        >>> wilcoxon([1.0, 2.0, 3.0, 4.0, 5.0]), wilcoxon([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        (0.0625, 0.03125)

    Reference:
        Wilcoxon (1945), Individual comparisons by ranking methods, Biometrics Bulletin 1(6).
    """
    array = finite(differences)
    if array.size == 1:
        return None
    scaled = array / max(np.abs(array).max(), np.finfo(np.float64).tiny)
    moved = np.round(scaled, _ROUNDING)
    moved = moved[moved != 0]
    if moved.size == 0:
        return 1.0
    method = "exact" if moved.size <= _EXACT and np.unique(np.abs(moved)).size == moved.size else "asymptotic"
    if method == "asymptotic" and moved.size <= _PERMUTED:
        return _permuted(moved)
    return float(stats.wilcoxon(moved, method=method).pvalue)


def _permuted(differences: NDArray[np.float64]) -> float:
    """The share of all signs whose rank sum lies as far from the middle: exact with ties."""
    ranks = stats.rankdata(np.abs(differences))
    signs = np.array(np.meshgrid(*[(-1.0, 1.0)] * ranks.size)).reshape(ranks.size, -1)
    return float(np.mean(np.abs(ranks @ signs) >= np.abs(ranks @ np.sign(differences)) - 1e-9))
