"""crossgrad reproduce: the paper's tables beside ours, made from the data that is here."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crossgrad.cli import options
from crossgrad.cli.console import are, count, err, say, show_json, show_text, status
from crossgrad.errors import DataError, RecordError, SettingsError

if TYPE_CHECKING:
    from crossgrad.data import DomainDataset
    from crossgrad.reproduction import ModelToTrain, Scale, Study, Trials

NAMES = (
    "table3",
    "table4",
    "table5",
    "table8",
    "table9",
    "figure6",
    "figure7",
    "gallery",
    "ablations",
    "conditions",
    "sizes",
    "summary",
    "all",
)


def _names(incomplete: str) -> list[str]:
    return [name for name in NAMES if name.startswith(incomplete)]


def reproduce(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="table3 (the datasets), table4 (four tasks), table5 (nets), table8 (numbers of training domains), "
            "table9 (angles), figure6 (domain features between angles), figure7 (labels in them), gallery (inputs and "
            "what CrossGrad moves them to), ablations (CrossGrad with one thing changed at a time), conditions (when "
            "does it help?), sizes (how far are inputs best moved, and which way?), summary (methods by tasks, of what "
            "is there), or all.",
            show_default=False,
            autocompletion=_names,
        ),
    ],
    scale: Annotated[
        str,
        typer.Option(help="quick (minutes, means nothing), cpu (some nights on two cores) or paper (for a GPU)."),
    ] = "cpu",
    study: Annotated[
        list[str] | None,
        typer.Option(metavar="STUDY", help="Train on this study alone, such as handwriting; may be given again."),
    ] = None,
    output: Annotated[
        Path, typer.Option(help="Folder of records and tables; OUTPUT/SCALE holds those of a scale.")
    ] = Path("crossgrad-reproduction"),
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Whether to train what is missing, or only make tables.")
    ] = True,
    engine: options.Engine = "local",
    address: options.Address = None,
    jobs: Annotated[
        int | None, typer.Option(help="Runs at once.  [default: one a core; on a running cluster, what its CPUs allow]")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """The paper's tables beside ours.

    Says first what will be trained and how long it takes, goes on where an earlier call stopped, and ends with our
    accuracies beside the published ones. What is not here, or not trained yet, is said in the table's notes.
    """
    with status("loading"):
        from crossgrad.cli.paper_tables import as_markdown, print_paper_table
        from crossgrad.data.naming import choices
        from crossgrad.folders import write_whole
        from crossgrad.reproduction import SCALES, make, models_to_train, parts_of

        if name not in NAMES:
            raise SettingsError(f"no table {name!r}{choices(name, NAMES)}")
        if scale not in SCALES:
            raise SettingsError(f"no scale {scale!r}{choices(scale, list(SCALES))}")
    names = [known for known in NAMES if known != "all" and name in (known, "all")]
    folder = output / scale
    pictures = [known for known in names if models_to_train(known, SCALES[scale], folder)]
    parts = list({part.name: part for known in names for part in parts_of(known)}.values())
    if study:
        known_names = list(dict.fromkeys(_study_name(part) for part in parts))
        for asked in study:
            if asked not in known_names:
                raise SettingsError(f"no study {asked!r} in {name}{choices(asked, known_names)}")
        parts, pictures = [part for part in parts if _study_name(part) in study], []
    refused: list[str] = []  # studies and tables whose files cannot be used; the others are trained and made anyway
    if training and (parts or pictures):
        jobs = options.runs_at_once(jobs, threads=1, address=address)
        say(f"Scale {scale}: {SCALES[scale].what}.")
        try:
            if parts:
                refused += _train(parts, SCALES[scale], folder, engine=engine, address=address, jobs=jobs)
            for known in pictures:  # which share models: what one has trained the next one lacks no more
                _train_for(known, models_to_train(known, SCALES[scale], folder))
        except KeyboardInterrupt:
            say("Interrupted: finished runs are kept; the same command goes on from there.")
            raise typer.Exit(130) from None
    tables: dict[str, dict[str, Any]] = {}
    for known in names:
        try:
            with status(f"making {known}"):
                made = make(known, SCALES[scale], folder)
        except RecordError as error:
            say(f"{known}: not made. {error}", style="red")
            refused.append(known)
            continue
        if made is None:
            say(f"{known}: its models are not trained yet, so it is not drawn.")
            continue
        place = output if known == "table3" else folder
        tables[known] = asdict(made.table)
        content = json.dumps(tables[known], ensure_ascii=False, indent=2) + "\n"
        files = {f"{known}.md": as_markdown(made.table).encode(), f"{known}.json": content.encode(), **made.pictures}
        for file, written in files.items():
            write_whole(place / file, written, overwrite=True)
        if not as_json:
            print_paper_table(made.table)
            show_text(f"\nWritten: {', '.join(str(place / file) for file in files)}\n")
    if as_json and tables:
        show_json(tables if name == "all" else tables[name])
    if failed := sum(_n_failed(part, folder) for part in parts if part.name not in refused) if training else 0:
        say(f"{count(failed, 'run')} failed; the table's notes say how.", style="yellow")
    if failed or refused or not tables:
        raise typer.Exit(1)


def _n_failed(part: "Study | Trials", folder: Path) -> int:
    from crossgrad.records import read_records
    from crossgrad.reproduction import Trials
    from crossgrad.reproduction.carrying_out import COMPARISON

    place = part.place(folder) if isinstance(part, Trials) else folder / part.name / COMPARISON
    return sum(bool(record["error"]) for record in read_records(place)) if (place / "records.jsonl").exists() else 0


def _study_name(part: "Study | Trials") -> str:
    return str(getattr(part, "study", part).name)  # trials are on a study's data


def _train(
    parts: "Sequence[Study | Trials]",
    scale: "Scale",
    folder: Path,
    *,
    engine: str,
    address: str | None,
    jobs: int | None,
) -> list[str]:
    """The names of those whose records cannot be gone on from."""
    from crossgrad.cli.progress import ComparisonProgress, duration
    from crossgrad.cli.sweep_progress import SweepProgress
    from crossgrad.reproduction import Trials, carry_out_study, carry_out_trials, cost_of, cost_of_trials

    opened: list[tuple[Study | Trials, DomainDataset]] = []
    total, at_once = 0.0, jobs or 1
    refused: list[str] = []
    for part in parts:
        try:
            with status(f"planning {part.name}"):
                dataset = (part.study if isinstance(part, Trials) else part).open()
                cost = (
                    cost_of_trials(part, scale, folder, dataset)
                    if isinstance(part, Trials)
                    else cost_of(part, scale, folder, dataset)
                )
        except DataError as error:
            say(f"{part.name}: left out. {error}", style="yellow")
            continue
        except RecordError as error:
            say(f"{part.name}: left out. {error}", style="red")
            refused.append(part.name)
            continue
        done = f", {cost.n_done} {are(cost.n_done)} done" if cost.n_done else ""
        say(f"{part.name}: {count(cost.n_runs, 'run')}{done}, about {duration(cost.seconds / at_once)} to go")
        opened.append((part, dataset))
        total += cost.seconds / at_once
    # A cluster's CPUs decide how many go at once there, and are not timed.
    at = f"{jobs} at once" if jobs else "If one went at a time, here"
    say(f"{at}: about {duration(total)} in all. It can be interrupted at any time and goes on later.")
    for part, dataset in opened:
        say(f"\n{part.name}", style="bold")
        where: dict[str, Any] = {"engine": engine, "address": address, "jobs": jobs, "command": options.command()}

        def following() -> ComparisonProgress:
            return ComparisonProgress(err, jobs=jobs, advise=False)

        try:
            if isinstance(part, Trials):
                carry_out_trials(part, scale, folder, dataset, following=following, **where)
            else:
                carry_out_study(
                    part,
                    scale,
                    folder,
                    dataset,
                    following=following,
                    following_sweep=lambda: SweepProgress(err, jobs=jobs, advise=False),
                    **where,
                )
        except RecordError as error:
            say(f"{part.name}: left out. {error}", style="red")
            refused.append(part.name)
    return refused


def _train_for(picture: str, missing: "Sequence[ModelToTrain]") -> None:
    say(f"{picture}: {count(len(missing), 'model')} to train, one after another")
    absent: set[str] = set()
    for place, model in enumerate(missing, start=1):
        if model.study.name in absent:
            continue
        with status(f"{place} of {len(missing)}: {model.what}"):
            try:
                model.train()
            except DataError as error:
                absent.add(model.study.name)
                say(f"{picture}: {model.study.name} is left out. {error}", style="yellow")
