import math

import numpy as np
import pytest
from scipy import stats

from crossgrad.significance import Comparison, estimate, paired_t, wilcoxon


def test_paired_t_agrees_with_scipys_test_of_two_related_samples():
    generator = np.random.default_rng(0)
    for n in (2, 3, 6, 40):
        first, second = generator.normal(0.8, 0.1, n), generator.normal(0.7, 0.1, n)
        expected = stats.ttest_rel(first, second)
        interval = expected.confidence_interval(0.95)
        found = paired_t(first - second)
        assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
        assert found.n == n


def test_paired_t_agrees_with_a_calculation_by_hand():
    # Mean 2, sample variance (1 + 0 + 1) / 2 = 1, standard error 1 / sqrt(3), t = 2 sqrt(3) = 3.4641 with 2
    # degrees of freedom. For 2 degrees of freedom p = 1 - t / sqrt(2 + t^2), and the 97.5 % point is 4.302653.
    found = paired_t([1.0, 2.0, 3.0])
    t = 2 * math.sqrt(3)
    assert found.mean == 2.0
    assert found.p_value == pytest.approx(1 - t / math.sqrt(2 + t * t))
    assert found.low == pytest.approx(2 - 4.302653 / math.sqrt(3), abs=1e-6)
    assert found.high == pytest.approx(2 + 4.302653 / math.sqrt(3), abs=1e-6)


def test_paired_t_calls_one_in_twenty_differences_of_nothing_significant():
    generator = np.random.default_rng(1)
    trials = 3000
    found = sum(paired_t(generator.normal(0, 0.05, 6)).distinguishable for _ in range(trials)) / trials
    assert found == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / trials))


def test_a_p_value_of_the_level_itself_is_not_significant():
    assert not Comparison(1.0, 0.0, 2.0, 0.05, 6).distinguishable
    assert Comparison(1.0, 0.0, 2.0, math.nextafter(0.05, 0), 6).distinguishable


def test_intervals_cover_the_true_difference_in_nineteen_of_twenty_trials():
    generator = np.random.default_rng(2)
    trials, covered = 2000, 0
    for _ in range(trials):
        comparison = paired_t(generator.normal(0.03, 0.05, 6))
        assert comparison.low is not None
        assert comparison.high is not None
        covered += comparison.low <= 0.03 <= comparison.high
    assert covered / trials == pytest.approx(0.95, abs=3 * math.sqrt(0.05 * 0.95 / trials))


def test_counting_seeds_as_domains_would_find_differences_that_are_not_there():
    # The reason why seeds are averaged first: domains differ, seeds on one domain hardly do.
    generator = np.random.default_rng(3)
    averaged, counted = 0, 0
    for _ in range(500):
        runs = generator.normal(0, 0.05, (6, 1)) + generator.normal(0, 0.01, (6, 3))
        averaged += paired_t(runs.mean(axis=1)).distinguishable
        counted += paired_t(runs.ravel()).distinguishable
    assert averaged / 500 < 0.08
    assert counted / 500 > 0.15


def test_one_domain_gives_neither_interval_nor_p_value():
    assert paired_t([0.03]) == Comparison(0.03, None, None, None, 1)
    assert paired_t([0.0]) == Comparison(0.0, None, None, None, 1)


def test_no_difference_anywhere_has_p_of_one():
    found = paired_t([0.0, 0.0, 0.0])
    assert found == Comparison(0.0, None, None, 1.0, 3)
    assert not found.distinguishable


def test_equal_differences_are_not_called_certain():
    found = paired_t([0.9 - 0.8, 0.5 - 0.4, 0.3 - 0.2])
    assert (found.low, found.high, found.p_value) == (None, None, None)
    assert not found.distinguishable


def test_one_example_of_ten_thousand_on_every_domain_is_an_equal_difference():
    right = np.random.default_rng(0).integers(0, 10_000, size=(50, 6))
    for of_domains in right:
        found = paired_t([100 * ((n + 1) / 10_000 - n / 10_000) for n in of_domains])
        assert (found.low, found.high, found.p_value) == (None, None, None)


@pytest.mark.parametrize("values", [[], [math.nan, 1.0], [math.inf]])
def test_what_is_not_a_number_is_refused(values):
    with pytest.raises(ValueError, match="finite number"):
        paired_t(values)
    with pytest.raises(ValueError, match="finite number"):
        estimate(values)


def test_standard_error_is_the_deviation_of_the_mean():
    found = estimate([0.8, 0.9, 0.7])
    assert found.value == pytest.approx(0.8)
    assert found.standard_error == pytest.approx(0.1 / math.sqrt(3))
    assert estimate([0.5]).standard_error is None


def test_wilcoxon_agrees_with_scipys_exact_distribution_and_its_approximation():
    generator = np.random.default_rng(4)
    for n in (2, 5, 6, 20, 50):
        differences = generator.normal(0.3, 1, n)
        assert wilcoxon(differences) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)
    many = generator.normal(0.1, 1, 51)
    assert wilcoxon(many) == pytest.approx(stats.wilcoxon(many, method="asymptotic").pvalue)


def test_wilcoxon_agrees_with_wilcoxons_tables():
    # Eight pairs, negative ranks 1 and 3: T = 4 lies in the tables between 3 (two-sided 2 %) and 5 (5 %).
    # Of 256 signs 7 have a rank sum of at most 4 (none, 1, 2, 3, 4, 1+2, 1+3), and as many on the other side.
    assert wilcoxon([-1, 2, -3, 4, 5, 6, 7, 8]) == pytest.approx(2 * 7 / 256)


def test_wilcoxon_with_ties_is_the_share_of_all_signs():
    # Midranks 1.5, 1.5, 3, 4: of 16 signs those with a sum as far out as (3 + 4 + 1.5 - 1.5) are 3 on each side.
    sums = [a * 1.5 + b * 1.5 + c * 3 + d * 4 for a in (-1, 1) for b in (-1, 1) for c in (-1, 1) for d in (-1, 1)]
    assert wilcoxon([1.0, -1.0, 2.0, 3.0]) == pytest.approx(np.mean(np.abs(sums) >= 7))


def test_wilcoxon_ties_what_only_rounding_tells_apart():
    assert wilcoxon([0.9 - 0.8, 0.5 - 0.4, 0.2 - 0.3, 0.7]) == wilcoxon([1.0, 1.0, -1.0, 7.0])


def test_wilcoxon_leaves_out_domains_without_a_difference():
    assert wilcoxon([0.0, 1.0, 2.0, -0.5, 3.0]) == wilcoxon([1.0, 2.0, -0.5, 3.0])
    assert wilcoxon([0.0, 0.0]) == 1.0
    assert wilcoxon([0.3]) is None


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_wilcoxon_on_five_domains_or_fewer_is_never_significant(n):
    assert wilcoxon(np.arange(1.0, n + 1)) == 2 / 2**n > 0.05


def test_wilcoxon_on_six_domains_needs_every_one_to_agree():
    assert wilcoxon([1, 2, 3, 4, 5, 6]) < 0.05 < wilcoxon([-1, 2, 3, 4, 5, 6])
