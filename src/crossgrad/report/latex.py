r"""The report's tables for a paper: LaTeX with the package booktabs and nothing else."""

import re
from collections.abc import Iterator, Sequence

from crossgrad.printing import printable
from crossgrad.report import grids
from crossgrad.report.grids import Grid
from crossgrad.report.rows import Table
from crossgrad.report.terminal import MOST_DOMAIN_COLUMNS
from crossgrad.report.words import caveats

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    "—": "---",
}


def render_latex(table: Table) -> str:
    r"""Write the tables, each in an environment of its own, to be taken into a paper by \input.

    Args:
        table: from `summarise`.
    """
    found = [grids.accuracy(table), grids.spread(table), grids.tests(table), grids.controls(table)]
    if 0 < len(table.held_out) <= MOST_DOMAIN_COLUMNS:
        found.insert(1, grids.by_domain(table))
    return "\n".join(
        [
            r"% Needs \usepackage{booktabs}; names of the data may need a Unicode engine or \usepackage[T1]{fontenc}.",
            *(f"% {' '.join(printable(note).split())}" for note in caveats(table)),
            *(line for grid in found if grid for line in _table(grid, table.dataset)),
        ]
    )


def escape(text: str) -> str:
    r"""Text from the data as LaTeX that prints it letter by letter, but for quotes, which are the typeface's.

    Example:
        >>> print(escape("50 % of a_b"))
        50 \% of a\_b
    """
    # Two hyphens would be one dash.
    return re.sub(
        r"(-)(?=-)|.",
        lambda found: "-{}" if found[1] else _ESCAPES.get(found[0], found[0]),
        printable(text),
        flags=re.DOTALL,
    )


def _table(grid: Grid, dataset: str) -> Iterator[str]:
    yield from (
        "",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(f'{dataset}: {grid.title}. {grid.caption}')}}}",
    )
    yield from (rf"\begin{{tabular}}{{l{'r' * (len(grid.header) - 1)}}}", r"\toprule")
    yield _line(grid.header)
    yield r"\midrule"
    yield from map(_line, grid.rows)
    yield from (r"\bottomrule", r"\end{tabular}", r"\end{table}", "")


def _line(cells: Sequence[str]) -> str:
    return rf"{' & '.join(map(escape, cells))} \\"
