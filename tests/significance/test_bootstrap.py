import time

import numpy as np
import pytest
from scipy import stats

from crossgrad.significance import Comparison, bootstrap, paired_t


def domains(
    n_domains: int, n_examples: int, *, seed: int, spread: float = 0.03, mean: float = 0.02
) -> list[np.ndarray]:
    """Differences of three seeds, averaged: thirds of -1 to 1, with an effect that varies by domain."""
    generator = np.random.default_rng(seed)
    effects = generator.normal(mean, spread, n_domains)
    return [
        generator.choice([-1, 0, 1], (n_examples, 3), p=[0.1 - e / 2, 0.8, 0.1 + e / 2]).mean(axis=1) for e in effects
    ]


def test_the_interval_of_many_examples_is_close_to_the_t_tests() -> None:
    for n in (6, 12, 30):
        by_domain = domains(n, 2000, seed=n)
        found, t = bootstrap(by_domain), paired_t([values.mean() for values in by_domain])
        assert found.mean == pytest.approx(t.mean)
        assert found.n == n
        assert (found.high - found.low) / (t.high - t.low) == pytest.approx(1, abs=0.2)  # type: ignore[operator]


def test_draws_by_counts_are_those_of_examples_one_by_one() -> None:
    by_domain = domains(6, 40, seed=0)
    generator = np.random.default_rng(0)
    slow = []
    for _ in range(4000):
        chosen = generator.integers(6, size=6)
        slow.append(np.mean([generator.choice(by_domain[d], by_domain[d].size).mean() for d in chosen]))
    found = bootstrap(by_domain)
    tail = float(stats.norm.cdf(-np.sqrt(6 / 5) * stats.t.ppf(0.975, 5)))
    assert found.low == pytest.approx(np.quantile(slow, tail), abs=0.01)
    assert found.high == pytest.approx(np.quantile(slow, 1 - tail), abs=0.01)


def test_few_examples_a_domain_make_the_interval_wider() -> None:
    few = [np.repeat([1.0, 0.0, -1.0], (n, 28 - n, 2)) for n in (4, 5, 6, 7, 8, 9)]
    many = [np.repeat(values, 10) for values in few]
    wide, narrow = bootstrap(few), bootstrap(many)
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)  # type: ignore[operator]


def test_an_interval_excludes_zero_where_the_p_value_is_below_five_percent() -> None:
    for seed in range(40):
        found = bootstrap(domains(8, 100, seed=seed, mean=0.03), draws=2000)
        assert found.low is not None
        assert found.high is not None
        assert found.p_value is not None
        assert abs(found.p_value - 0.05) < 0.005 or (found.p_value < 0.05) == (not found.low <= 0 <= found.high)


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    by_domain = domains(6, 100, seed=3)
    assert bootstrap(by_domain, seed=1) == bootstrap(by_domain, seed=1) != bootstrap(by_domain, seed=2)


def test_what_cannot_be_known_is_none() -> None:
    by_domain = domains(4, 50, seed=4)
    assert (bootstrap(by_domain).low, bootstrap(by_domain).p_value) == (None, None)
    assert bootstrap([[0, 0]] * 6) == Comparison(0.0, None, None, 1.0, 6)
    assert bootstrap([[1, 0]] * 6) == Comparison(0.5, None, None, None, 6)


@pytest.mark.parametrize("wrong", [[], [[]], [[1.0], []], [[np.nan]]])
def test_domains_without_examples_are_refused(wrong: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"no domains|finite number"):
        bootstrap(wrong)


def test_ten_thousand_draws_of_thirty_domains_of_a_thousand_examples_take_well_under_five_seconds() -> None:
    by_domain = domains(30, 1000, seed=5)
    started = time.process_time()
    bootstrap(by_domain, draws=10_000)
    assert time.process_time() - started < 4
