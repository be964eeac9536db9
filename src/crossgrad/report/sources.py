"""Where a report comes from: one compare's folder, or several files of one dataset put together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from crossgrad.errors import RecordError
from crossgrad.records import Record, read_records
from crossgrad.report.artefacts import Artefacts, read_answers
from crossgrad.report.fields import check_fields
from crossgrad.report.names import fold_name
from crossgrad.report.rows import Table
from crossgrad.report.tables import summarise

_CIRCUMSTANCES = ("seconds", "versions", "command")
"""Of a record: where and how a run ran, which no result depends on."""


@dataclass(frozen=True, eq=False)
class Source:
    """Records, and where their runs' files are."""

    records: tuple[Record, ...]
    artefacts: Artefacts
    folder: Path
    """Of the records; the first of several."""

    @cached_property
    def table(self) -> Table:
        """The results as numbers, with those that go by examples where predictions are at hand."""
        return summarise(self.records, read_answers(self.records, self.artefacts))


def collect(paths: Sequence[Path]) -> Source:
    """Read one or several records.jsonl files, or the folders that hold them, as one.

    A run that two of them hold counts once. Their order does not matter.

    Args:
        paths: at least one; a folder runs/ beside each records.jsonl holds what its runs left, or does not.

    Raises:
        RecordError: a file cannot be read, or two of them say different things of one run, or have trained one method
            differently for the same held-out domains and seed.
    """
    found: dict[str, tuple[Record, Path]] = {}
    places: dict[tuple[str, str, tuple[str, ...], int], tuple[Record, Path]] = {}
    for path in paths:
        for record in read_records(path):
            check_fields(record)
            _agree(found.setdefault(record["key"], (record, path)), (record, path))
            if {"fingerprint", "method", "held_out", "seed"} <= record.keys():
                place = (record["fingerprint"], record["method"], tuple(record["held_out"]), record["seed"])
                _are_one(places.setdefault(place, (record, path)), (record, path))
    # Runs end in any order, and files come in any; the page is the same.
    records = sorted(
        (record for record, _ in found.values()),
        key=lambda record: (str(record.get("seed")), str(record.get("held_out")), str(record.get("method"))),
    )
    folders = [path if path.is_dir() else path.parent for path in paths]
    return Source(tuple(records), Artefacts(*(folder / "runs" for folder in folders)), folders[0])


def _agree(before: tuple[Record, Path], now: tuple[Record, Path]) -> None:
    different = _differing(before[0], now[0], except_for=_CIRCUMSTANCES)
    if different:
        raise RecordError(
            f"{str(before[1])!r} and {str(now[1])!r} say different things of one run, {_named(now[0])} "
            f"({', '.join(different)}): give the one that is right, or train it again"
        )


def _are_one(before: tuple[Record, Path], now: tuple[Record, Path]) -> None:
    if before[0]["key"] != now[0]["key"]:
        different = _differing(before[0], now[0], except_for=("key", *_CIRCUMSTANCES))
        if before[1] == now[1]:
            raise RecordError(
                f"{str(now[1])!r} has {_named(now[0])} more than once, trained differently ({', '.join(different)}): "
                "these are candidates of a sweep, not one comparison; report its whole folder, with plan.json in it"
            )
        raise RecordError(
            f"{str(before[1])!r} and {str(now[1])!r} both have {_named(now[0])}, trained differently "
            f"({', '.join(different)}): more than one record cannot be one result; report each alone"
        )


def _differing(before: Record, now: Record, *, except_for: Sequence[str]) -> list[str]:
    return [
        name for name in dict.fromkeys([*before, *now]) if name not in except_for and before.get(name) != now.get(name)
    ]


def _named(record: Record) -> str:
    return f"{record.get('method')}, held out {fold_name(record.get('held_out') or ())}, seed {record.get('seed')}"
