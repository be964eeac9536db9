"""A benchmark's own split: which of its domains train, validate and test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossgrad.errors import SettingsError


@dataclass(frozen=True)
class DomainSplit:
    """Names of validation and of test domains; all others train.

    Args:
        validation: settings are chosen on them; final runs neither train nor are measured on them.
        test: held out together.
    """

    validation: tuple[str, ...]
    test: tuple[str, ...]


def random_domain_split(names: Sequence[str], *, validation: float, test: float, seed: int = 0) -> DomainSplit:
    """Draw validation and test domains at random.

    Args:
        names: of all domains.
        validation: their share, in [0, 1); rounded to whole domains, at least one unless the share is 0.
        test: likewise, above 0.
        seed: of the drawing.

    Returns:
        Names in the order of `names`.

    Raises:
        SettingsError: fewer than two domains would be left to train on.

    Example:
        >>> random_domain_split([f"writer {i}" for i in range(10)], validation=0.1, test=0.2)
        DomainSplit(validation=('writer 4',), test=('writer 2', 'writer 8'))
    """
    n_validation = max(1, round(validation * len(names))) if validation else 0
    n_test = max(1, round(test * len(names)))
    if len(names) - n_validation - n_test < 2:
        raise SettingsError(
            f"of {len(names)} domains, {n_validation} would validate and {n_test} test: fewer than two are left"
        )
    shuffled = np.random.RandomState(seed).permutation(len(names))  # the same under every version of NumPy

    def named(indices: NDArray[np.int64]) -> tuple[str, ...]:
        return tuple(names[index] for index in np.sort(indices))

    return DomainSplit(named(shuffled[n_test : n_test + n_validation]), named(shuffled[:n_test]))
