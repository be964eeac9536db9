"""The command line: parse and call. What loads torch is imported inside the commands.

Exit codes: 0, done; 1, some run failed or a worker was lost; 2, what was asked for cannot be done (bad data, bad
settings, an occupied output folder); 130, interrupted.
"""

import json
import os
import shlex
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

import crossgrad
from crossgrad.errors import CrossGradError, DataWarning, SettingsError

if TYPE_CHECKING:
    from crossgrad.data import DomainDataset
    from crossgrad.model import Predictions

app = typer.Typer(
    name="crossgrad",
    help="Train classifiers that work on domains they have never seen, and see honestly whether it helped.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

DATA_HELP = (
    "A benchmark's name (digits), a folder domain/label/image, a manifest with the columns path, label and domain "
    "(.csv, .jsonl, .parquet), or arrays (.npz with inputs, labels and domains)."
)
Data = Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP, show_default=False)]
ImageSize = Annotated[int | None, typer.Option(help="Of image files: height and width in pixels.  [default: 32]")]
Channels = Annotated[
    int | None, typer.Option(help="Of image files: 1 (grey) or 3 (colour).  [default: 3 if any has colour]")
]
PathColumn = Annotated[str, typer.Option(help="Of a manifest: the column of files.")]
LabelColumn = Annotated[str, typer.Option(help="Of a manifest: the column of labels.")]
DomainColumn = Annotated[str, typer.Option(help="Of a manifest: the column of domains.")]
SkipUnreadable = Annotated[bool, typer.Option("--skip-unreadable", help="Leave out files that cannot be read.")]
Net = Annotated[
    str | None,
    typer.Option(help="lenet, conv2, mlp, or your own trunk package.module:factory.  [default: by the inputs' shape]"),
]
MaxSteps = Annotated[int | None, typer.Option(help="Training steps of a run.  [default: 1000]")]
BatchSize = Annotated[int | None, typer.Option(help="Examples a step.  [default: 64]")]
LearningRate = Annotated[float | None, typer.Option(help="Of the optimiser.  [default: 0.001]")]
Optimizer = Annotated[str | None, typer.Option(help="adam, sgd or rmsprop.  [default: adam]")]
WeightDecay = Annotated[float | None, typer.Option(help="The optimiser's L2 penalty.  [default: 0]")]
Dropout = Annotated[float | None, typer.Option(help="Of the last hidden layer, in [0, 1).  [default: 0]")]
Scaling = Annotated[str | None, typer.Option(help="Of inputs: auto, none or standardise.  [default: auto]")]
Threads = Annotated[int | None, typer.Option(help="Of one run; part of its settings.  [default: 1]")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="METHOD.FIELD=VALUE", help="A method's field, or crossgrad.preset=paper. Repeatable."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier run left in the output folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print results as JSON instead of tables.")]


class PredictionFormat(StrEnum):
    """How predictions are printed."""

    table = "table"
    csv = "csv"
    jsonl = "jsonl"


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"crossgrad {crossgrad.__version__}")
        raise typer.Exit


