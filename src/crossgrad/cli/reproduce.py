"""crossgrad reproduce: the paper's tables beside ours, made from the data that is here."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from crossgrad.cli import options
from crossgrad.cli.console import out, status
from crossgrad.errors import SettingsError

if TYPE_CHECKING:
    from crossgrad.experiments.paper import Cell, PaperTable


def reproduce(
    name: Annotated[str, typer.Argument(metavar="NAME", help="table3 (the datasets).", show_default=False)],
    output: Annotated[Path | None, typer.Option(help="Folder for NAME.md and NAME.json.  [default: none]")] = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """A table of the paper beside ours.

    Ours is counted or measured in the data that is here; what is not here says so, and how to get it.
    """
    with status("loading"):
        from crossgrad.data.naming import choices
        from crossgrad.experiments.paper import TABLES
        from crossgrad.folders import check_free, write_whole

        if name not in TABLES:
            raise SettingsError(f"no table {name!r}{choices(name, list(TABLES))}")
        files = [output / f"{name}.md", output / f"{name}.json"] if output else []
        for file in files:
            check_free(file, overwrite=overwrite)
        table = TABLES[name]()
    content = json.dumps(asdict(table), ensure_ascii=False, indent=2)
    for file, text in zip(files, (as_markdown(table), f"{content}\n"), strict=False):
        write_whole(file, text.encode(), overwrite=overwrite)
    if as_json:
        print(content)
        return
    _print(table)
    for file in files:
        out.print(Text(f"Written: {file}"), soft_wrap=True)


def as_markdown(table: "PaperTable") -> str:
    """The table as a page of Markdown."""
    from crossgrad.report.markdown import escape

    lines = [f"# {escape(table.title)}", "", f"| {' | '.join(map(escape, table.columns.values()))} |"]
    lines.append(f"|{'|'.join(f' {_RULES[_justify(table, key)]} ' for key in table.columns)}|")
    lines += [f"| {' | '.join(escape(_text(row[key])) for key in table.columns)} |" for row in table.rows]
    lines += ["", *(f"- {escape(note)}" for note in table.notes)]
    return "\n".join(lines) + "\n"


_RULES = {"left": "---", "right": "---:"}


def _print(table: "PaperTable") -> None:
    shown = Table(title=table.title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for key, heading in table.columns.items():
        shown.add_column(heading, justify=_justify(table, key))
    for row in table.rows:
        shown.add_row(*(Text(_text(row[key])) for key in table.columns))
    out.print(shown)
    out.print()
    for note in table.notes:
        out.print(Text(f"- {note}"), soft_wrap=True)  # an address that is cut in two cannot be copied


def _justify(table: "PaperTable", key: str) -> Literal["left", "right"]:
    return "right" if any(isinstance(row[key], int) for row in table.rows) else "left"


def _text(cell: "Cell") -> str:
    return "" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell
