"""From records to a table of the paper: our accuracies beside the published ones, and what may be said of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from crossgrad.records import Record, read_records
from crossgrad.report.differences import Cells, cells_of, difference
from crossgrad.report.names import CONTROLS, display_name, method_order
from crossgrad.report.numbers import p_value, signed_points
from crossgrad.report.packed_answers import unpack_answers
from crossgrad.report.rows import Difference
from crossgrad.reproduction.carrying_out import COMPARISON
from crossgrad.reproduction.paper_table import Cell, PaperTable
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.studies import Study
from crossgrad.reproduction.targets import Column, Target
from crossgrad.significance import Estimate, estimate

COLUMNS = {
    "column": "Task",
    "method": "Method",
    "ours": "Ours, %",
    "published": "Published",
    "minus_published": "Ours - published",
    "gain": "Gain over ERM",
    "p_domains": "p, domains",
    "p_examples": "p, examples",
}


HOW_TO_READ = (
    "Ours: the mean over seeds ± its standard error. p, each comparison's own, not corrected for their number: "
    "domains, of a paired t test over test domains, seeds averaged; examples, of the matched pairs test (MAPSSWE), "
    "which speaks of these domains alone."
)


@dataclass(frozen=True, eq=False)
class Found:
    """The records of one study, or of several pooled.

    Attributes:
        accuracies: over all examples of the held-out domains, in per cent, of each method by seed; of several folds
            the mean.
        cells: of each method, by domain and seed.
        domains: names, in the data's order.
    """

    accuracies: Mapping[str, Mapping[int, float]]
    cells: Mapping[str, Cells]
    domains: Sequence[str]

    def of(self, method: str) -> Estimate | None:
        """A method's accuracy: the mean over seeds and its standard error; None where it has no finished run."""
        values = list(self.accuracies.get(method, {}).values())
        return estimate(values) if values else None

    def against(self, method: str, other: str) -> Difference | None:
        """One method minus another; None where they share no domain and seed."""
        if method not in self.cells or other not in self.cells:
            return None
        return difference(self.cells[method], self.cells[other], self.domains)


def found_in(study: Study, folder: Path, *, held_out: Sequence[str] | None = None) -> Found:
    """Read a study's records from the folder of its scale; empty where there are none.

    Args:
        study: whose.
        folder: of all studies at the scale.
        held_out: the fold that counts; None: all.
    """
    place = folder / study.name / COMPARISON
    records = read_records(place) if (place / "records.jsonl").exists() else []
    finished = [
        record
        for record in records
        if record["error"] is None and (held_out is None or set(record["held_out"]) == set(held_out))
    ]
    domains = finished[0]["domains"] if finished else ()
    n_folds = study.n_folds(domains) if held_out is None else 1
    by_method = {
        method: of_whole_seeds([record for record in finished if record["method"] == method], n_folds)
        for method in {record["method"] for record in finished}
    }
    answers = unpack_answers(place, finished)
    return Found(
        accuracies={method: accuracies_by_seed(of_method) for method, of_method in by_method.items()},
        cells={method: cells_of(of_method, method, answers) for method, of_method in by_method.items()},
        domains=domains,
    )


def pooled(found: Mapping[str, Found]) -> Found:
    """Several studies as one, of the methods and seeds that all of them have; one study as it is.

    Args:
        found: by the study's name. Domains take it before their own: "01" of two studies is two domains.
    """
    if len(found) == 1:
        return next(iter(found.values()))
    parts = list(found.values())
    methods = set.intersection(*(set(part.cells) for part in parts))
    return Found(
        accuracies={
            method: {
                seed: fmean(part.accuracies[method][seed] for part in parts)
                for seed in parts[0].accuracies[method]
                if all(seed in part.accuracies[method] for part in parts)
            }
            for method in methods
        },
        cells={
            method: {
                (f"{name}/{domain}", seed): cell
                for name, part in found.items()
                for (domain, seed), cell in part.cells[method].items()
            }
            for method in methods
        },
        domains=[f"{name}/{domain}" for name, part in found.items() for domain in part.domains],
    )


def of_whole_seeds(records: Sequence[Record], n_folds: int) -> list[Record]:
    """Without those of seeds that lack a fold yet: a mean over other domains would be of something else.

    Args:
        records: of one way to train, finished.
        n_folds: how many there are.
    """
    folds_of = Counter(record["seed"] for record in records)
    return [record for record in records if folds_of[record["seed"]] == n_folds]