@app.command(epilog="Example: `crossgrad compare scans/ --methods erm,crossgrad --seeds 5 --output results/scans`")
def compare(
    data: Data,
    output: Annotated[
        Path | None, typer.Option(help="Folder of records and report.  [default: crossgrad-NAME]")
    ] = None,
    methods: Annotated[str, typer.Option(help="Names with commas between.")] = "erm,label_grad,dann,crossgrad",
    hold_out: Annotated[
        str | None,
        typer.Option(
            help="each (one domain after another), K (folds of domains) or NAME,NAME.  "
            "[default: each up to 10 domains, 5 folds above]"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Seeds 0 to N-1.")] = 3,
    seed: Annotated[int | None, typer.Option(help="This one seed instead.")] = None,
    net: Net = None,
    max_steps: MaxSteps = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    optimizer: Optimizer = None,
    weight_decay: WeightDecay = None,
    dropout: Dropout = None,
    scaling: Scaling = None,
    threads: Threads = None,
    set_: Set = None,
    image_size: ImageSize = None,
    channels: Channels = None,
    path_column: PathColumn = "path",
    label_column: LabelColumn = "label",
    domain_column: DomainColumn = "domain",
    skip_unreadable: SkipUnreadable = False,
    jobs: Annotated[int | None, typer.Option(help="Runs at once.  [default: one a core]")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Which method labels unseen domains best here?

    Trains every method with domains held out in turn and several seeds, measures it on the held-out domains, and
    prints a table with intervals and p-values. An interrupted comparison goes on when the same command is run again.
    """
    with _status("loading"):
        from crossgrad.comparison import carry_out, plan
        from crossgrad.experiments.estimate import step_seconds
        from crossgrad.experiments.settings import parse_overrides
        from crossgrad.progress import ComparisonProgress, duration
        from crossgrad.report import print_table, summarise

        _allow_own_net(net)
        overrides = parse_overrides(set_ or [])
        dataset = _open(
            data, image_size, channels, path_column, label_column, domain_column, skip_unreadable=skip_unreadable
        )
    if seeds < 1:
        raise SettingsError(f"--seeds is at least 1, not {seeds}")
    comparison = plan(
        dataset,
        output=output or Path(f"crossgrad-{Path(dataset.name).stem}"),
        methods=[name.strip() for name in methods.split(",") if name.strip()],
        hold_out=hold_out,
        seeds=[seed] if seed is not None else range(seeds),
        net=net,
        fields=overrides,
        **_given(
            max_steps=max_steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
            weight_decay=weight_decay,
            dropout=dropout,
            scaling=scaling,
            threads=threads,
        ),
    )
    runs = comparison.runs
    jobs = jobs if jobs is not None else max(1, len(os.sched_getaffinity(0)) // runs[0].settings.threads)
    costs = step_seconds(runs, dataset)
    done = len(comparison.records) if (comparison.folder / "records.jsonl").exists() and not overwrite else 0
    expected = sum(costs[run.method] * run.settings.max_steps for run in runs[done:]) / max(1, jobs)
    n_groups = len({run.held_out for run in runs})
    n_methods = len({run.method for run in runs})
    _say(
        f"{dataset.name}: {len(dataset)} examples, {len(dataset.label_names)} labels, "
        f"{len(dataset.domain_names)} domains"
    )
    _say(
        f"{len(runs)} runs: {_count(n_methods, 'method')} x {_count(n_groups, 'held-out group')} x "
        f"{_count(len(runs) // n_groups // n_methods, 'seed')}, {runs[0].settings.max_steps} steps of "
        f"{runs[0].settings.batch_size} with {runs[0].net}, {jobs} at once"
    )
    _say((f"{done} are done already. " if done else "") + f"About {duration(expected)} to go.")
    started = time.monotonic()
    try:
        with ComparisonProgress(err, step_seconds=costs, jobs=jobs) as follower:
            paths = carry_out(comparison, jobs=jobs, overwrite=overwrite, command=_command(), follower=follower)
    except KeyboardInterrupt:
        n_done = len(comparison.records) if (comparison.folder / "records.jsonl").exists() else 0
        _say(f"Interrupted: {n_done} of {len(runs)} runs are done and kept in {comparison.folder}.")
        _say("The same command goes on from there (without --overwrite).")
        raise typer.Exit(130) from None
    _say(f"Trained in {duration(time.monotonic() - started)}.")
    records = comparison.records
    if as_json:
        print(json.dumps(asdict(summarise(records)), ensure_ascii=False, indent=2))
    else:
        out.print()
        print_table(summarise(records), out)
        out.print(Text(f"\nReport:  {paths.html}\nRecords: {comparison.folder / 'records.jsonl'}"))
    if any(record["error"] for record in records):
        raise typer.Exit(1)


@app.command(
    epilog="Example: `crossgrad train scans/ --method crossgrad --output model/`",
)
def train(
    data: Data,
    output: Annotated[Path, typer.Option(help="Folder of the model.", show_default=False)],
    method: Annotated[str, typer.Option(help="erm, label_grad, dann or crossgrad.")] = "crossgrad",
    domains: Annotated[
        list[str] | None, typer.Option("--domain", help="Train on this domain alone; repeatable.  [default: all]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    net: Net = None,
    max_steps: MaxSteps = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    optimizer: Optimizer = None,
    weight_decay: WeightDecay = None,
    dropout: Dropout = None,
    scaling: Scaling = None,
    threads: Threads = None,
    set_: Set = None,
    image_size: ImageSize = None,
    channels: Channels = None,
    path_column: PathColumn = "path",
    label_column: LabelColumn = "label",
    domain_column: DomainColumn = "domain",
    skip_unreadable: SkipUnreadable = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Train one model on all domains, or on those named, and save it.

    The folder holds everything that predict needs. How well such a model does on a new domain, compare estimates.
    """
    with _status("loading"):
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from crossgrad.building import method_name
        from crossgrad.checkpoint import check_writable, save
        from crossgrad.deployment import train as train_model
        from crossgrad.experiments.settings import Settings, parse_overrides
        from crossgrad.progress import describe
        from crossgrad.report.names import display_name

        check_writable(output, overwrite=overwrite)
        _allow_own_net(net)
        name = method_name(method)
        overrides = parse_overrides(set_ or [])
        if others := set(overrides) - {name}:
            raise SettingsError(f"--set names {', '.join(sorted(others))}, but {name} is trained")
        dataset = _open(
            data, image_size, channels, path_column, label_column, domain_column, skip_unreadable=skip_unreadable
        )
    settings = _given(
        max_steps=max_steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        optimizer=optimizer,
        weight_decay=weight_decay,
        dropout=dropout,
        scaling=scaling,
        threads=threads,
    )
    _say(
        f"{dataset.name}: {len(dataset)} examples, {len(dataset.label_names)} labels; training {display_name(name)} on "
        f"{_count(len(domains) if domains else len(dataset.domain_names), 'domain')}"
    )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}", style="dim"),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("step", total=settings.get("max_steps", Settings.max_steps), losses="")

        def watch(step: int, values: dict[str, float]) -> None:
            progress.update(task, completed=step, losses=describe(values))

        model = train_model(
            dataset,
            method=name,
            domains=domains,
            seed=seed,
            net=net,
            fields=overrides.get(name),
            watch=watch,
            **settings,
        )
    save(model, output, overwrite=overwrite)
    measured = {place: model.card[place] for place in ("in_domain", "out_of_domain") if model.card[place]}
    if as_json:
        print(json.dumps({"model": str(output), **measured}, ensure_ascii=False, indent=2))
        return
    for place, words in (("in_domain", "unseen examples of its training domains"), ("out_of_domain", "other domains")):
        if place in measured:
            accuracy, n = measured[place]["accuracy"], measured[place]["n"]
            out.print(f"Accuracy on {n} {words}: {100 * accuracy:.1f} %")
    out.print(Text(f"Model: {output}"))


@app.command(epilog="Example: `crossgrad predict model/ new/*.png --format csv`")
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
    with _status("loading"):
        from crossgrad.checkpoint import load
        from crossgrad.data import read_archived_inputs

        _allow_own_net("" if allow_import else None)
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
    import csv

    from rich.table import Table

    from crossgrad.report.names import printable

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


def _open(
    data: str,
    image_size: int | None,
    channels: int | None,
    path_column: str,
    label_column: str,
    domain_column: str,
    *,
    skip_unreadable: bool,
) -> "DomainDataset":
    from crossgrad.data import open_dataset

    return open_dataset(
        data,
        image_size=image_size,
        channels=channels,
        path_column=path_column,
        label_column=label_column,
        domain_column=domain_column,
        skip_unreadable=skip_unreadable,
    )


def _given(**options: Any) -> dict[str, Any]:
    """The options that were given; the others keep their defaults where those are defined."""
    return {name: value for name, value in options.items() if value is not None}


def _allow_own_net(net: str | None) -> None:
    """A net by import path is looked for in the working folder too, as `python -m` would."""
    if net is not None and (net == "" or ":" in net):
        sys.path.insert(0, os.getcwd())


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _command() -> str:
    return shlex.join(["crossgrad", *sys.argv[1:]])


def _say(text: str) -> None:
    err.print(Text(text))


@contextmanager
def _status(text: str) -> Iterator[None]:
    if not err.is_terminal:
        yield
        return
    with err.status(text):
        yield


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    if issubclass(category, DataWarning):
        err.print(Text(f"Warning: {message}", style="yellow"))
    else:
        err.print(Text(warnings.formatwarning(message, category, filename, lineno, line), style="dim"))


def main() -> None:
    """Run the command line, with errors as a sentence and an exit code."""
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", DataWarning)
    try:
        app()
    except CrossGradError as error:
        err.print(Text(f"Error: {error}", style="red"))
        sys.exit(1 if isinstance(error, RuntimeError | ArithmeticError) else 2)
