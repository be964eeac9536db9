"""crossgrad predict: labels and probabilities of files, as a table, CSV or JSON lines."""

import csv
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from crossgrad.cli import options
from crossgrad.cli.console import out, status

if TYPE_CHECKING:
    from crossgrad.model import Predictions


class PredictionFormat(StrEnum):
    """How predictions are printed."""

    table = "table"
    csv = "csv"
    jsonl = "jsonl"


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of the model.", show_default=False)],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES...", help="Images, or .npz with inputs.", show_default=False)
    ],
    form: Annotated[PredictionFormat, typer.Option("--format", help="Of what is printed.")] = PredictionFormat.table,
    allow_import: Annotated[
        bool, typer.Option("--allow-import", help="Import the code a model names as its net. Runs that code.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format jsonl.")] = False,
) -> None:
    """Label files: the most probable label of each, and every label's probability."""
    with status("loading"):
        from crossgrad.checkpoint import load
        from crossgrad.data import read_archived_inputs

        options.allow_own_net("" if allow_import else None)
        loaded = load(model, allow_import=allow_import)
    names: list[str] = []
    parts = []
    for file in files:
        if file.suffix.lower() == ".npz":
            inputs = read_archived_inputs(file)
            names += [f"{file}[{index}]" for index in range(len(inputs))]
            parts.append(loaded.predict(inputs))
        else:
            names.append(str(file))
            parts.append(loaded.predict([file]))
    _print_predictions(names, parts, PredictionFormat.jsonl if as_json else form)


def _print_predictions(names: list[str], parts: "list[Predictions]", form: PredictionFormat) -> None:
    from crossgrad.report.names import printable  # with it comes SciPy, which --help does not wait for

    label_names = parts[0].label_names
    rows = [(label, row) for part in parts for label, row in zip(part.labels, part.probabilities.tolist(), strict=True)]
    if form is PredictionFormat.jsonl:
        for name, (label, row) in zip(names, rows, strict=True):
            probabilities = dict(zip(label_names, (round(p, 6) for p in row), strict=True))
            print(json.dumps({"file": name, "label": label, "probabilities": probabilities}, ensure_ascii=False))
    elif form is PredictionFormat.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["file", "label", *(f"p({name})" for name in label_names)])
        for name, (label, row) in zip(names, rows, strict=True):
            writer.writerow([name, label, *(f"{p:.6f}" for p in row)])
    else:
        table = Table(box=None)
        table.add_column("file", overflow="fold")
        table.add_column("label", style="bold")
        table.add_column("probability", justify="right")
        table.add_column("next", style="dim")
        for name, (label, row) in zip(names, rows, strict=True):
            ranked = sorted(zip(row, label_names, strict=True), reverse=True)
            following = ", ".join(f"{printable(other)} {p:.3f}" for p, other in ranked[1:3])
            table.add_row(Text(printable(name)), Text(printable(label)), f"{ranked[0][0]:.3f}", Text(following))
        out.print(table)
