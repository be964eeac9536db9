"""How many examples there are of every label in every domain."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray


@dataclass(frozen=True)
class Composition:
    """Examples by label and domain.

    Args:
        label_names: of the rows of `counts`.
        domain_names: of its columns.
        counts: examples of each label in each domain, one row a label.
    """

    label_names: tuple[str, ...]
    domain_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def n_examples(self) -> int:
        return sum(map(sum, self.counts))

    @property
    def by_domain(self) -> dict[str, int]:
        """Examples of each domain."""
        return dict(zip(self.domain_names, map(sum, zip(*self.counts, strict=True)), strict=True))

    @property
    def by_label(self) -> dict[str, int]:
        """Examples of each label."""
        return dict(zip(self.label_names, map(sum, self.counts), strict=True))

    @property
    def n_empty(self) -> int:
        """Pairs of a label and a domain without an example."""
        return sum(count == 0 for row in self.counts for count in row)

    @property
    def n_cells(self) -> int:
        """Pairs of a label and a domain."""
        return len(self.label_names) * len(self.domain_names)

    @property
    def incomplete_labels(self) -> tuple[str, ...]:
        """Labels that some domain lacks."""
        return tuple(name for name, row in zip(self.label_names, self.counts, strict=True) if 0 in row)

    @property
    def labels_of_one_domain(self) -> tuple[str, ...]:
        """Labels that all examples of are in one domain, where there are several domains."""
        if len(self.domain_names) < 2:
            return ()
        return tuple(
            name for name, row in zip(self.label_names, self.counts, strict=True) if sum(n > 0 for n in row) == 1
        )


def compose(
    labels: Int[NDArray[np.int64], " n"],
    domains: Int[NDArray[np.int64], " n"],
    *,
    label_names: Sequence[str],
    domain_names: Sequence[str],
) -> Composition:
    """Count examples.

    Args:
        labels: indices into label_names, shape (n,).
        domains: indices into domain_names, shape (n,).
        label_names: of all labels.
        domain_names: of all domains.

    Example:
        >>> counted = compose(
        ...     np.array([0, 0, 1]), np.array([0, 1, 1]), label_names=["cat", "dog"], domain_names=["attic", "barn"]
        ... )
        >>> counted.counts, counted.labels_of_one_domain
        (((1, 1), (0, 1)), ('dog',))
    """
    shape = len(label_names), len(domain_names)
    counts = np.bincount(labels * shape[1] + domains, minlength=shape[0] * shape[1]).reshape(shape)
    return Composition(tuple(label_names), tuple(domain_names), tuple(map(tuple, counts.tolist())))
