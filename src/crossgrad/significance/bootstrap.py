"""Over domains and the examples in them: an interval that asks for no distribution of the differences."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crossgrad.significance.estimates import CONFIDENCE, Comparison, all_the_same, finite

FEWEST_DOMAINS = 5
"""With fewer domains the tails of so few resamples are single draws."""


def bootstrap(
    domains: Sequence[Sequence[float] | NDArray[np.float64]], *, draws: int = 10_000, seed: int = 0
) -> Comparison:
    """Hierarchical bootstrap of the mean difference over domains: domains are drawn anew, then the examples in each.

    Like `paired_t`, it asks about new domains: domains are drawn with replacement, and with them go the seeds that
    were trained for each, which are averaged, not counted. Unlike it, it sees how many examples each domain's
    difference rests on, and takes no distribution for granted.

    A bootstrap of few values is too narrow by the square root of (n - 1) / n and has a normal's tails where t has
    heavier ones. So percentiles further out are taken, those that would make the interval of normal values that of the
    t test (Hesterberg's expanded percentile interval); the p-value is the one that belongs to these intervals. Drawing
    examples again adds their noise a second time, so that with few examples a domain the interval is a little wide.

    Args:
        domains: for each held-out domain the differences of its examples, method minus baseline, right (1) or wrong
            (0), averaged over seeds.
        draws: how often everything is drawn anew.
        seed: of the draws.

    Returns:
        The mean over domains of their mean differences, its 95 % interval and two-sided p-value; None for both with
        fewer than five domains, or where all domains' differences are the same; p = 1 where no example differs.

    Raises:
        ValueError: there is no domain, or one has no examples or holds a number that is not finite.

    Example:
        >>> by_domain = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0, 1, 1, 0]]
        >>> found = bootstrap(by_domain)
        >>> found.mean, 0 < found.low < found.mean < found.high < 1
        (0.375, True)

    Reference:
        Davison and Hinkley (1997), Bootstrap Methods and their Application, section 3.8. Hesterberg (2015), What
        teachers should know about the bootstrap, The American Statistician 69(4).
    """
    arrays = [finite(values) for values in domains]
    if not arrays:
        raise ValueError("there are no domains to draw from")
    means = np.array([array.mean() for array in arrays])
    mean, n = float(means.mean()), len(arrays)
    if not any(array.any() for array in arrays):
        return Comparison(0.0, None, None, 1.0 if n > 1 else None, n)
    if n < FEWEST_DOMAINS or all_the_same(means):
        return Comparison(mean, None, None, None, n)
    drawn = np.sort(_draw(arrays, draws, np.random.RandomState(seed)))
    widening = np.sqrt(n / (n - 1))
    tail = float(stats.norm.cdf(-widening * stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1)))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    below, above = np.sum(drawn <= 0), np.sum(drawn >= 0)
    beyond = min(0.5, (min(below, above) + 1) / (draws + 1))
    p_value = 2 * float(stats.t.cdf(stats.norm.ppf(beyond) / widening, n - 1))
    return Comparison(mean, float(low), float(high), p_value, n)


def _draw(arrays: Sequence[NDArray[np.float64]], draws: int, random: np.random.RandomState) -> NDArray[np.float64]:
    """The mean over domains, so often. Examples of one difference are drawn as one count: there are few differences."""
    n = len(arrays)
    chosen = random.randint(n, size=(draws, n))
    resampled = np.empty((draws, n))
    for place, array in enumerate(arrays):
        values, counts = np.unique(array, return_counts=True)
        where = chosen == place
        drawn = random.multinomial(array.size, counts / array.size, size=int(where.sum()))
        resampled[where] = drawn @ values / array.size
    return resampled.mean(axis=1)  # type: ignore[no-any-return]
