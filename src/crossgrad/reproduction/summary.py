"""The main table in one view: methods by tasks."""

from pathlib import Path

from crossgrad.report.names import display_name, method_order
from crossgrad.report.numbers import p_value, signed_points
from crossgrad.reproduction.accuracy_tables import Found, found_in, pooled, with_error
from crossgrad.reproduction.paper_table import Cell, PaperTable
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.targets import TARGETS

COLUMNS = (*TARGETS["table4"].columns, TARGETS["table9"].columns[-1])
"""The tasks, and all angles of rotated MNIST beside the one of the paper's table 4."""

HEADINGS = {"All": "MNIST (all angles)"}
"""Of columns that are called otherwise in their own table."""


def summary_table(scale: Scale, folder: Path) -> PaperTable:
    """Accuracies of all methods on all tasks that have records, with gains over ERM.

    Args:
        scale: that the records are of.
        folder: of the studies at that scale.
    """
    found = {
        HEADINGS.get(column.heading, column.heading): pooled(
            {study.name: found_in(study, folder, held_out=column.held_out) for study in column.studies}
        )
        for column in COLUMNS
    }
    found = {heading: results for heading, results in found.items() if results.of("erm") is not None}
    methods = sorted({method for results in found.values() for method in results.accuracies}, key=method_order)
    rows: list[dict[str, Cell]] = [
        {"method": display_name(method), **{heading: _cell(results, method) for heading, results in found.items()}}
        for method in methods
    ]
    return PaperTable(
        "All methods on the four tasks",
        {"method": "Method", **{heading: heading for heading in found}},
        tuple(rows),
        (
            f"Accuracy in per cent on unseen domains, the mean over {scale.n_seeds} seeds with its standard error; in "
            "brackets the difference from ERM in points and p of a paired t test over test domains, each by itself; "
            "where one domain is held out alone, p of the matched pairs test over its examples (MAPSSWE).",
        ),
    )


def _cell(results: Found, method: str) -> str | None:
    accuracy = results.of(method)
    if accuracy is None:
        return None
    against = results.against(method, "erm") if method != "erm" else None
    if against is None:
        return with_error(accuracy)
    p = against.comparison.p_value
    if p is None and against.by_example is not None:
        p = against.by_example.matched_pairs.p_value
    gain = signed_points(against.comparison.mean) + ("" if p is None else f", p {p_value(p)}")
    return f"{with_error(accuracy)} ({gain})"
