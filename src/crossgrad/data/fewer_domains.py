"""A dataset with fewer training domains: does it take that many?"""

from dataclasses import replace

import numpy as np
import torch

from crossgrad.data.dataset import DomainDataset
from crossgrad.errors import SettingsError


def with_training_domains(dataset: DomainDataset, n: int, *, seed: int = 0) -> DomainDataset:
    """Keep some of the training domains of a dataset that has a split of its own; validation and test stay.

    Args:
        dataset: with `domain_split`.
        n: training domains to keep, at least two. With the same seed five of them are among ten.
        seed: of the drawing.

    Returns:
        The dataset without the others, under a name that says so.

    Raises:
        SettingsError: the dataset has no split of its own, or not so many training domains.

    Example:
        >>> from crossgrad.data.domain_split import DomainSplit
        >>> letters = DomainDataset.from_arrays([[0.0]] * 6, [0, 1] * 3, list("abcdef"), name="letters")
        >>> letters = replace(letters, domain_split=DomainSplit(validation=("a",), test=("f",)))
        >>> with_training_domains(letters, 2).domain_names
        ('a', 'd', 'e', 'f')
    """
    own = dataset.domain_split
    if own is None:
        raise SettingsError(f"{dataset.name!r} has no split of its own, so no domains are for training alone")
    kept = {*own.validation, *own.test}
    training = [name for name in dataset.domain_names if name not in kept]
    if not 2 <= n <= len(training):
        raise SettingsError(f"{dataset.name!r} has {len(training)} training domains; keep 2 to all of them, not {n}")
    order = np.random.RandomState(seed).permutation(len(training))[:n]
    kept |= {training[index] for index in order}
    names = tuple(name for name in dataset.domain_names if name in kept)
    place = torch.tensor([names.index(name) if name in kept else -1 for name in dataset.domain_names])
    chosen = torch.where(place[dataset.domains] >= 0)[0]
    subset = dataset.subset(chosen)
    return replace(
        subset, domains=place[subset.domains], domain_names=names, name=f"{dataset.name}, {n} training domains"
    )