def accuracies_by_seed(records: Sequence[Record]) -> dict[int, float]:
    """Accuracies over all examples of held-out domains, in per cent, the mean over folds.

    Args:
        records: of one way to train, finished, with all folds of each seed.
    """
    by_seed: dict[int, list[float]] = {}
    for record in records:
        by_seed.setdefault(record["seed"], []).append(100 * record["out_of_domain"]["accuracy"])
    return {seed: fmean(values) for seed, values in by_seed.items()}


def accuracy_table(target: Target, scale: Scale, folder: Path) -> PaperTable:
    """A table of the paper from the records that are there; what is missing is said in its notes.

    Args:
        target: which table.
        scale: that the records are of.
        folder: of the studies at that scale.
    """
    rows: list[dict[str, Cell]] = []
    notes = [HOW_TO_READ, *target.notes, *(f"{study.name}: {study.what.rstrip('.')}." for study in target.studies)]
    for column in target.columns:
        parts = {study.name: found_in(study, folder, held_out=column.held_out) for study in column.studies}
        found = pooled(parts)
        rows += [_row(column, method, found) for method in sorted(column.methods, key=method_order)]
        notes += [f"{column.heading}: {text}" for text in _said(column, scale, found, parts)]
    return PaperTable(target.title, COLUMNS, tuple(rows), tuple(notes))


def _row(column: Column, method: str, found: Found) -> dict[str, Cell]:
    ours, published = found.of(method), column.published.get(method)
    against = found.against(method, "erm") if method != "erm" else None
    published_gain = (column.gains or {}).get(method)
    shown: Cell = None if published is None else f"{published:.1f}"
    minus = None if ours is None or published is None else f"{ours.value - published:+.1f}"
    if published_gain is not None:
        shown = f"{published_gain:+.1f} on ERM"
        minus = None if against is None else f"{against.comparison.mean - published_gain:+.1f}"
    return {
        "column": column.heading,
        "method": display_name(method),
        "ours": None if ours is None else with_error(ours),
        "published": shown,
        "minus_published": minus,
        "gain": None if against is None else signed_points(against.comparison.mean),
        "p_domains": None if against is None else _p(against.comparison.p_value),
        "p_examples": None if against is None else _p_of_examples(against),
    }


def _said(column: Column, scale: Scale, found: Found, parts: Mapping[str, Found]) -> list[str]:
    """What is missing; CrossGrad against LabelGrad and against the controls."""
    if not any(any(part.accuracies.values()) for part in parts.values()):
        return ["Not run."]
    texts = [
        f"{display_name('crossgrad')} against {display_name(other)}: {_in_words(against)}"
        for other in ("label_grad", *CONTROLS)
        if (against := found.against("crossgrad", other)) is not None
    ]
    if len(parts) == 1:
        return [*texts, *([f"Missing runs: {missing}."] if (missing := _missing(column, scale, found)) else [])]
    gains = [
        f"{name} {signed_points(against.comparison.mean)}"
        for name, part in parts.items()
        if (against := part.against("crossgrad", "erm")) is not None
    ]
    return [
        f"The mean over {len(parts)} studies; differences are paired over the test domains of all.",
        *texts,
        *([f"{display_name('crossgrad')} against {display_name('erm')}, each: {', '.join(gains)}."] if gains else []),
        *(
            f"Missing runs of {name}: {missing}."
            for name, part in parts.items()
            if (missing := _missing(column, scale, part))
        ),
    ]


def _missing(column: Column, scale: Scale, found: Found) -> str:
    """Methods with the seeds that they lack; "" where none do."""
    missing = {
        method: [seed for seed in range(scale.n_seeds) if seed not in found.accuracies.get(method, {})]
        for method in column.methods
    }
    return "; ".join(
        f"{display_name(method)} (seeds {', '.join(map(str, seeds))})" for method, seeds in missing.items() if seeds
    )


def _in_words(against: Difference) -> str:
    numbers = [f"{signed_points(against.comparison.mean)} points"]
    if over_domains := _p(against.comparison.p_value):
        numbers.append(f"p {over_domains} over {against.comparison.n} domains")
    if over_examples := _p_of_examples(against):
        numbers.append(f"p {over_examples} over examples (MAPSSWE)")
    return f"{', '.join(numbers)}."


def _p_of_examples(against: Difference) -> str | None:
    return None if against.by_example is None else _p(against.by_example.matched_pairs.p_value)


def _p(value: float | None) -> str | None:
    return None if value is None else p_value(value)


def with_error(value: Estimate) -> str:
    """A mean and its standard error.

    Example:
        >>> with_error(Estimate(71.23, 0.31, 5))
        '71.2 ± 0.3'
    """
    error = "" if value.standard_error is None else f" ± {value.standard_error:.1f}"
    return f"{value.value:.1f}{error}"
