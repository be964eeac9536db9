"""Domains told apart within labels: chance is chance, and the label alone is worth nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.advice import within_labels


def _confounded(n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two labels, two domains: the label is right about the domain in nine of ten cases."""
    random = np.random.RandomState(seed)
    domains = random.randint(0, 2, n)
    labels = np.where(random.rand(n) < 0.9, domains, 1 - domains)
    counts = np.bincount(labels * 2 + domains, minlength=4).reshape(2, 2)
    return labels, domains, counts


def test_a_net_that_goes_by_the_label_alone_is_at_chance_however_right_it_is() -> None:
    labels, domains, counts = _confounded(400)
    by_label = np.array([[0.9, 0.1], [0.1, 0.9]], dtype=np.float32)[labels]
    assert (by_label.argmax(1) == domains).mean() > 0.85
    found = within_labels(by_label, labels, domains, counts=counts)
    assert found is not None
    assert found.chance == 0.5
    assert found.accuracy == pytest.approx(0.5)
    assert found.p_value > 0.5


def test_a_net_that_sees_the_domain_is_found_under_confounding() -> None:
    labels, domains, counts = _confounded(400)
    seen = np.eye(2, dtype=np.float32)[domains] * 0.8 + 0.1
    found = within_labels(seen, labels, domains, counts=np.ones_like(counts))
    assert found is not None
    assert (found.accuracy, found.p_value, found.above_chance) == (1.0, 0.001, 1.0)


@given(st.integers(0, 1000), st.integers(2, 4), st.integers(2, 5))
def test_guesses_without_the_input_are_at_chance_on_average_and_always_between_0_and_1(
    seed: int, n_labels: int, n_domains: int
) -> None:
    random = np.random.RandomState(seed)
    labels, domains = random.randint(0, n_labels, 120), random.randint(0, n_domains, 120)
    guesses = random.rand(120, n_domains).astype(np.float32)
    counts = np.bincount(labels * n_domains + domains, minlength=n_labels * n_domains).reshape(n_labels, n_domains)
    found = within_labels(guesses, labels, domains, counts=counts)
    assert found is not None
    assert 0 <= found.accuracy <= 1
    assert found.chance == pytest.approx(np.count_nonzero((counts > 0).any(1)) / np.count_nonzero(counts))


def test_under_no_difference_p_values_below_a_twentieth_are_as_rare() -> None:
    random = np.random.RandomState(3)
    n_false = 0
    for seed in range(100):
        labels, domains, counts = _confounded(120, seed=seed)
        found = within_labels(random.rand(120, 2).astype(np.float32), labels, domains, counts=counts, seed=seed)
        assert found is not None
        n_false += found.p_value < 0.05
    assert n_false <= 5 + 3 * np.sqrt(100 * 0.05 * 0.95)


def test_labels_of_one_domain_say_nothing() -> None:
    domains = np.array([0, 0, 1, 1])
    everything = np.eye(2, dtype=np.float32)[domains]
    assert within_labels(everything, domains, domains, counts=np.diag([5, 5])) is None
    labels = np.array([0, 0, 1, 2])  # the domain of label 1 is never in doubt, nor is that of label 2
    assert within_labels(everything, labels, domains, counts=np.array([[5, 0], [0, 5], [0, 5]])) is None
