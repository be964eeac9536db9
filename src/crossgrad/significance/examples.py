"""Over examples: does a method label *these* domains better? MAPSSWE and McNemar. Neither speaks of new domains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crossgrad.significance.estimates import CONFIDENCE, Comparison, all_the_same, finite


@dataclass(frozen=True)
class Discordance:
    """Of two classifiers on the same examples: how many each alone labels right, and McNemar's two-sided p-value."""

    only_first: int
    only_second: int
    p_value: float


def matched_pairs(
    differences: Sequence[float] | NDArray[np.float64], segments: Sequence[object] | NDArray[np.generic] | None = None
) -> Comparison:
    """The matched pairs test (MAPSSWE): a z test of the mean difference in errors a segment.

    A segment is a group of examples whose errors may depend on each other, while those of two segments may not.
    Isolated words and characters are segments each, which is what is taken without `segments`. Words of one sentence
    are one segment; with domains as segments the test asks about new domains, and is the paired t test but for the
    normal distribution in place of t: with fewer than about 50 segments that is too sure of itself, `paired_t` is not.

    With examples as segments the domains at hand are taken as they are. Where a method helps on some domains and harms
    on others, thousands of examples make this p-value small for whichever mean these domains happen to have; a domain
    that is not among them may have another one. It tells whether a difference on these domains is more than the luck
    of which examples were drawn from them.

    Args:
        differences: of each example, first method minus second, right (1) or wrong (0); averaged over seeds where there
            are several, since the seeds of one example are not independent.
        segments: of each example; each its own by default.

    Returns:
        Mean difference an example, its 95 % interval and two-sided p-value; n is the number of segments. None for both
        with one segment or where all segments differ by the same; p = 1 where nothing differs.

    Raises:
        ValueError: `differences` is empty or holds a number that is not finite, or `segments` has another length.

    Example:
        >>> matched_pairs([1, 1, 0, -1, 1, 0, 1, 0]).p_value
        0.1...
        >>> matched_pairs([1, 1, 0, -1, 1, 0, 1, 0], segments=[0, 0, 0, 0, 1, 1, 1, 1]).n
        2

    Reference:
        Gillick and Cox (1989), Some statistical issues in the comparison of speech recognition algorithms, ICASSP.
    """
    array = finite(differences)
    sums: NDArray[np.float64] = array
    if segments is not None:
        if len(segments) != array.size:
            raise ValueError(f"segments has {len(segments)} entries for {array.size} differences")
        names, places = np.unique(np.asarray(segments), return_inverse=True)
        sums = np.bincount(places, weights=array, minlength=names.size).astype(np.float64)
    n, mean = sums.size, float(array.mean())
    if not array.any():
        return Comparison(0.0, None, None, 1.0 if n > 1 else None, n)
    if n == 1 or all_the_same(sums):
        return Comparison(mean, None, None, None, n)
    # Segments may have unequally many examples: the mean a segment, in units of the mean an example.
    error = float(sums.std(ddof=1)) * np.sqrt(n) / array.size
    reach = float(stats.norm.ppf(0.5 + CONFIDENCE / 2)) * error
    p_value = 2 * float(stats.norm.sf(abs(mean) / error))
    return Comparison(mean, mean - reach, mean + reach, p_value, n)


def mcnemar(
    first: Sequence[bool] | NDArray[np.bool_] | NDArray[np.int64],
    second: Sequence[bool] | NDArray[np.bool_] | NDArray[np.int64],
) -> Discordance:
    """McNemar's exact test of two trained models on the same examples.

    Examples that both label right, or both wrong, say nothing about which is better; among the others each is as
    likely to be the right one if neither is. The p-value is the binomial's, without a normal approximation.

    Two models are compared, not two methods: of several seeds one is taken, and another seed may be another story.
    Examples are independent given the domains, as in `matched_pairs`, so that it speaks of these domains alone.

    Args:
        first: whether the first labels each example right.
        second: the same of the second, in the same order.

    Raises:
        ValueError: the two are of different lengths, or there are no examples.

    Example:
        >>> mcnemar([True] * 13 + [False] * 3, [False] * 13 + [True] * 3)
        Discordance(only_first=13, only_second=3, p_value=0.0212...)

    Reference:
        McNemar (1947), Note on the sampling error of the difference between correlated proportions or percentages,
        Psychometrika 12(2). Gillick and Cox (1989), section 3.
    """
    one, other = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if one.ndim != 1 or one.shape != other.shape or one.size == 0:
        raise ValueError(f"expected two flat sequences of one length, at least 1, got {one.shape} and {other.shape}")
    only_first, only_second = int(np.sum(one & ~other)), int(np.sum(~one & other))
    discordant = only_first + only_second
    p_value = float(stats.binomtest(only_first, discordant).pvalue) if discordant else 1.0
    return Discordance(only_first, only_second, p_value)
