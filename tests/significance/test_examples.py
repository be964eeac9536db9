import math

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.weightstats import DescrStatsW

from crossgrad.significance import Comparison, matched_pairs, mcnemar, paired_t


def outcomes(both: int, first: int, second: int, neither: int) -> tuple[list[bool], list[bool]]:
    return (
        [True] * (both + first) + [False] * (second + neither),
        [True] * both + [False] * first + [True] * second + [False] * neither,
    )


def test_mcnemar_gives_gillick_and_coxs_example() -> None:
    # Gillick and Cox (1989), example 3.1: both right 1325, only one of them 3 and 13, both wrong 59; P = 0.0213.
    found = mcnemar(*outcomes(1325, 3, 13, 59))
    assert (found.only_first, found.only_second) == (3, 13)
    assert found.p_value == pytest.approx(0.0213, abs=5e-5)


@pytest.mark.parametrize("table", [(794, 150, 86, 570), (101, 59, 121, 33), (10, 1, 7, 3), (5, 4, 4, 0)])
def test_mcnemar_agrees_with_statsmodels(table: tuple[int, int, int, int]) -> None:
    # The first two are textbook tables: approval ratings (Agresti), before and after a treatment.
    both, first, second, neither = table
    expected = statsmodels_mcnemar([[both, first], [second, neither]], exact=True).pvalue
    assert mcnemar(*outcomes(*table)).p_value == pytest.approx(expected)


def test_mcnemar_of_equal_answers_is_one() -> None:
    assert mcnemar([True, False], [True, False]).p_value == 1.0


@pytest.mark.parametrize(("first", "second"), [([], []), ([True], [True, False]), ([[True]], [[True]])])
def test_mcnemar_refuses_what_is_no_pair_of_answers(first: list[bool], second: list[bool]) -> None:
    with pytest.raises(ValueError, match="flat sequences of one length"):
        mcnemar(np.array(first, dtype=bool), np.array(second, dtype=bool))


def test_matched_pairs_give_the_example_of_nist_by_hand() -> None:
    # NIST's example as in Jurafsky and Martin, section 26.5: Z = 2, -1, -1, 1. Mean 1/4, squares about it
    # 7 - 4/16 = 6.75, over 3 is 2.25, so sigma = 1.5 and W = 0.25 / (1.5 / 2) = 1/3.
    found = matched_pairs([2, -1, -1, 1])
    assert found.mean == 0.25
    assert found.p_value == pytest.approx(math.erfc(1 / 3 / math.sqrt(2)))
    assert found.high == pytest.approx(0.25 + 1.959964 * 0.75)


def test_matched_pairs_agree_with_statsmodels_z_test() -> None:
    differences = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], 400, p=[0.05, 0.85, 0.1])
    expected = DescrStatsW(differences)
    found = matched_pairs(differences)
    assert found.p_value == pytest.approx(expected.ztest_mean(0.0)[1])
    assert (found.low, found.high) == pytest.approx(expected.zconfint_mean())
    assert found.n == 400


def test_errors_of_one_segment_are_counted_together() -> None:
    # Each example four times over: without segments the same evidence would count fourfold.
    differences = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], 100, p=[0.05, 0.8, 0.15])
    repeated = matched_pairs(np.repeat(differences, 4), segments=np.repeat(np.arange(100), 4))
    once = matched_pairs(differences)
    assert (repeated.low, repeated.high, repeated.p_value) == pytest.approx((once.low, once.high, once.p_value))
    wrong = matched_pairs(np.repeat(differences, 4))
    assert wrong.p_value is not None
    assert once.p_value is not None
    assert wrong.p_value < once.p_value


def test_domains_as_segments_are_the_paired_t_test_with_a_normals_tails() -> None:
    generator = np.random.default_rng(2)
    differences = generator.choice([-1.0, 0.0, 1.0], (8, 50), p=[0.05, 0.85, 0.1])
    by_domain = matched_pairs(differences.ravel(), segments=np.repeat(list("abcdefgh"), 50))
    t = paired_t(differences.mean(axis=1))
    assert by_domain.n == t.n == 8
    assert by_domain.mean == pytest.approx(t.mean)
    assert None not in (by_domain.high, t.high, by_domain.p_value, t.p_value)
    assert by_domain.high - by_domain.mean < t.high - t.mean  # type: ignore[operator]
    assert by_domain.p_value < t.p_value  # type: ignore[operator]


def test_matched_pairs_without_a_spread_have_no_p_value() -> None:
    assert matched_pairs([0.0, 0.0]) == Comparison(0.0, None, None, 1.0, 2)
    assert matched_pairs([1.0, 1.0]) == Comparison(1.0, None, None, None, 2)
    assert matched_pairs([1.0, 0.0], segments=["a", "a"]) == Comparison(0.5, None, None, None, 1)


def test_segments_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="segments has 1 entries for 2 differences"):
        matched_pairs([1.0, 0.0], segments=["a"])
