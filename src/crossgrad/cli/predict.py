"""crossgrad predict: labels and probabilities of files, as a table, CSV or JSON lines."""

import csv
import io
import itertools
import math
import sys
import warnings
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from crossgrad.cli import options
from crossgrad.cli.console import count, out, say, show_json, status
from crossgrad.errors import DataError, DataWarning
from crossgrad.printing import printable

if TYPE_CHECKING:
    from crossgrad.model import Model, Predictions

FILES_AT_A_TIME = 256
BYTES_AT_A_TIME = 2**28
"""Of inputs; of large ones fewer files go at a time."""


class PredictionFormat(StrEnum):
    """How predictions are printed."""

    table = "table"
    csv = "csv"
    jsonl = "jsonl"


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of the model.", show_default=False)],
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES...",
            help="Images or audio files, folders of such, or .npz with inputs or signals.",
            show_default=False,
        ),
    ],
    form: Annotated[PredictionFormat, typer.Option("--format", help="Of what is printed.")] = PredictionFormat.table,
    skip_unreadable: options.SkipUnreadable = False,
    allow_import: Annotated[
        bool, typer.Option("--allow-import", help="Import the code a model names as its net. Runs that code.")
    ] = False,
    device: options.Device = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format jsonl.")] = False,
) -> None:
    """Label files: the most probable label of each, and every label's probability."""
    with status("loading"):
        from crossgrad.model_folder import load
        from crossgrad.training.devices import resolve_device

        device = resolve_device(device or "cpu")
        if allow_import:
            options.look_here()
        loaded = load(model, allow_import=allow_import)
        loaded.method.to(device)
        found = _found(loaded, files)
    chunks = _predictions(loaded, found, skip_unreadable=skip_unreadable)
    first = next(chunks, None)  # what is wrong up to here is told before anything is printed
    if first is None:
        raise DataError(f"nothing was labelled: {count(len(found), 'file')} cannot be read")
    failures: list[DataError] = []
    printed = itertools.chain([first], _up_to_failure(chunks, failures))
    _PRINTERS[PredictionFormat.jsonl if as_json else form](loaded.label_names, printed)
    if failures:
        say(f"Error: {failures[0]}", style="red")
        raise typer.Exit(1)


Chunks = Iterator[tuple[list[str], "Predictions"]]


def _found(model: "Model", paths: list[Path]) -> list[Path]:
    """The files at all paths, and whatever can be said of them before one is read."""
    from crossgrad.data.new_files import files_at, is_archive
    from crossgrad.data.new_inputs import check_reads_files

    found = [Path(file) for path in paths for file in files_at(path)]
    if not all(map(is_archive, found)):
        check_reads_files(model.input_shape, model.decoding)
    return found


def _up_to_failure(chunks: Chunks, failures: list[DataError]) -> Chunks:
    """All chunks that there are before one fails, which is kept to be told of when these are printed."""
    try:
        yield from chunks
    except DataError as error:
        failures.append(error)


def _predictions(model: "Model", files: list[Path], *, skip_unreadable: bool) -> Chunks:
    """Names and predictions, so many files at a time."""
    from crossgrad.data import read_archived_inputs
    from crossgrad.data.new_files import is_archive

    at_a_time = max(1, min(FILES_AT_A_TIME, BYTES_AT_A_TIME // (4 * math.prod(model.input_shape))))
    together: list[Path] = []
    for file in files:
        if is_archive(file):
            yield from _of_files(model, together, skip_unreadable=skip_unreadable)
            together = []
            inputs = read_archived_inputs(file)
            yield [f"{file}[{index}]" for index in range(len(inputs))], model.predict(inputs)
        else:
            together.append(file)
            if len(together) == at_a_time:
                yield from _of_files(model, together, skip_unreadable=skip_unreadable)
                together = []
    yield from _of_files(model, together, skip_unreadable=skip_unreadable)


def _of_files(model: "Model", files: list[Path], *, skip_unreadable: bool) -> Chunks:
    readable, decoded = [], []
    failure: DataError | None = None
    for file in files:
        try:
            decoded.append(model.decode(file))
        except DataError as error:
            if not skip_unreadable:
                failure = error
                break
            warnings.warn(str(error), DataWarning, stacklevel=2)
        else:
            readable.append(str(file))
    if readable:
        import torch

        yield readable, model.predict(torch.stack([torch.from_numpy(values) for values in decoded]))
    if failure is not None:
        raise failure


def _print_jsonl(label_names: tuple[str, ...], chunks: Chunks) -> None:
    for names, predictions in chunks:
        for name, label, row in zip(names, predictions.labels, predictions.probabilities.tolist(), strict=True):
            probabilities = dict(zip(label_names, (round(p, 6) for p in row), strict=True))
            show_json({"file": name, "label": label, "probabilities": probabilities}, indent=None)


def _print_csv(label_names: tuple[str, ...], chunks: Chunks) -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files are bytes, whatever they stand for
        sys.stdout.reconfigure(errors="surrogateescape")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    shown = printable if sys.stdout.isatty() else str  # a file gets names as they are, a terminal is not to be steered
    writer.writerow(["file", "label", *(shown(f"p({name})") for name in label_names)])
    for names, predictions in chunks:
        for name, label, row in zip(names, predictions.labels, predictions.probabilities.tolist(), strict=True):
            writer.writerow([shown(name), shown(label), *(f"{p:.6f}" for p in row)])


def _print_table(label_names: tuple[str, ...], chunks: Chunks) -> None:
    table = Table(box=None)
    table.add_column("file", overflow="fold")
    table.add_column("label", style="bold")
    table.add_column("probability", justify="right")
    table.add_column("next", style="dim")
    for names, predictions in chunks:
        for name, label, row in zip(names, predictions.labels, predictions.probabilities.tolist(), strict=True):
            ranked = sorted(zip(row, label_names, strict=True), key=lambda pair: -pair[0])  # of equal ones the first
            following = ", ".join(f"{printable(other)} {p:.3f}" for p, other in ranked[1:3])
            table.add_row(Text(printable(name)), Text(printable(label)), f"{ranked[0][0]:.3f}", Text(following))
    out.print(table)


_PRINTERS = {
    PredictionFormat.table: _print_table,
    PredictionFormat.csv: _print_csv,
    PredictionFormat.jsonl: _print_jsonl,
}
