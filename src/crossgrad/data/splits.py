"""Which domains are held out, and which examples train, test in the training domains, or test outside."""

import csv
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.domain_split import DomainSplit
from crossgrad.data.naming import choices, quoted
from crossgrad.errors import DataError, DataWarning, SettingsError


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
    return _split(dataset, _in_order(held_out, names), _in_order(left_out, names), in_domain_fraction, seed)


def random_split(
    dataset: DomainDataset, *, in_domain_fraction: float, seed: int, left_out: Sequence[str] = ()
) -> Split:
    """Split as `split` does, but hold no domain out: for a model that trains on all that are not left out."""
    return _split(dataset, (), _in_order(left_out, dataset.domain_names), in_domain_fraction, seed)


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
    if len(present.difference(held_out, left_out)) < 2:
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


def check_dataset(dataset: DomainDataset) -> None:
    """Warn (DataWarning) of labels that are seen in one domain only."""
    pairs = set(zip(dataset.labels.tolist(), dataset.domains.tolist(), strict=True))
    n_domains = Counter(label for label, _ in pairs)
    single = [name for label, name in enumerate(dataset.label_names) if n_domains[label] == 1]
    if single and len(dataset.domain_names) > 1:
        warnings.warn(
            f"seen in one domain only: label {quoted(single)}. A net can tell such a label by its domain "
            "instead of by what makes it that label, and may then miss it in new domains; moving inputs "
            "between domains may even harm it. And with that domain held out it cannot be learned at all",
            DataWarning,
            stacklevel=2,
        )


def check_split(dataset: DomainDataset, split: Split) -> None:
    """Warn (DataWarning) of held-out labels that are never trained on."""
    outside = dataset.labels[split.out_of_domain]
    unseen = outside[~torch.isin(outside, dataset.labels[split.train])]
    if len(unseen):
        names = [dataset.label_names[index] for index in np.unique(unseen.numpy())]
        warnings.warn(
            f"never trained on with {quoted(split.held_out)} held out: label {quoted(names)}. Its "
            f"{len(unseen)} of {len(outside)} held-out examples can only be counted as wrong",
            DataWarning,
            stacklevel=2,
        )


OWN_SPLIT = "protocol"
"""Names a dataset's own split where domains to hold out are asked for."""


def default_protocol(dataset: DomainDataset | Sequence[str]) -> str:
    """The dataset's own split where it has one, else each domain in turn up to 10 of them, 5 folds of domains above."""
    if isinstance(dataset, DomainDataset):
        return OWN_SPLIT if dataset.domain_split else default_protocol(dataset.domain_names)
    return "each" if len(dataset) <= 10 else "5"


