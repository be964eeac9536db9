"""crossgrad data prepare: fetch a benchmark's raw files, make its dataset and keep it."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich import filesize
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from crossgrad.cli import completion, options
from crossgrad.cli.console import count, err, say, show_json, show_text, status
from crossgrad.errors import DataError
from crossgrad.printing import printable

if TYPE_CHECKING:
    from crossgrad.data import Benchmark
    from crossgrad.data.raw_files import RawFile


def prepare(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Of a benchmark.", show_default=False, autocompletion=completion.benchmark),
    ],
    option: options.Option = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is kept as JSON.")] = False,
) -> None:
    """Fetch what a benchmark is made of, make it, and keep it for every later use.

    Files that no program can fetch are named, with the place to put them. What is here already is not fetched again.
    """
    try:
        _prepare(name, option or [], as_json=as_json)
    except KeyboardInterrupt:
        say("Interrupted: nothing is left half-written; the same command goes on with the file it was at.")
        raise typer.Exit(130) from None


def _prepare(name: str, option: list[str], *, as_json: bool) -> None:
    with status("loading"):
        benchmark = options.benchmark(name)
        chosen = options.benchmark_options(name, option)
    if chosen.get("folder") is None:
        _fetch(benchmark)
    place = benchmark.kept_at(**chosen)
    if place.is_file():
        say(f"{name} is prepared already.")
    else:
        started = time.monotonic()
        with status(f"making {name}"):
            dataset = benchmark.open(**chosen)
        say(
            f"{printable(dataset.name)}: {len(dataset):,} examples, {count(len(dataset.label_names), 'label')}, "
            f"{count(len(dataset.domain_names), 'domain')}, made in {time.monotonic() - started:.1f} s"
        )
    is_kept = place.is_file()  # a cache that cannot be written to has cost a warning
    if as_json:
        kept = {"kept": str(place), "bytes": place.stat().st_size} if is_kept else {"kept": None, "bytes": None}
        show_json({"name": name, **kept})
    elif is_kept:
        show_text(f"Kept: {place} ({filesize.decimal(place.stat().st_size)})")


def _fetch(benchmark: "Benchmark") -> None:
    from crossgrad.data.download import fetch
    from crossgrad.data.roots import data_root

    missing = [file for file in benchmark.files if not file.is_here]
    by_hand = [file for file in missing if not file.is_fetchable]
    if by_hand:
        places = "".join(f"\n  {file.place}" for file in by_hand)
        raise DataError(
            f"{benchmark.name} cannot be fetched by a program. {benchmark.how}".rstrip().replace(
                "{root}", str(data_root())
            )
            + f"\nNot here:{places}"
        )
    if missing:
        total = sum(file.n_bytes for file in missing)
        say(f"Fetching {count(len(missing), 'file')}, {filesize.decimal(total)}, to {data_root()}")
        with _bar() as progress:
            fetch(missing, follow=_Followed(progress, missing))
    with status("checking files"):
        fetch([file for file in benchmark.files if file not in missing])  # nothing comes: what is here is checked


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


class _Followed:
    """One bar over all files."""

    def __init__(self, progress: Progress, files: Sequence["RawFile"]) -> None:
        self._progress = progress
        self._before = {file: sum(earlier.n_bytes for earlier in files[:index]) for index, file in enumerate(files)}
        self._task = progress.add_task("", total=sum(file.n_bytes for file in files))

    def __call__(self, file: "RawFile", done_bytes: int, total_bytes: int) -> None:
        name = file.path.rpartition("/")[2]
        self._progress.update(self._task, description=name, completed=self._before[file] + done_bytes)
