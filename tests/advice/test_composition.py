"""Counts of labels in domains."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.advice import compose

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=60)
LABELS, DOMAINS = tuple("abcd"), tuple("vwxyz")


@given(PAIRS)
def test_every_example_is_counted_once_in_its_label_and_its_domain(pairs: list[tuple[int, int]]) -> None:
    labels, domains = np.array(pairs, dtype=np.int64).T
    counted = compose(labels, domains, label_names=LABELS, domain_names=DOMAINS)
    assert counted.n_examples == len(pairs)
    assert counted.by_label == {name: int((labels == index).sum()) for index, name in enumerate(LABELS)}
    assert counted.by_domain == {name: int((domains == index).sum()) for index, name in enumerate(DOMAINS)}
    assert counted.n_cells - counted.n_empty == len(set(pairs))


@given(PAIRS)
def test_labels_of_one_domain_are_those_seen_in_exactly_one(pairs: list[tuple[int, int]]) -> None:
    labels, domains = np.array(pairs, dtype=np.int64).T
    counted = compose(labels, domains, label_names=LABELS, domain_names=DOMAINS)
    seen = {label: {domain for other, domain in pairs if other == label} for label, _ in pairs}
    assert counted.labels_of_one_domain == tuple(LABELS[label] for label in sorted(seen) if len(seen[label]) == 1)


def test_with_one_domain_no_label_lacks_another() -> None:
    ones = np.zeros(4, dtype=np.int64)
    assert compose(ones, ones, label_names=["a"], domain_names=["v"]).labels_of_one_domain == ()
