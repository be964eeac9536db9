"""A table of the paper on the terminal and as Markdown."""

from typing import Literal

from rich.table import Table
from rich.text import Text

from crossgrad.cli.console import out, show_text
from crossgrad.report.markdown import escape
from crossgrad.reproduction.paper_table import Cell, PaperTable


def as_markdown(table: PaperTable) -> str:
    """The table as a page of Markdown."""
    lines = [f"# {escape(table.title)}", "", f"| {' | '.join(map(escape, table.columns.values()))} |"]
    lines.append(f"|{'|'.join(f' {_RULES[_justify(table, key)]} ' for key in table.columns)}|")
    lines += [f"| {' | '.join(escape(_text(row[key])) for key in table.columns)} |" for row in table.rows]
    lines += ["", *(f"- {escape(note)}" for note in table.notes)]
    return "\n".join(lines) + "\n"


_RULES = {"left": "---", "right": "---:"}


def print_paper_table(table: PaperTable) -> None:
    """Print a table and its notes."""
    shown = Table(title=table.title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for key, heading in table.columns.items():
        shown.add_column(heading, justify=_justify(table, key))
    for row in table.rows:
        shown.add_row(*(Text(_text(row[key])) for key in table.columns))
    out.print(shown)
    out.print()
    for note in table.notes:
        show_text(f"- {note}")


def _justify(table: PaperTable, key: str) -> Literal["left", "right"]:
    return "right" if any(isinstance(row[key], int) for row in table.rows) else "left"


def _text(cell: Cell) -> str:
    return "" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell
