"""Records to one table of numbers: what every kind of report prints. Nothing is rendered here."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crossgrad.errors import RecordError
from crossgrad.records import Record
from crossgrad.reliability import expected_calibration_error
from crossgrad.report.artefacts import Answers
from crossgrad.report.differences import Cells, by_domains, by_example, cells_of, difference
from crossgrad.report.fields import check_whole
from crossgrad.report.names import BASELINE, CONTROLS, ORACLE, display_name, method_order
from crossgrad.report.rows import Difference, Perturbation, Row, Table, Unfinished
from crossgrad.significance import Estimate, estimate, holm

_ALIKE = ("net", "max_steps", "select", "left_out", "net_source", "domain_net_source")
"""What the runs of one method and fold have in common; where methods differ in it, the reader is told."""


def summarise(records: Sequence[Record], answers: Mapping[str, Answers] | None = None) -> Table:
    """Make the table of one dataset's records.

    Methods come in the order of their list of names, ERM first, whatever order runs ended in. Seeds are averaged within
    a domain before anything is said about domains (`paired_t` says why).

    Args:
        records: as `crossgrad.records.read_records` gives them; failed runs among them are listed, not counted.
        answers: of runs by their keys, as `read_answers` gives them. Calibration errors and tests that go by examples
            are there for methods whose runs all have theirs.

    Raises:
        RecordError: there are none, a field is missing, they are of several datasets, one (method, domain,
            seed) comes twice, the seeds of one method and held-out domain were trained differently, or answers
            are of different examples.

    Example:
        >>> from crossgrad.report import summarise
        >>> summarise([])
        Traceback (most recent call last):
            ...
        crossgrad.errors.RecordError: there are no records to report
    """
    _check(records)
    methods = sorted(dict.fromkeys(record["method"] for record in records), key=method_order)
    finished = _finished(records)
    cells = {method: cells_of(finished, method, answers or {}) for method in methods}
    failed = Counter(record["method"] for record in records if record["error"] is not None)
    first = records[0]
    held_out_somewhere = {name for record in records for name in record["held_out"]}
    return Table(
        dataset=first["dataset"],
        n_examples=first["n_examples"],
        n_labels=len(first["labels"]),
        n_domains=len(first["domains"]),
        held_out=tuple(name for name in first["domains"] if name in held_out_somewhere),
        n_folds=len({tuple(record["held_out"]) for record in records}),
        seeds=tuple(sorted({record["seed"] for record in records})),
        rows=_corrected([_row(method, first["domains"], finished, cells, failed) for method in methods]),
        unfinished=_unfinished(records, methods),
        unequal=_unequal(finished),
        left_out=tuple(
            name for name in first.get("left_out", ()) if all(name in record.get("left_out", ()) for record in records)
        ),
        unlabelled=_unlabelled(records),
    )


def _check(records: Sequence[Record]) -> None:
    if not records:
        raise RecordError("there are no records to report")
    for record in records:
        check_whole(record)
        for field in ("labels", "domains"):
            if record[field] != records[0][field]:
                raise RecordError(
                    f"records {records[0]['key']!r} and {record['key']!r} name different {field}; report each alone"
                )
        measured = record["out_of_domain"]["by_domain"] if record["out_of_domain"] else ()
        if unknown := [name for name in (*record["held_out"], *measured) if name not in record["domains"]]:
            raise RecordError(f"record {record['key']!r} is of {unknown[0]!r}, which is none of its domains")
        if record["error"] is None and record["out_of_domain"] is None:
            raise RecordError(
                f"record {record['key']!r} is of a run that held no domain out, as a sweep makes them that chooses by "
                "training domains; there is no accuracy on unseen domains to report"
            )
    datasets = sorted({f"{record['dataset']} ({record['fingerprint']})" for record in records})
    if len(datasets) > 1:
        raise RecordError(f"the records are of {len(datasets)} datasets, {', '.join(datasets)}; report each alone")
    trained: dict[Any, Record] = {}
    for record in _finished(records):
        before = trained.setdefault((record["method"], tuple(record["held_out"])), record)
        for field in (*_ALIKE, "settings"):
            if before.get(field) != record.get(field):
                raise RecordError(
                    f"{record['method']}, held out {', '.join(record['held_out'])}: seeds {before['seed']} and "
                    f"{record['seed']} differ in {field} ({before.get(field)!r}, {record.get(field)!r}); their mean "
                    "would be of nothing in particular"
                )


def _finished(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record["error"] is None]


def _row(
    method: str,
    domains: Sequence[str],
    finished: Sequence[Record],
    cells: Mapping[str, Cells],
    failed: Mapping[str, int],
) -> Row:
    own = cells[method]
    runs = [record for record in finished if record["method"] == method]
    grouped = by_domains({place: cell.accuracy for place, cell in own.items()}, domains)
    by_domain = {domain: estimate(values) for domain, values in grouped.items()}
    means = [found.value for found in by_domain.values()]
    inside: dict[tuple[str, ...], list[float]] = {}
    for record in runs:
        if record["in_domain"] is not None:
            inside.setdefault(tuple(record["held_out"]), []).append(record["in_domain"]["accuracy"])
    moved = [record["perturbation"] for record in runs if record["perturbation"] is not None]
    is_oracle = any(record["select"] == ORACLE for record in runs)
    against = [] if method in (BASELINE, *CONTROLS) else [name for name in CONTROLS if name in cells]

    def against_other(other: str) -> Difference | None:
        found = difference(own, cells[other], domains)
        return found and replace(found, n_failed=failed.get(method, 0) + failed.get(other, 0))

    differences = {name: against_other(name) for name in against}
    tested = BASELINE in cells and method != BASELINE
    of_baseline = against_other(BASELINE) if tested else None
    return Row(
        method=method,
        name=f"{display_name(method)} ({ORACLE})" if is_oracle else display_name(method),
        by_domain=by_domain,
        mean=estimate(means) if means else None,
        worst=min(by_domain, key=lambda domain: by_domain[domain].value, default=None),
        in_domain=estimate([estimate(values).value for values in inside.values()]) if inside else None,
        difference=of_baseline and replace(of_baseline, by_example=by_example(own, cells[BASELINE], domains)),
        perturbation=_perturbation(moved) if moved else None,
        spread=float(np.std(means, ddof=1)) if len(means) > 1 else None,
        calibration_error=_calibration_error(own, domains),
        controls={name: found for name, found in differences.items() if found is not None},
        is_oracle=is_oracle,
    )


def _calibration_error(own: Cells, domains: Sequence[str]) -> Estimate | None:
    """Of each domain by itself: too sure on one and not sure enough on another is no calibration."""
    errors = {
        place: expected_calibration_error(cell.answers.confidence, cell.answers.right)
        for place, cell in own.items()
        if cell.answers is not None and cell.answers.confidence is not None
    }
    if not errors or len(errors) < len(own):
        return None
    return estimate([estimate(values).value for values in by_domains(errors, domains).values()])


def _corrected(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with p-values corrected: those of all methods against ERM, and those of all methods against controls."""
    over_baseline = _by_holm([row.difference for row in rows if row.difference])
    over_controls = _by_holm([found for row in rows for found in row.controls.values()])
    return tuple(
        replace(
            row,
            difference=next(over_baseline) if row.difference else None,
            controls={name: next(over_controls) for name in row.controls},
        )
        for row in rows
    )


