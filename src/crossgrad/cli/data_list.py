"""crossgrad data list: the benchmarks, and one of them with everything about it."""

import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich import filesize
from rich.table import Table
from rich.text import Text

from crossgrad.cli import completion, options
from crossgrad.cli.console import count, out, show_json, show_text, status

if TYPE_CHECKING:
    from crossgrad.data import Benchmark

UNKNOWN = "?"
MOST_FILES = 10


def list_benchmarks(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Tell everything about this one.",
            show_default=False,
            autocompletion=completion.benchmark,
        ),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """The benchmarks: what they hold, their licence, and whether they are here.

    With a NAME: also its options, files, net, settings and split.
    """
    with status("loading"):
        from crossgrad.data import BENCHMARKS

        shown = [options.benchmark(name)] if name else list(BENCHMARKS.values())
        told = [describe(benchmark, in_full=name is not None) for benchmark in shown]
    if as_json:
        show_json(told[0] if name else told)
    elif name:
        _print_one(told[0])
    else:
        out.print(overview(told))
        out.print(Text("\n`crossgrad data list NAME` tells more; `crossgrad data prepare NAME` gets one.", style="dim"))


def describe(benchmark: "Benchmark", *, in_full: bool) -> dict[str, Any]:
    """What there is to tell of a benchmark, as JSON has it.

    Args:
        benchmark: to be told of.
        in_full: with options, files, net, settings and split; the split is known of what is prepared.
    """
    facts = benchmark.facts
    told: dict[str, Any] = {
        "name": benchmark.name,
        "description": benchmark.description,
        "labels": facts.labels if facts else None,
        "domains": facts.domains if facts else None,
        "examples": facts.examples if facts else None,
        "input_shape": list(facts.input_shape) if facts else None,
        "bytes": sum(file.n_bytes for file in benchmark.files),
        "by_hand": any(not file.is_fetchable for file in benchmark.files),
        "licence": benchmark.licence,
        "here": benchmark.is_here,
        "prepared": benchmark.is_here and benchmark.kept_at().is_file(),
    }
    if in_full:
        declared = typing.get_type_hints(benchmark.load)
        told |= {
            "options": [
                {"name": option, "type": _type(declared[option]), "default": _as_given(default)}
                for option, default in benchmark.options.items()
            ],
            "files": [
                {"place": str(file.place), "bytes": file.n_bytes, "sha256": file.sha256, "here": file.is_here}
                for file in benchmark.files
            ],
            "how": benchmark.instructions,
            "net": benchmark.net,
            "settings": dict(benchmark.settings),
            "split": _split(benchmark) if told["prepared"] else None,
        }
    return told


def overview(told: list[dict[str, Any]]) -> Table:
    """A row a benchmark.

    Args:
        told: from `describe`.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading, justify in (
        ("benchmark", "left"),
        ("labels", "right"),
        ("domains", "right"),
        ("examples", "right"),
        ("input", "left"),
        ("fetch", "right"),
        ("is", "left"),
        ("licence", "left"),
    ):
        # A licence may be a sentence; where there is no room it alone gives way, and is cut where the terminal ends.
        table.add_column(heading, justify=typing.cast(Any, justify), no_wrap=heading != "licence")
    for row in told:
        state = "prepared" if row["prepared"] else "here" if row["here"] else "not here"
        table.add_row(
            Text(row["name"], style="bold"),
            *(UNKNOWN if row[what] is None else f"{row[what]:,}" for what in ("labels", "domains", "examples")),
            _shape(row["input_shape"]),
            "by hand" if row["by_hand"] else filesize.decimal(row["bytes"]) if row["bytes"] else "nothing",
            Text(state, style="green" if row["here"] else "yellow"),
            Text(row["licence"], no_wrap=True, overflow="ellipsis"),
        )
    return table


def _print_one(told: dict[str, Any]) -> None:
    out.print(Text.assemble((told["name"], "bold"), f": {told['description']}"))
    out.print()
    facts = Table(box=None, show_header=False, pad_edge=False)
    for what, value in _facts(told):
        facts.add_row(Text(what, style="dim"), Text(value))
    out.print(facts)
    if told["options"]:
        out.print()
        out.print(_grid("option", "type", "default", rows=[tuple(option.values()) for option in told["options"]]))
    if told["files"]:
        out.print(f"\n{', '.join([count(len(told['files']), 'file'), *_size(told['bytes'])])}:")
        for file in told["files"][:MOST_FILES]:
            state = ", ".join([*_size(file["bytes"]), *([] if file["here"] else ["not here"])])
            line = f"  {file['place']}  {state}".rstrip()
            out.print(Text(line), soft_wrap=True)  # a path that is cut in two cannot be copied
        if len(told["files"]) > MOST_FILES:
            out.print(f"  and {len(told['files']) - MOST_FILES} more, which --json lists")
    if not told["prepared"]:
        show_text(f"\n{told['how']}")


def _size(n_bytes: int) -> list[str]:
    """Of a file, where it is known."""
    return [filesize.decimal(n_bytes)] if n_bytes else []


def _facts(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for what in ("labels", "domains", "examples"):
        yield what, "known once it is here" if told[what] is None else f"{told[what]:,}"
    yield "input", _shape(told["input_shape"])
    yield "licence", told["licence"]
    yield "net", told["net"]
    yield "settings", ", ".join(f"{name}={value}" for name, value in told["settings"].items()) or "the defaults"
    yield "split", told["split"] or "known once it is prepared"
    yield "is", "prepared" if told["prepared"] else "here, not prepared" if told["here"] else "not here"


def _split(benchmark: "Benchmark") -> str:
    dataset = benchmark.open()
    own, n = dataset.domain_split, len(dataset.domain_names)
    if own is None:
        return "none of its own: domains are held out in turn"
    n_train = n - len(own.validation) - len(own.test)
    return f"{n_train} domains train, {len(own.validation)} validate, {len(own.test)} test"


def _type(declared: Any) -> str:
    """What --option takes for it."""
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if isinstance(declared, types.UnionType):
        return " | ".join(map(_type, arguments))
    if origin is Literal:
        return " | ".join(arguments)
    if origin is tuple:
        return f"{_type(arguments[0])},..."
    return _TYPES.get(declared) or str(declared.__name__)


_TYPES: dict[Any, str] = {bool: "true | false", str: "text", Path: "path", type(None): "none"}


def _as_given(default: Any) -> str:
    """As --option takes it."""
    if isinstance(default, bool | None):
        return str(default).lower()
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _shape(shape: list[int] | None) -> str:
    return "x".join(map(str, shape)) if shape else UNKNOWN


def _grid(*headings: str, rows: list[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
