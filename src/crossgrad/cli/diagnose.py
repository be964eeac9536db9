"""crossgrad diagnose: is training across domains for this data?"""

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from crossgrad.cli import options
from crossgrad.cli.console import count, err, out, say, show_json, show_text, status
from crossgrad.printing import printable


def diagnose(
    data: options.Data,
    output: Annotated[
        Path | None, typer.Option(help="Folder of page and numbers.  [default: crossgrad-NAME-diagnosis]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    net: options.Net = None,
    max_steps: Annotated[
        int | None, typer.Option(help="Steps of each training.  [default: the benchmark's, 500 at most]")
    ] = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    scaling: options.Scaling = None,
    threads: options.Threads = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    features: options.Features = None,
    seconds: options.Seconds = None,
    path_column: options.PathColumn = "path",
    label_column: options.LabelColumn = "label",
    domain_column: options.DomainColumn = "domain",
    skip_unreadable: options.SkipUnreadable = False,
    memory: options.Memory = None,
    workers: options.Workers = None,
    option: options.Option = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Is training across domains for this data?

    Counts labels in domains, trains a few plain nets briefly, and says what they lose on unseen domains, how well
    domains are told apart, and whether that is worth a comparison. A page shows the same in pictures.
    """
    with status("loading") as tell:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        from crossgrad.cli.progress import duration
        from crossgrad.diagnosis import carry_out_diagnosis, plan_diagnosis, run_seconds
        from crossgrad.experiments.performing import versions
        from crossgrad.folders import check_free, write_whole
        from crossgrad.report.diagnosis import print_diagnosis, render_diagnosis

        options.look_here_for(net)
        dataset = options.open_data(
            data,
            image_size,
            channels,
            features,
            seconds,
            path_column,
            label_column,
            domain_column,
            option,
            skip_unreadable=skip_unreadable,
            memory=memory,
            workers=options.readers(workers, threads=threads),
            tell=tell,
        )
        folder = output or Path(f"crossgrad-{dataset.benchmark or dataset.name}-diagnosis")
        html, numbers = folder / "diagnosis.html", folder / "diagnosis.json"
        for path in (html, numbers):
            check_free(path, overwrite=overwrite)
        plan = plan_diagnosis(
            dataset,
            max_steps=max_steps,
            seed=seed,
            net=net,
            **options.given(batch_size=batch_size, learning_rate=learning_rate, scaling=scaling, threads=threads),
        )
    steps = plan.template.settings.max_steps
    say(
        f"{printable(dataset.name)}: {count(len(dataset), 'example')}, {count(len(dataset.label_names), 'label')}, "
        f"{count(len(dataset.domain_names), 'domain')}"
    )
    if plan.left_out:
        say(f"{count(len(plan.left_out), 'test domain')} of the benchmark's own split are counted and not looked at.")
    say(
        f"{count(len(plan.label_runs), 'training')} with domains held out, "
        f"{count(int(plan.domain_run is not None), 'training')} of a domain net, {count(steps, 'step')} each with "
        f"{plan.template.net}."
    )
    if plan.n_runs:
        say(f"About {duration(plan.n_runs * run_seconds(plan))} to go.")
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("training", total=plan.n_runs * steps)

        def watch(done: int, step: int, max_steps: int) -> None:
            what = f"training {done + 1} of {plan.n_runs}"
            progress.update(task, completed=done * max_steps + step, description=what)

        try:
            diagnosis = carry_out_diagnosis(plan, watch=watch)
        except KeyboardInterrupt:
            say("Interrupted: nothing was written.")
            raise typer.Exit(130) from None
    findings, advice = diagnosis.findings, diagnosis.advice
    command = shlex.join(["crossgrad", *sys.argv[1:]]).encode(errors="backslashreplace").decode()
    facts = {
        "Command": command,
        "Net": findings.net,
        "Steps of each training": str(findings.max_steps),
        "Seed": str(findings.seed),
        **versions(),
    }
    content = {"findings": findings.to_json(), "advice": asdict(advice), "versions": versions(), "command": command}
    text = json.dumps(content, indent=2, allow_nan=False)  # of ASCII: a file's name may be no UTF-8
    write_whole(numbers, f"{text}\n".encode(), overwrite=overwrite)
    compare = _compare(
        data,
        *(
            ("--image-size", image_size),
            ("--channels", channels),
            ("--features", features),
            ("--seconds", seconds),
            ("--path-column", path_column if path_column != "path" else None),
            ("--label-column", label_column if label_column != "label" else None),
            ("--domain-column", domain_column if domain_column != "domain" else None),
            ("--memory", memory),
            *(("--option", each) for each in option or ()),
            ("--scaling", scaling),
            ("--net", net),
        ),
        skip_unreadable=skip_unreadable,
    )
    page = render_diagnosis(findings, advice, diagnosis.moved, facts=facts, compare=compare)
    write_whole(html, page.encode(errors="backslashreplace"), overwrite=overwrite)
    if as_json:
        show_json(content)
        return
    print_diagnosis(findings, advice, out)
    if advice.verdict in ("worth trying", "too few domains"):
        show_text(f"\nCompare: {compare}")
    show_text(f"\nPage:    {html}\nNumbers: {numbers}")


def _compare(data: str, *options: tuple[str, Any], skip_unreadable: bool) -> str:
    """The command that compares methods on the data as it was read here."""
    given = [part for flag, value in options if value is not None for part in (flag, str(value))]
    return shlex.join(["crossgrad", "compare", data, *given, *(["--skip-unreadable"] if skip_unreadable else [])])
