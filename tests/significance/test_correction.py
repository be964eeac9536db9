import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from crossgrad.significance import holm


def test_holm_matches_its_definition_and_keeps_the_order_given() -> None:
    # Worked by hand: sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 gives 0.02, 0.03, 0.06, 0.04; never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.7, 0.6]) == (1.0, 1.0)
    assert holm([]) == ()


def test_holm_keeps_the_chance_of_any_false_finding_at_five_percent() -> None:
    generator = np.random.default_rng(0)
    trials = 2000
    corrected = sum(min(holm(list(generator.uniform(size=3)))) < 0.05 for _ in range(trials)) / trials
    assert 0.03 < corrected < 0.065


def test_holm_agrees_with_statsmodels() -> None:
    p_values = np.random.default_rng(1).uniform(size=20) ** 3
    assert holm(list(p_values)) == pytest.approx(multipletests(p_values, method="holm")[1])
