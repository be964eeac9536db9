"""How settings are chosen: what is trained for it, and what of the records counts.

By default on validation domains: domains that are neither trained on nor the ones that settings are chosen for.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any, Literal

from crossgrad.records import Record
from crossgrad.significance import Estimate, estimate

Fold = tuple[str, ...]
"""Names of domains that are held out together."""

ALL_DOMAINS: Fold = ()
"""The fold of a model that holds nothing out: its settings are chosen by everything that was measured."""

Point = dict[str, Any]
"""What a candidate is tried with, by the names of fields and settings; JSON-serialisable."""

WAYS = {
    "held-out": "accuracy on held-out validation domains",
    "training": "accuracy on unseen examples of the training domains",
    "oracle": "accuracy on the test domains themselves",
}
"""How settings can be chosen, by the names that records have in `select`. Only the oracle looks at test labels."""


@dataclass(frozen=True)
class Validation:
    """A training of every candidate, and what of its record counts in the choice for one fold.

    Args:
        fold: of test domains that settings are chosen for.
        held_out: measured on as unseen domains.
        left_out: neither trained nor measured on.
        place: the part of a record that is looked at.
        domains: those in it that count.
    """

    fold: Fold
    held_out: Fold
    left_out: Fold
    place: Literal["out_of_domain", "in_domain"]
    domains: Fold


@dataclass(frozen=True)
class Candidate:
    """A point and how good it is.

    Attributes:
        point: by the names of fields and settings.
        accuracies: by fold; None where it was not trained to the end (halving).
        chosen_for: folds whose choice it is.
    """

    point: Point
    accuracies: Mapping[Fold, Estimate | None]
    chosen_for: tuple[Fold, ...]


def validations(
    domain_names: Sequence[str],
    folds: Sequence[Fold],
    select: str,
    *,
    kept_for_validation: Fold = (),
    inner_folds: Sequence[Fold] = (),
) -> list[Validation]:
    """What has to be trained to choose settings for each fold of test domains.

    Args:
        domain_names: of all domains, in the dataset's order.
        folds: of test domains.
        select: key of WAYS. "held-out": of several folds, every pair is held out together, and each validates the
            choice for the other; of one fold, the `inner_folds` are held out one after another and the fold left out.
            "training": the fold is left out. "oracle": the fold is held out, as in the final runs.
        kept_for_validation: domains that a benchmark keeps for validation: final runs leave them out, and so do those
            that are not measured on them.
        inner_folds: of the remaining domains, for a single fold.

    Example:
        >>> for each in validations(["0", "15", "30", "45"], [("0",), ("15",)], "held-out"):
        ...     print(each.fold, each.held_out, each.domains)
        ('0',) ('0', '15') ('15',)
        ('15',) ('0', '15') ('0',)
    """
    found = []
    if select == "held-out" and len(folds) > 1:
        for first, second in combinations(folds, 2):
            both = tuple(name for name in domain_names if name in (*first, *second))
            for fold, other in ((first, second), (second, first)):
                found.append(Validation(fold, both, (), "out_of_domain", other))
    elif select == "held-out":
        found += [Validation(fold, inner, fold, "out_of_domain", inner) for fold in folds for inner in inner_folds]
    elif select == "training":
        for fold in folds:
            left_out = tuple(name for name in domain_names if name in (*fold, *kept_for_validation))
            trained_on = tuple(name for name in domain_names if name not in left_out)
            found.append(Validation(fold, (), left_out, "in_domain", trained_on))
    else:
        found += [Validation(fold, fold, kept_for_validation, "out_of_domain", fold) for fold in folds]
    return found


def validation_accuracy(measured: Sequence[tuple[Validation, Record]]) -> Estimate:
    """How good one candidate is: the mean over validation domains, its runs on each averaged first.

    Args:
        measured: every training of one candidate that counts in a choice, with every seed, and what of it counts.

    Returns:
        The mean and its standard error over validation domains; over runs where there is one domain only. A run that
        failed counts as wrong everywhere.
    """
    by_domain: dict[str, list[float]] = {}
    for validation, record in measured:
        for domain, accuracy in _accuracies(record, validation.place, validation.domains).items():
            by_domain.setdefault(domain, []).append(accuracy)
    if len(by_domain) == 1:
        (values,) = by_domain.values()
        return estimate(values)
    return estimate([fmean(values) for values in by_domain.values()])


def _accuracies(record: Record, place: str, domains: Fold) -> dict[str, float]:
    """What was measured on these domains and nothing else; a run that failed is a setting that does not work."""
    measured = record[place]
    if measured is None:
        return dict.fromkeys(domains, 0.0)
    # A training domain of one example has none that is unseen.
    return {name: measured["by_domain"][name] for name in domains if name in measured["by_domain"]}


def in_words(point: Mapping[str, Any]) -> str:
    """A point on one line.

    Example:
        >>> in_words({"label_weight": 0.5, "condition": True})
        'label_weight 0.5, condition true'
    """
    return ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in point.items()
    )
