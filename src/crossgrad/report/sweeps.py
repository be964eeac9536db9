"""A sweep's candidates from its records, plan and choice alone: what each reached, and which was chosen."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossgrad.errors import RecordError
from crossgrad.folders import CHOICE, PLAN
from crossgrad.records import Record, read_records
from crossgrad.report.fields import check_fields
from crossgrad.selection import (
    ALL_DOMAINS,
    WAYS,
    Candidate,
    Fold,
    Point,
    Validation,
    validation_accuracy,
    validations,
)
from crossgrad.significance import Estimate


@dataclass(frozen=True)
class Swept:
    """What a sweep found.

    Attributes:
        method: swept.
        dataset: name of the data.
        select: key of `selection.WAYS`.
        dropped: what did not fit in its time, in words; "" where all did.
        candidates: in the order of the plan.
        choice: the file of the choice.
    """

    method: str
    dataset: str
    select: str
    dropped: str
    candidates: tuple[Candidate, ...]
    choice: Path


def sweep_folder(path: Path) -> Path | None:
    """The folder of the sweep whose records these are; None where they are no sweep's.

    Args:
        path: a folder, or the records.jsonl in it.
    """
    folder = path if path.is_dir() else path.parent
    return folder if (folder / PLAN).is_file() else None


def read_sweep(folder: Path) -> Swept:
    """Read what a finished sweep left, and work out anew what its candidates reached.

    Args:
        folder: that `crossgrad sweep` wrote.

    Raises:
        RecordError: it has not ended, a file of it cannot be read, or the choice is not what the records give.
    """
    plan, choice = _read(folder / PLAN), _read(folder / CHOICE)
    records = read_records(folder)
    try:
        return _swept(plan, choice, records, folder)
    except RecordError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RecordError(
            f"{str(folder)!r} holds no sweep that can be read ({type(error).__name__}: {error}); run `crossgrad sweep` "
            "with its --output again"
        ) from error


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise RecordError(
            f"the sweep in {str(file.parent)!r} has not ended: there is no {file.name}; run the same `crossgrad sweep` "
            "again, which goes on from there"
        )
    try:
        found = json.loads(file.read_bytes())
        if not isinstance(found, dict):
            raise TypeError("no object")
    except (ValueError, TypeError, RecursionError) as error:
        raise RecordError(f"{str(file)!r} is nothing that `crossgrad sweep` wrote: {error}") from error
    return found


def _swept(plan: Mapping[str, Any], choice: Mapping[str, Any], records: Sequence[Record], folder: Path) -> Swept:
    asked, points, seeds = plan["asked"], plan["points"], plan["seeds"]
    if asked["select"] not in WAYS or not points or not seeds:
        raise ValueError("no candidates, no seeds, or an unknown way to select")
    chosen = {tuple(each["held_out"]): each for each in choice["choices"]}
    folds = [fold for fold in chosen if fold != ALL_DOMAINS]
    for record in records:
        check_fields(record)
    trained = _validations(asked["select"], folds, records)
    # Successive halving trains shorter too; those runs stop candidates, and say nothing of what was chosen. A candidate
    # that it stopped for one fold may have been trained to the end for others; then what it reached is shown.
    full = asked["settings"]["max_steps"] if asked["search"] == "halving" else None
    defaults = plan.get("defaults", {})
    found = {
        (_place(points, record, defaults), record["seed"], *_where(record)): record
        for record in records
        if full is None or record["max_steps"] == full
    }

    def accuracy(point: int, fold: Fold) -> Estimate | None:
        of = [each for each in trained if fold in (ALL_DOMAINS, each.fold)]
        places = [(each, (point, seed, each.held_out, each.left_out)) for seed in seeds for each in of]
        if not all(place in found for _, place in places):
            return None
        return validation_accuracy([(each, found[place]) for each, place in places])

    candidates = []
    for number, point in enumerate(points):
        accuracies = {fold: accuracy(number, fold) for fold in (*folds, ALL_DOMAINS)}
        is_chosen = tuple(fold for fold in accuracies if _place([point], chosen[fold], defaults) == 0)
        candidates.append(Candidate(point, accuracies, is_chosen))
    _check(candidates, chosen, folder)
    return Swept(
        method=str(asked["method"]),
        dataset=str(asked["dataset"]),
        select=asked["select"],
        dropped=str(plan["dropped"]),
        candidates=tuple(candidates),
        choice=folder / CHOICE,
    )


def _validations(select: str, folds: Sequence[Fold], records: Sequence[Record]) -> list[Validation]:
    """What was trained for each fold, from what records say was held out and left out."""
    held_out = list(dict.fromkeys(tuple(record["held_out"]) for record in records))
    left_out = [set(record.get("left_out", ())) for record in records]
    in_all = set.intersection(*left_out)
    domains = records[0]["domains"]
    # Where each of several folds is left out in turn, none is in all records; a single fold is no validation domain.
    kept = tuple(name for name in domains if name in in_all and not any(name in fold for fold in folds))
    return validations(domains, folds, select, kept_for_validation=kept, inner_folds=held_out)


def _where(record: Record) -> tuple[Fold, Fold]:
    return tuple(record["held_out"]), tuple(record.get("left_out", ()))


def _place(points: Sequence[Point], trained: Mapping[str, Any], defaults: Mapping[str, Any]) -> int | None:
    """Which of the points a record, or a choice, is of; `defaults` are what these do not tell."""
    settings = dict(trained["settings"])
    fields = {**settings.pop("fields", {}), **trained.get("fields", {})}
    values = {**defaults, **settings, **fields}
    return next((n for n, point in enumerate(points) if all(values[name] == point[name] for name in point)), None)


def _check(candidates: Sequence[Candidate], chosen: Mapping[Fold, Mapping[str, Any]], folder: Path) -> None:
    """Refuse a choice that records do not give: one of the two was changed."""
    for fold, choice in chosen.items():
        reached = [each.accuracies[fold] for each in candidates if fold in each.chosen_for]
        if len(reached) != 1 or reached[0] is None or not math.isclose(reached[0].value, choice["accuracy"]):
            raise RecordError(
                f"{str(folder / CHOICE)!r} is not what the records beside it give for "
                f"{', '.join(fold) or 'all domains'}; run the same `crossgrad sweep` again, which trains nothing that "
                "is on record"
            )
