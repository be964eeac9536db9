"""From records to a table of the paper: our accuracies beside the published ones, and what may be said of them."""

from collections.abc import Mapping
from pathlib import Path

from crossgrad.report.names import CONTROLS, display_name, method_order
from crossgrad.report.numbers import p_value, signed_points
from crossgrad.reproduction.found import Found, found_in, pooled
from crossgrad.reproduction.paper_table import Cell, PaperTable
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.targets import Column, Target
from crossgrad.significance import Estimate

COLUMNS = {
    "column": "Task",
    "method": "Method",
    "ours": "Ours, %",
    "published": "Published",
    "minus_published": "Ours - published",
    "gain": "Gain over ERM",
    "p_domains": "p, domains",
    "p_seeds": "p, seeds",
    "p_examples": "p, examples",
}


HOW_TO_READ = (
    "Ours: accuracy over all test examples, the mean over seeds ± its standard error. Gain: the mean over test "
    "domains, each as one, of the seeds that both have. p, each comparison's own, not corrected for their number: "
    "domains, of a paired t test over test domains, seeds averaged; seeds, of one over seeds, domains averaged; "
    "examples, of the matched pairs test (MAPSSWE), which speaks of these domains and these trained models alone, and "
    "weighs examples alike, not domains."
)

POOLED = (
    "The mean over {n} studies; differences are paired over the test domains of all. Those of each study were held out "
    "together ({sizes}), so that they share models and their luck: p over domains and p over seeds speak of "
    "these studies alone. Over the studies' means, against ERM: {ps}."
)

TOGETHER = (
    "All {n} test domains were held out together, so that they share models and their luck: p over domains "
    "is too sure of itself, p over seeds speaks of these domains alone."
)


def accuracy_table(target: Target, scale: Scale, folder: Path) -> PaperTable:
    """A table of the paper from the records that are there; what is missing is said in its notes.

    Args:
        target: which table.
        scale: that the records are of.
        folder: of the studies at that scale.
    """
    rows: list[dict[str, Cell]] = []
    notes = [
        f"Scale: {scale.what}.",
        HOW_TO_READ,
        *target.notes,
        *(f"{study.name}: {study.what.rstrip('.')}." for study in target.studies),
    ]
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
    minus = None if ours is None or published is None else signed_points(ours.value - published)
    if published_gain is not None:
        shown = f"{signed_points(published_gain)} on ERM"
        gain = found.gain_in_accuracy(method)  # what was published are differences of accuracies
        minus = None if gain is None else signed_points(gain - published_gain)
    over_seeds = found.over_seeds(method, "erm") if method != "erm" else None
    over_examples = found.over_examples(method, "erm") if method != "erm" else None
    return {
        "column": column.heading,
        "method": display_name(method),
        "ours": None if ours is None else with_error(ours),
        "published": shown,
        "minus_published": minus,
        "gain": None if against is None else signed_points(against.comparison.mean),
        "p_domains": None if against is None else _p(against.comparison.p_value),
        "p_seeds": None if over_seeds is None else _p(over_seeds.p_value),
        "p_examples": None if over_examples is None else _p(over_examples.p_value),
    }


def _said(column: Column, scale: Scale, found: Found, parts: Mapping[str, Found]) -> list[str]:
    """What is missing; CrossGrad against LabelGrad and against the controls."""
    if not any(part.n_records for part in parts.values()):
        return ["Not run."]
    texts = [
        f"{display_name('crossgrad')} against {display_name(other)}: {in_words}"
        for other in ("label_grad", *CONTROLS)
        if other in column.methods and (in_words := _in_words(found, other)) is not None
    ]
    texts += [
        _FAILED.format(study=name, failed=failed) for name, part in parts.items() if (failed := failed_runs(part))
    ]
    n_tested = len({domain for cells in found.cells.values() for domain, _ in cells})
    if len(parts) == 1:
        if column.shares_models and n_tested > 1:
            texts.append(TOGETHER.format(n=n_tested))
        return [*texts, *([f"Missing runs: {missing}."] if (missing := lacking(column, scale, found)) else [])]
    gains = [
        f"{name} {signed_points(against.comparison.mean)}"
        for name, part in parts.items()
        if (against := part.against("crossgrad", "erm")) is not None
    ]
    return [
        *_of_pooled(column, found, parts),
        *texts,
        *([f"{display_name('crossgrad')} against {display_name('erm')}, each: {', '.join(gains)}."] if gains else []),
        *(
            f"Missing runs of {name}: {missing}."
            for name, part in parts.items()
            if (missing := lacking(column, scale, part))
        ),
    ]


def _of_pooled(column: Column, found: Found, parts: Mapping[str, Found]) -> list[str]:
    """What p is over the studies' means; nothing while a study lacks a whole method."""
    ps = {
        method: against.fold_p
        for method in sorted(column.methods, key=method_order)
        if (against := found.against(method, "erm")) is not None and method != "erm"
    }
    if not ps:
        return []
    sizes = [len({domain for domain, _ in part.cells["erm"]}) for part in parts.values()]
    told = ", ".join(f"{display_name(method)} p {_p(p)}" for method, p in ps.items() if p is not None)
    return [POOLED.format(n=len(parts), sizes=", ".join(map(str, sizes)), ps=told or "no test")]


_FAILED = "Failed runs of {study}, which are in no number: {failed}."


def failed_runs(found: Found) -> str:
    """Methods with their seeds that went wrong, and how; "" where none did."""
    return "; ".join(
        f"{display_name(method)} (seed {seed}: {error})"
        for method, errors in found.failed.items()
        for seed, error in errors.items()
    )


def lacking(column: Column, scale: Scale, found: Found) -> str:
    """Methods with the seeds that were not run yet; "" where all were."""
    missing = {
        method: [seed for seed in range(scale.n_seeds) if seed not in found.run.get(method, ())]
        for method in column.methods
    }
    return "; ".join(
        f"{display_name(method)} (seeds {', '.join(map(str, seeds))})" for method, seeds in missing.items() if seeds
    )


def _in_words(found: Found, other: str) -> str | None:
    """What CrossGrad gains on another, by all three tests; None where the two share no domain and seed."""
    against, over_seeds = found.against("crossgrad", other), found.over_seeds("crossgrad", other)
    if against is None or over_seeds is None:
        return None
    over_examples = found.over_examples("crossgrad", other)
    numbers = [f"{signed_points(against.comparison.mean)} points"]
    if over_domains := _p(against.comparison.p_value):
        numbers.append(f"p {over_domains} over {against.comparison.n} domains")
    if by_seeds := _p(over_seeds.p_value):
        numbers.append(f"p {by_seeds} over {over_seeds.n} seeds")
    if of_examples := _p(over_examples.p_value if over_examples else None):
        numbers.append(f"p {of_examples} over examples (MAPSSWE)")
    return f"{', '.join(numbers)}."


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


def with_gain(found: Found, key: str, other: str) -> str | None:
    """An accuracy and, in brackets, how far it is above another's in points, with p as LARGER_P says; None without."""
    accuracy = found.of(key)
    if accuracy is None:
        return None
    against = found.against(key, other) if key != other else None
    if against is None:
        return with_error(accuracy)
    p = found.larger_p(key, other)
    gain = signed_points(against.comparison.mean) + ("" if p is None else f", p {p_value(p)}")
    return f"{with_error(accuracy)} ({gain})"