def _by_holm(differences: Sequence[Difference]) -> Iterator[Difference]:
    """The same differences, with p-values corrected for how many of them have one."""
    corrected = iter(holm([found.larger_p for found in differences if found.larger_p is not None]))
    for found in differences:
        yield found if found.larger_p is None else replace(found, corrected_p=next(corrected))


def _perturbation(moved: Sequence[dict[str, float]]) -> Perturbation:
    mean = {field: estimate([run[field] for run in moved]).value for field in ("l2", "linf", "input_l2")}
    return Perturbation(**mean)


def _unfinished(records: Sequence[Record], methods: Sequence[str]) -> tuple[Unfinished, ...]:
    by_run = {(record["method"], tuple(record["held_out"]), record["seed"]): record for record in records}
    wanted = dict.fromkeys((held_out, seed) for _, held_out, seed in by_run)
    found = []
    for method in methods:
        for held_out, seed in wanted:
            record = by_run.get((method, held_out, seed))
            if record is None:
                found.append(Unfinished(method, held_out, seed, "no record", None, has_failed=False))
            elif record["error"] is not None:
                error = record["error"]
                found.append(Unfinished(method, held_out, seed, error["message"], error.get("step")))
    return tuple(found)


def _unequal(finished: Sequence[Record]) -> dict[str, dict[str, str]]:
    unequal: dict[str, dict[str, str]] = {}
    for field in _ALIKE:
        values: dict[str, list[str]] = {}
        for record in finished:
            of_method = values.setdefault(record["method"], [])
            told = _told(record.get(field) or "none")
            if told not in of_method:
                of_method.append(told)
        if len({frozenset(of_method) for of_method in values.values()}) > 1:
            unequal[field] = {method: ", ".join(of_method) for method, of_method in values.items()}
    return unequal


def _told(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _unlabelled(records: Sequence[Record]) -> tuple[str, int] | None:
    """Of all runs that trained with inputs without labels; what they are is part of the data, and so alike."""
    found = next((record["unlabelled"] for record in records if record.get("unlabelled")), None)
    return found and (found["domain"], found["n"])
