"""Which examples train, test in the training domains, or test outside, when domains are held out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.naming import in_order, quoted
from crossgrad.errors import DataError, SettingsError


@dataclass(frozen=True, eq=False)
class Split:
    """Every example of a dataset in one of three places, but for those of domains that are left out.

    Args:
        held_out: names of the domains that are measured on as unseen ones, in the dataset's order.
        train: sorted int64 indices of the training examples.
        in_domain: sorted indices of the examples of training domains that are kept for measuring.
        out_of_domain: sorted indices of every example of the held-out domains.
    """

    held_out: tuple[str, ...]
    train: Int[Tensor, " t"]
    in_domain: Int[Tensor, " i"]
    out_of_domain: Int[Tensor, " o"]


def split(
    dataset: DomainDataset,
    held_out: Sequence[str],
    *,
    in_domain_fraction: float,
    seed: int,
    left_out: Sequence[str] = (),
) -> Split:
    """Hold domains out, and of every other domain keep a fraction of the examples for measuring.

    That fraction is stratified by label: a domain's examples are shuffled, put in the order of their labels
    and taken at equal distances from a random start, so that each label's share is right to within one
    example. A domain of two or more examples gives at least one and never all; a label's only training
    examples stay in training. That aside, what is kept of a domain does not depend on what is held out.

    Args:
        dataset: of three or more domains.
        held_out: names of domains; at least one.
        in_domain_fraction: in [0, 1).
        seed: of the shuffle, in [0, 2**32).
        left_out: names of domains that neither train nor are measured on, such as those that settings were chosen on.

    Raises:
        DataError: an unknown domain, one named twice, held out and left out, or without examples, or fewer than two
            left to train on.
        SettingsError: a fraction outside [0, 1), or a seed outside its range.

    Example:
        >>> dataset = DomainDataset.from_arrays(
        ...     np.zeros((30, 2)), ["a", "b"] * 15, np.repeat([1, 2, 3], 10), name="example"
        ... )
        >>> parts = split(dataset, ["2"], in_domain_fraction=0.2, seed=0)
        >>> len(parts.train), len(parts.in_domain), parts.out_of_domain.tolist()
        (16, 4, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
    """
    if not held_out:
        raise DataError("no domain to hold out was named; random_split() is for holding none out")
    if both := set(held_out).intersection(left_out):
        raise DataError(f"held out and left out at once: {quoted(sorted(both))}")
    names = dataset.domain_names
    return _split(dataset, in_order(held_out, names), in_order(left_out, names), in_domain_fraction, seed)


def random_split(
    dataset: DomainDataset, *, in_domain_fraction: float, seed: int, left_out: Sequence[str] = ()
) -> Split:
    """Split as `split` does, but hold no domain out: for a model that trains on all that are not left out."""
    return _split(dataset, (), in_order(left_out, dataset.domain_names), in_domain_fraction, seed)


def _split(
    dataset: DomainDataset, held_out: tuple[str, ...], left_out: tuple[str, ...], fraction: float, seed: int
) -> Split:
    if not 0 <= fraction < 1:
        raise SettingsError(f"in_domain_fraction must be at least 0 and below 1, but is {fraction}")
    if not 0 <= seed < 2**32:
        raise SettingsError(f"a seed is a whole number from 0 to 4294967295, not {seed!r}")
    present = {dataset.domain_names[index] for index in np.unique(dataset.domains.numpy())}
    if absent := [name for name in held_out if name not in present]:
        raise DataError(f"no examples of the held-out domain {quoted(absent)}")
    trains_too = set() if dataset.unlabelled is None else {dataset.unlabelled.domain}
    if len(present.difference(held_out, left_out) | trains_too) < 2:
        raise DataError(
            f"fewer than two domains are left to train on: the domains are {quoted(sorted(present))}, held "
            f"out are {quoted((*held_out, *left_out)) or 'none'}"
        )
    outside, trains = _is_of(dataset, held_out), ~_is_of(dataset, (*held_out, *left_out))
    inside = _sample(dataset, fraction, seed) & trains
    inside &= torch.isin(dataset.labels, dataset.labels[~inside & trains])
    return Split(
        held_out,
        train=torch.where(~inside & trains)[0],
        in_domain=torch.where(inside)[0],
        out_of_domain=torch.where(outside)[0],
    )


def _is_of(dataset: DomainDataset, domains: tuple[str, ...]) -> Bool[Tensor, " n"]:
    indices = [dataset.domain_names.index(name) for name in domains]
    return torch.isin(dataset.domains, torch.tensor(indices, dtype=torch.int64))


def _sample(dataset: DomainDataset, fraction: float, seed: int) -> Bool[Tensor, " n"]:
    """Which examples are kept for measuring, were every domain a training domain."""
    labels, domains = dataset.labels.numpy(), dataset.domains.numpy()
    random = np.random.RandomState(seed)  # its streams never change with NumPy's version
    shuffled = random.permutation(len(dataset))
    starts = random.random_sample(len(dataset.domain_names))
    taken = np.zeros(len(dataset), dtype=bool)
    for domain, start in enumerate(starts):
        members = shuffled[domains[shuffled] == domain]
        if fraction == 0 or len(members) < 2:
            continue
        count = min(max(round(fraction * len(members)), 1), len(members) - 1)
        by_label = members[np.argsort(labels[members], kind="stable")]
        taken[by_label[((np.arange(count) + start) * len(members) / count).astype(np.int64)]] = True
    return torch.from_numpy(taken)


def training_subset(dataset: DomainDataset, split: Split) -> DomainDataset:
    """The training examples, their domains counted anew from 0 among the training domains alone.

    Labels keep their names and indices.

    Example:
        >>> dataset = DomainDataset.from_arrays(np.zeros((3, 2)), [7, 7, 7], ["a", "b", "c"], name="example")
        >>> train = training_subset(dataset, split(dataset, ["b"], in_domain_fraction=0, seed=0))
        >>> train.domain_names, train.domains.tolist()
        (('a', 'c'), [0, 1])
    """
    train = dataset.subset(split.train)
    present, domains = np.unique(train.domains.numpy(), return_inverse=True)
    names = tuple(dataset.domain_names[index] for index in present)
    return replace(train, domains=torch.from_numpy(domains), domain_names=names)