def held_out_folds(dataset: DomainDataset | Sequence[str], protocol: str) -> list[tuple[str, ...]]:
    """The folds of domains to hold out, one after another.

    Args:
        dataset: a dataset, or the names of its domains.
        protocol: "protocol": the dataset's own split, the test domains together (its validation domains are to be left
            out then: `left_out_domains`). "each": every domain alone. An integer K from 2 to the number of domains: K
            folds, the same at every seed, whose sizes differ by one at most. P%: that share of the domains, drawn at
            random but the same at every seed, together. Anything else: the name of a domain, or names with commas
            between (quoted as in CSV where a name has a comma itself), held out together. A domain named like a
            protocol is held out by a comma behind its name: "5,".

    Returns:
        Folds: names that are held out together, each in the dataset's order.

    Raises:
        DataError: an unknown domain, or one named twice.
        SettingsError: an integer that is neither a domain nor a possible number of folds; a share that is none or
            all of the domains; no name at all.

    Example:
        >>> held_out_folds(["0", "15", "30"], "each")
        [('0',), ('15',), ('30',)]
        >>> held_out_folds(["0", "15", "30"], "30,0")
        [('0', '30')]
        >>> [len(fold) for fold in held_out_folds([f"writer {i}" for i in range(12)], "5")]
        [3, 3, 2, 2, 2]
        >>> held_out_folds(["0", "15", "30", "45"], "25%")
        [('30',)]
    """
    names = tuple(dataset.domain_names if isinstance(dataset, DomainDataset) else dataset)
    if protocol == OWN_SPLIT and protocol not in names:
        return [_own_split(dataset).test]
    if protocol == "each":
        return [(name,) for name in names]
    if protocol.endswith("%") and protocol not in names:
        return [_random_share(names, protocol)]
    is_integer = protocol.isascii() and protocol.isdecimal()
    if is_integer and 2 <= int(protocol) <= len(names):
        if protocol in names:
            warnings.warn(
                f"{protocol!r} is taken as a number of folds; to hold out the domain of that name, write '{protocol},'",
                DataWarning,
                stacklevel=2,
            )
        shuffled = np.random.RandomState(0).permutation(len(names))
        folds = [np.sort(shuffled[start :: int(protocol)]) for start in range(int(protocol))]
        return [tuple(names[index] for index in fold) for fold in folds]
    if protocol in names:
        return [(protocol,)]
    if is_integer:
        raise SettingsError(
            f"cannot hold out {protocol!r}: it is no domain, and as a number of folds it must be from 2 to "
            f"{len(names)}, the number of domains"
        )
    try:
        wanted = [name for row in csv.reader([protocol], skipinitialspace=True) for name in row if name.strip()]
    except csv.Error as error:
        raise SettingsError(
            f"cannot read the names in {protocol!r}: {error}; one with a line end stands between double quotes"
        ) from error
    if not wanted:
        raise SettingsError(f"nothing to hold out in {protocol!r}; write each, a number of folds, or names")
    return [_in_order(wanted, names)]


def left_out_domains(dataset: DomainDataset, protocol: str) -> tuple[str, ...]:
    """The domains that neither train nor are measured on under a protocol: of the own split those of validation."""
    is_own = protocol == OWN_SPLIT and protocol not in dataset.domain_names
    return _own_split(dataset).validation if is_own else ()


def _own_split(dataset: DomainDataset | Sequence[str]) -> DomainSplit:
    own = dataset.domain_split if isinstance(dataset, DomainDataset) else None
    if own is None:
        raise SettingsError(
            f"{OWN_SPLIT!r} is for benchmarks that have a split of their own, and this data has none; hold out each, a "
            "number of folds, or names"
        )
    return own


def validation_folds(
    dataset: DomainDataset | Sequence[str], held_out: Sequence[str], protocol: str = "each"
) -> list[tuple[str, ...]]:
    """Folds of the domains that are left, to choose settings by: an inner split of the training domains.

    Train without `held_out` and without a fold, and measure on the fold: what is chosen by that has seen nothing of
    `held_out`.

    Args:
        dataset: a dataset, or the names of its domains.
        held_out: names of the domains that settings are chosen for.
        protocol: as `held_out_folds` takes it, for the domains that are left.

    Raises:
        DataError, SettingsError: as `held_out_folds`.

    Example:
        >>> validation_folds(["0", "15", "30", "45"], ["15"])
        [('0',), ('30',), ('45',)]
    """
    names = tuple(dataset.domain_names if isinstance(dataset, DomainDataset) else dataset)
    kept_out = _in_order(held_out, names)
    return held_out_folds([name for name in names if name not in kept_out], protocol)


def _random_share(names: tuple[str, ...], protocol: str) -> tuple[str, ...]:
    try:
        count = round(float(protocol.removesuffix("%")) / 100 * len(names))
    except (ValueError, OverflowError):
        count = 0
    if not 0 < count < len(names):
        raise SettingsError(f"cannot hold out {protocol!r} of {len(names)} domains: that is none or all of them")
    drawn = np.random.RandomState(0).permutation(len(names))[:count]
    return tuple(names[index] for index in np.sort(drawn))


def _in_order(wanted: Sequence[str], names: tuple[str, ...]) -> tuple[str, ...]:
    for name in wanted:
        if name not in names:
            raise DataError(f"unknown domain {name!r}{choices(name, names)}")
    if len(set(wanted)) < len(wanted):
        raise DataError(f"a domain is named twice: {quoted(wanted)}")
    return tuple(name for name in names if name in wanted)
