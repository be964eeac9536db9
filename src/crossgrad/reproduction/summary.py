"""The main table in one view: methods by tasks."""

from pathlib import Path

from crossgrad.data.naming import quoted
from crossgrad.report.names import display_name, method_order
from crossgrad.reproduction.accuracy_tables import failed_runs, lacking, with_gain
from crossgrad.reproduction.found import LARGER_P, Found, found_in, pooled
from crossgrad.reproduction.paper_table import Cell, PaperTable
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.targets import TARGETS

COLUMNS = (*TARGETS["table4"].columns, TARGETS["table9"].columns[-1])
"""The tasks, and all angles of rotated MNIST beside the one of the paper's table 4."""

HOW_TO_READ = (
    "Accuracy in per cent on unseen domains, the mean over seeds with its standard error; in brackets the difference "
    f"from ERM in points, the mean over test domains, each as one, and p. {LARGER_P}"
)

HEADINGS = {"All": "MNIST (all angles)"}
"""Of columns that are called otherwise in their own table."""


def summary_table(scale: Scale, folder: Path) -> PaperTable:
    """Accuracies of all methods on all tasks that have records, with gains over ERM.

    Args:
        scale: that the records are of.
        folder: of the studies at that scale.
    """
    found: dict[str, Found] = {}
    notes = [f"Scale: {scale.what}.", HOW_TO_READ]
    for column in COLUMNS:
        heading = HEADINGS.get(column.heading, column.heading)
        parts = {study.name: found_in(study, folder, held_out=column.held_out) for study in column.studies}
        results = pooled(parts)
        if results.of("erm") is None:
            if results.n_records:
                done = [name for name, part in parts.items() if part.of("erm") is not None]
                whole = f"; whole are {quoted(done)}" if done else ""
                notes.append(f"{heading}: left out, since not all of it is trained{whole}.")
            continue
        found[heading] = results
        if len(parts) > 1:
            notes.append(f"{heading}: a third test, over the means of the {len(parts)} studies, counts for p, too.")
        if missing := lacking(column, scale, results):
            notes.append(f"{heading}: missing runs: {missing}.")
        if failed := failed_runs(results):
            notes.append(f"{heading}: failed runs, which are in no number: {failed}.")
    methods = sorted({method for results in found.values() for method in results.accuracies}, key=method_order)
    rows: list[dict[str, Cell]] = [
        {
            "method": display_name(method),
            **{heading: with_gain(results, method, "erm") for heading, results in found.items()},
        }
        for method in methods
    ]
    return PaperTable(
        "All methods by tasks",
        {"method": "Method", **{heading: heading for heading in found}},
        tuple(rows),
        tuple(notes),
    )
