"""Can domains be told apart among examples of one label, where the label itself gives nothing away?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

N_PERMUTATIONS = 999
"""Permutations for a p-value, whose smallest value is then 0.001."""


@dataclass(frozen=True)
class WithinLabels:
    """How well domains are told apart within labels.

    Args:
        accuracy: share of examples of each label and domain whose domain is told, averaged over those pairs.
        chance: what telling nothing, or by the label alone, gives: exactly one over the label's number of domains.
        p_value: how often domains exchanged among examples of one label give as much.
        n: examples measured on.
    """

    accuracy: float
    chance: float
    p_value: float
    n: int

    @property
    def above_chance(self) -> float:
        """Share of the way from chance (0) to telling every domain (1); below 0 where worse than chance."""
        return (self.accuracy - self.chance) / (1 - self.chance)


def within_labels(
    probabilities: Float[NDArray[np.float32], "n domains"],
    labels: Int[NDArray[np.int64], " n"],
    domains: Int[NDArray[np.int64], " n"],
    *,
    counts: Int[NDArray[np.int64], "labels domains"],
    seed: int = 0,
) -> WithinLabels | None:
    """Measure a domain net's predictions label by label.

    A net may tell the domain by the label, where these depend on each other. Dividing what it gives by the domains'
    shares among the label's training examples leaves what the input says beyond its label (Bayes' rule), and counting
    each pair of label and domain once makes every guess that goes by the label alone right in exactly one of as many
    cases as the label has domains.

    Args:
        probabilities: of the domains, (n, n_domains), of examples that the net was not trained on.
        labels: of those examples, (n,).
        domains: likewise.
        counts: training examples by label and domain.
        seed: of the permutations.

    Returns:
        None where no label has two domains with training examples and others to measure on.

    Example:
        >>> counts = np.array([[8, 8], [8, 8]])
        >>> labels, domains = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
        >>> within_labels(np.eye(2, dtype=np.float32)[domains], labels, domains, counts=counts).accuracy
        1.0
    """
    n_domains = counts.shape[1]
    pairs = np.bincount(labels * n_domains + domains, minlength=counts.size).reshape(counts.shape)
    usable = (pairs > 0) & (counts > 0)
    usable &= usable.sum(axis=1, keepdims=True) >= 2
    kept = usable[labels, domains]
    if not kept.any():
        return None
    labels, domains = labels[kept], domains[kept]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    likelihoods = np.where(usable[labels], probabilities[kept] / np.where(usable, shares, 1)[labels], -1)
    told = likelihoods.argmax(axis=1)
    # Every pair counts once: permutations within a label leave the number of each pair's examples as it is.
    weights = 1 / (pairs * usable.sum()).clip(1)

    def accuracy(truth: NDArray[np.int64]) -> float:
        return float(weights[labels, truth][told == truth].sum())

    random = np.random.RandomState(seed)
    order = np.argsort(labels, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    found, as_much = accuracy(domains), 0
    for _ in range(N_PERMUTATIONS):
        exchanged = domains.copy()
        for of_label in members:
            exchanged[of_label] = domains[random.permutation(of_label)]
        as_much += accuracy(exchanged) >= found - 1e-12
    # A label of k domains has k pairs, each right once in k.
    chance = np.count_nonzero(usable.any(axis=1)) / usable.sum()
    return WithinLabels(found, float(chance), (1 + as_much) / (1 + N_PERMUTATIONS), len(labels))
