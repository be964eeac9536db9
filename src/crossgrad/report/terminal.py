"""The table for the terminal: stacked, so that it can be read at 80 columns."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Column
from rich.table import Table as Grid
from rich.text import Text

from crossgrad.printing import printable
from crossgrad.report import numbers
from crossgrad.report.grids import caption, worst
from crossgrad.report.rows import Table
from crossgrad.report.words import caveats, sentences

MOST_DOMAIN_COLUMNS = 12
"""With more held-out domains than this, tables of text leave the single domains to the HTML page."""

_WIDEST_HEADER = 14


def print_table(table: Table, console: Console | None = None) -> None:
    """Print the table, what its numbers are, and what they mean.

    Args:
        table: from `summarise`.
        console: where to; standard output by default, without colours where that is no terminal.
    """
    console = console or Console()
    for columns in _domain_chunks(table, console.width):
        console.print(_domains(table, columns), Text())
    if len(table.held_out) > MOST_DOMAIN_COLUMNS:
        console.print(Text(f"{len(table.held_out)} held-out domains; report.html shows each.", style="dim"))
    console.print(_summary(table), Text())
    console.print(Text(caption(table), style="dim"))
    for text in sentences(table):
        console.print(Text(f"\n{text}", style="bold"), end="")
    console.print()
    for text in caveats(table):
        console.print(Text(f"Note: {text}", style="yellow"))
    if table.unfinished:
        console.print(Text("Without a result:", style="red"))
    for run in table.unfinished:
        console.print(Text(f"  {printable(str(run))}"))


def _domain_chunks(table: Table, width: int) -> Iterator[Sequence[str]]:
    domains = table.held_out
    if not domains or len(domains) > MOST_DOMAIN_COLUMNS:
        return
    cells = [numbers.percent(row.by_domain.get(domain)) for row in table.rows for domain in domains]
    headers = [min(len(printable(domain)), _WIDEST_HEADER) for domain in domains]
    column = max(map(len, [*cells, *("x" * n for n in headers)])) + 2
    name = max(len(printable(row.name)) for row in table.rows) + 2
    at_once = max(1, (width - name) // column)
    pieces = -(-len(domains) // at_once)
    size = -(-len(domains) // pieces)
    for start in range(0, len(domains), size):
        yield domains[start : start + size]


def _grid(title: str, *columns: Column) -> Grid:
    grid = Grid(*columns, title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    grid.pad_edge, grid.show_edge, grid.padding = False, False, (0, 1, 0, 0)
    return grid


def _domains(table: Table, domains: Sequence[str]) -> Grid:
    headers = [
        Column(Text(printable(domain)), justify="right", overflow="fold", max_width=_WIDEST_HEADER)
        for domain in domains
    ]
    grid = _grid("Accuracy by held-out domain", Column("Method", no_wrap=True), *headers)
    for row in table.rows:
        cells = [numbers.percent(row.by_domain.get(domain)) for domain in domains]
        grid.add_row(Text(printable(row.name)), *map(Text, cells))
    return grid


def _summary(table: Table) -> Grid:
    grid = _grid(
        "Over held-out domains",
        Column("Method", no_wrap=True),
        Column("Mean", justify="right", no_wrap=True),
        Column("Worst", justify="right", overflow="fold"),
        Column("In-domain", justify="right", no_wrap=True),
        Column("Difference from ERM", justify="right", no_wrap=True),
        Column("p", justify="right", no_wrap=True),
    )
    for row in table.rows:
        found = row.difference.comparison if row.difference else None
        grid.add_row(
            Text(printable(row.name)),
            Text(numbers.percent(row.mean)),
            Text(worst(row)),
            Text(numbers.percent(row.in_domain)),
            Text(numbers.difference(found)),
            Text(numbers.p_value(found.p_value if found else None)),
            style="bold" if row.difference and row.difference.is_found else "",
        )
    return grid
