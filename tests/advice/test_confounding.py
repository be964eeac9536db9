"""Dependence of labels and domains: its limits, its bias, its p-value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score

from crossgrad.advice import confounding


@given(st.integers(2, 5), st.integers(2, 6), st.integers(1, 4))
def test_it_is_zero_where_every_domain_has_every_label_equally_often(n_labels: int, n_domains: int, n: int) -> None:
    labels, domains = (grid.ravel().repeat(n) for grid in np.meshgrid(np.arange(n_labels), np.arange(n_domains)))
    found = confounding(labels, domains)
    assert found is not None
    assert found.nmi == pytest.approx(0, abs=1e-9)
    assert found.p_value == 1


@given(st.integers(2, 5), st.integers(1, 4))
def test_it_is_one_where_the_domain_determines_the_label_however_many_domains_there_are(
    n_labels: int, domains_a_label: int
) -> None:
    domains = np.arange(n_labels * domains_a_label).repeat(6)
    found = confounding(domains % n_labels, domains)
    assert found is not None
    assert found.nmi == pytest.approx(1)
    assert found.adjusted == pytest.approx(1)
    assert found.p_value < 0.01


def test_small_tables_are_biased_upwards_and_the_adjusted_form_is_not() -> None:
    """Labels drawn without regard to domains: the plain form grows with the table, the adjusted stays around 0."""
    random = np.random.RandomState(0)
    found = [confounding(random.randint(0, 8, 60), random.randint(0, 8, 60)) for _ in range(20)]
    assert all(one is not None for one in found)
    assert np.mean([one.nmi for one in found if one]) > 0.2
    assert np.mean([one.adjusted for one in found if one]) == pytest.approx(0, abs=0.03)


def test_under_independence_p_values_below_a_twentieth_are_as_rare() -> None:
    random = np.random.RandomState(1)
    draws = [confounding(random.randint(0, 3, 40), random.randint(0, 3, 40), seed=i) for i in range(200)]
    n_false = sum(one.p_value < 0.05 for one in draws if one)
    assert n_false <= 10 + 3 * np.sqrt(200 * 0.05 * 0.95)  # binomial, three standard deviations


def test_the_adjusted_form_is_that_of_scikit_learn() -> None:
    random = np.random.RandomState(2)
    labels, domains = random.randint(0, 4, 200), random.randint(0, 5, 200)
    found = confounding(labels, domains)
    assert found is not None
    assert found.adjusted == adjusted_mutual_info_score(labels, domains, average_method="min")


@pytest.mark.parametrize("axis", [0, 1])
def test_with_one_label_or_one_domain_there_is_nothing_to_tell(axis: int) -> None:
    one, other = np.zeros(6, dtype=np.int64), np.arange(6)
    assert confounding(*((one, other) if axis else (other, one))) is None
