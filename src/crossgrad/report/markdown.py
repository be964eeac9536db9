"""The report as Markdown: for a pull request, a notebook, a README."""

import re
from collections.abc import Iterator, Sequence

from crossgrad.printing import printable
from crossgrad.report import grids, numbers
from crossgrad.report.grids import Grid
from crossgrad.report.names import display_name
from crossgrad.report.provenance import Provenance
from crossgrad.report.rows import Table
from crossgrad.report.terminal import MOST_DOMAIN_COLUMNS
from crossgrad.report.words import caveats, headline, sentences


def render_markdown(table: Table, made: Provenance) -> str:
    """Write the report as Markdown.

    Args:
        table: from `summarise`.
        made: from `provenance`.
    """
    return "\n".join(_lines(table, made)) + "\n"


def escape(text: str) -> str:
    r"""Text from the data as Markdown that shows it letter by letter.

    Example:
        >>> print(escape("a|b <i>*1*</i>"))
        a\|b &lt;i&gt;\*1\*&lt;/i&gt;
    """
    text = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", text)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, cells shown letter by letter: the first column's to the left, the others' to the right."""
    yield f"| {' | '.join(map(escape, header))} |"
    yield f"| --- {'| ---: ' * (len(header) - 1)}|"
    yield from (f"| {' | '.join(map(escape, cells))} |" for cells in rows)
    yield ""


def _lines(table: Table, made: Provenance) -> Iterator[str]:
    yield f"# {escape(table.dataset)}: accuracy on unseen domains"
    yield from ("", f"**{escape(headline(table))}**", "")
    yield from (f"- {escape(text)}" for text in sentences(table))
    yield from ("", *(f"> {escape(text)}\n" for text in caveats(table)), "## Accuracy", "")
    yield from markdown_table(grids.accuracy(table).header, grids.accuracy(table).rows)
    if len(table.held_out) <= MOST_DOMAIN_COLUMNS:
        yield from markdown_table(grids.by_domain(table).header, grids.by_domain(table).rows)
    else:
        yield from (f"{len(table.held_out)} held-out domains; report.html shows each.", "")
    yield from (escape(grids.caption(table)), "")
    for grid in (grids.tests(table), grids.controls(table), grids.spread(table)):
        yield from _section(grid) if grid else ()
    if table.unfinished:
        yield from ("## Runs without a result", "")
        yield from (*(f"- {escape(str(run))}" for run in table.unfinished), "")
    yield from _perturbations(table)
    yield from _how(made, [row.method for row in table.rows])


def _section(grid: Grid) -> Iterator[str]:
    yield from (f"## {grid.title}", "", *markdown_table(grid.header, grid.rows), escape(grid.caption), "")


def _perturbations(table: Table) -> Iterator[str]:
    moved = [(row.name, row.perturbation) for row in table.rows if row.perturbation]
    if moved:
        yield from ("## How far inputs were moved", "")
        yield from markdown_table(
            ["Method", "Mean L2 norm", "Mean L-infinity norm", "Mean L2 norm of the inputs"],
            [[name, f"{size.l2:.3g}", f"{size.linf:.3g}", f"{size.input_l2:.3g}"] for name, size in moved],
        )


def _how(made: Provenance, methods: Sequence[str]) -> Iterator[str]:
    yield from ("## How it was made", "")
    for command in made.commands:
        yield from (*(f"    {line}" for line in map(printable, command.splitlines())), "")
    yield from markdown_table(["Setting", "Value"], [list(item) for item in made.common.items()])
    methods = [method for method in methods if any(method in values for values in made.by_method.values())]
    if made.by_method:
        yield from markdown_table(
            ["Setting", *(display_name(method) for method in methods)],
            [
                [name, *(values.get(method, numbers.ABSENT) for method in methods)]
                for name, values in made.by_method.items()
            ],
        )
    versions = ", ".join(f"{name} {version}" for name, version in made.versions.items())
    if versions:
        yield escape(f"Versions: {versions}.")
    yield f"Training time, summed over runs: {made.seconds:.0f} s."
