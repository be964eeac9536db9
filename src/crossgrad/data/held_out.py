"""Which domains are held out, together or one after another, by what is asked for in a word."""

import csv
import warnings
from collections.abc import Sequence

import numpy as np

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.domain_split import DomainSplit
from crossgrad.data.naming import in_order
from crossgrad.errors import DataWarning, SettingsError

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
    is_integer = protocol.isascii() and protocol.isdecimal() and len(protocol) < 10  # Python refuses very long ones
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
    return [in_order(wanted, names)]


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
    kept_out = in_order(held_out, names)
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
