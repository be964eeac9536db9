"""A sweep's candidates as `crossgrad sweep` and `crossgrad report` show them. Imports no torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from crossgrad.printing import printable
from crossgrad.report.names import ORACLE, display_name, fold_name
from crossgrad.selection import ALL_DOMAINS, WAYS, Candidate, in_words

MOST_COLUMNS = 8
"""Held-out domains that have a column each; of more, the mean alone is shown."""


def show_candidates(method: str, dataset: str, select: str, candidates: Sequence[Candidate], console: Console) -> None:
    """Print the candidates, the best on average first.

    Args:
        method: swept.
        dataset: name of the data.
        select: key of `selection.WAYS`.
        candidates: all of them, at least one.
        console: printed to.
    """
    of_all = tuple(candidates[0].accuracies)
    folds = of_all if 2 < len(of_all) <= MOST_COLUMNS + 1 else (ALL_DOMAINS,)
    name = escape(printable(f"{display_name(method)} ({ORACLE})" if select == ORACLE else display_name(method)))
    table = Table(
        title=f"{name} on {escape(printable(dataset))}: {WAYS[select]}, %",
        caption=f"* chosen{' for the held-out domain above, or for a model of all domains' if len(folds) > 1 else ''}; "
        "± standard error over validation domains (over seeds where there is one)",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("settings", min_width=16)
    for fold in folds:
        heading = fold_name(fold) if fold else "all" if len(folds) > 1 else "accuracy"
        table.add_column(Text(heading), justify="right", no_wrap=True)

    def mean(candidate: Candidate) -> float:
        found = candidate.accuracies[ALL_DOMAINS]
        return found.value if found else -1.0

    for candidate in sorted(candidates, key=mean, reverse=True):
        cells = [Text(printable(in_words(candidate.point)))]
        for fold in folds:
            found = candidate.accuracies[fold]
            error = ""
            if fold == ALL_DOMAINS and found and found.standard_error is not None:
                error = f" ± {100 * found.standard_error:.1f}"
            star = " *" if fold in candidate.chosen_for else "  "
            cells.append(Text((f"{100 * found.value:.1f}{error}" if found else "stopped") + star))
        table.add_row(*cells)
    console.print(table)


def candidates_as_json(
    method: str, select: str, dropped: str, candidates: Sequence[Candidate], chosen: Path
) -> dict[str, Any]:
    """What --json prints.

    Args:
        method: swept.
        select: key of `selection.WAYS`.
        dropped: what a budget left out, in words.
        candidates: all of them.
        chosen: file of the choice.
    """
    return {
        "method": method,
        "select": select,
        "dropped": dropped,
        "chosen": str(chosen),
        "candidates": [
            {
                "settings": candidate.point,
                "accuracies": [
                    {
                        "held_out": list(fold),
                        "accuracy": found.value if found else None,
                        "standard_error": found.standard_error if found else None,
                        "chosen": fold in candidate.chosen_for,
                    }
                    for fold, found in candidate.accuracies.items()
                ],
            }
            for candidate in candidates
        ],
    }
