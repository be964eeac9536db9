"""crossgrad sweep: plan, say what will be done, do it, print the candidates and which one was chosen."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from crossgrad.cli import completion, options
from crossgrad.cli.console import are, count, err, out, say, show_json, show_text, status
from crossgrad.errors import SettingsError


def sweep(
    data: options.Data,
    method: Annotated[
        str,
        typer.Option(
            help="erm, label_grad, dann, ccsa, mtae, crossgrad, crossgrad_separate, hybrid, random or repeat.",
            autocompletion=completion.method,
        ),
    ] = "crossgrad",
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="paper|NAME=VALUES",
            help="What is tried: paper, its own grid, or values of a field or a setting (learning_rate=0.001,0.01). "
            "NAME+NAME take values together. Repeatable: every combination.  [default: paper]",
        ),
    ] = None,
    search: Annotated[
        str, typer.Option(help="grid (every point), random (--trials of them) or halving (the worse stop early).")
    ] = "grid",
    trials: Annotated[int | None, typer.Option(help="Points drawn at random from the grid.")] = None,
    select: Annotated[
        str,
        typer.Option(
            help="By what candidates are judged: held-out (validation domains), training (unseen examples of training "
            "domains) or oracle (the test domains themselves, which is no fair choice)."
        ),
    ] = "held-out",
    hold_out: Annotated[
        str | None, typer.Option(help="Test domains, as in compare; settings are chosen for each fold of them.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Seeds 100 to 99+N, none of those that compare uses.")] = 1,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Such as 2h, 90m or 3600s: fewer seeds, then fewer candidates, until it fits."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of records and choice.  [default: crossgrad-sweep-NAME-METHOD]")
    ] = None,
    net: options.Net = None,
    optimisation: options.Optimisation = None,
    max_steps: options.MaxSteps = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    optimizer: options.Optimizer = None,
    weight_decay: options.WeightDecay = None,
    schedule: options.Schedule = None,
    warmup_steps: options.WarmupSteps = None,
    decay: options.Decay = None,
    decay_epochs: options.DecayEpochs = None,
    clip_value: options.ClipValue = None,
    clip_norm: options.ClipNorm = None,
    patience: options.Patience = None,
    score_every: options.ScoreEvery = None,
    average: options.Average = None,
    domain_net: options.DomainNet = None,
    dropout: options.Dropout = None,
    scaling: options.Scaling = None,
    balanced: options.Balanced = None,
    threads: options.Threads = None,
    precision: options.Precision = None,
    device: options.Device = None,
    set_: options.Set = None,
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
    engine: options.Engine = "local",
    address: options.Address = None,
    jobs: Annotated[
        int | None, typer.Option(help="Runs at once.  [default: one a core; on a running cluster, what its CPUs allow]")
    ] = None,
    checkpoint_every: options.CheckpointEvery = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Which settings of a method are best?

    Trains every candidate, judges it on validation domains, never on the test domains (unless --select oracle), and
    writes the choice to chosen.json, which `compare --chosen` and `train --chosen` take. An interrupted sweep goes on
    when the same command is run again.
    """
    with status("loading") as tell:
        from crossgrad.building import method_name
        from crossgrad.cli.candidates import candidates_as_json, show_candidates
        from crossgrad.cli.sweep_progress import SweepProgress
        from crossgrad.experiments.budget import parse_duration
        from crossgrad.experiments.grids import parse_grid
        from crossgrad.experiments.settings import Settings, parse_overrides
        from crossgrad.sweeping import FIRST_SEED, carry_out_sweep, plan_sweep

        options.look_here_for(net, domain_net)
        name = method_name(method)
        overrides = parse_overrides(set_ or [])
        if others := set(overrides) - {name}:
            raise SettingsError(f"--set names {', '.join(sorted(others))}, but {name} is swept")
        if seeds < 1:
            raise SettingsError(f"--seeds is at least 1, not {seeds}")
        dimensions = parse_grid(name, grid or ["paper"])
        budget_seconds = parse_duration(budget) if budget else None
        settings = options.settings_given(
            optimisation,
            max_steps=max_steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
            weight_decay=weight_decay,
            schedule=schedule,
            warmup_steps=warmup_steps,
            decay=decay,
            decay_epochs=decay_epochs,
            clip_value=clip_value,
            clip_norm=clip_norm,
            patience=patience,
            score_every=score_every,
            average=average,
            domain_net=domain_net,
            dropout=dropout,
            scaling=scaling,
            balanced=balanced,
            threads=threads,
            precision=precision,
            device=device,
        )
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
            workers=options.readers(workers, threads=threads, jobs=jobs),
            tell=tell,
        )
        jobs = options.runs_at_once(jobs, threads=threads or Settings.threads, address=address)
        planned = plan_sweep(
            dataset,
            output=output or Path(f"crossgrad-sweep-{dataset.benchmark or dataset.name}-{name}"),
            method=name,
            grid=dimensions,
            search=search,
            trials=trials,
            select=select,
            hold_out=hold_out,
            seeds=range(FIRST_SEED, FIRST_SEED + seeds),
            net=net,
            fields=overrides.get(name),
            budget=budget_seconds,
            jobs=jobs or 1,
            overwrite=overwrite,
            **settings,
        )
    try:
        with SweepProgress(err, jobs=jobs) as follower:
            candidates = carry_out_sweep(
                planned,
                engine=engine,
                address=address,
                jobs=jobs,
                checkpoint_every=checkpoint_every,
                overwrite=overwrite,
                command=shlex.join(["crossgrad", *sys.argv[1:]]),
                follower=follower,
            )
    except KeyboardInterrupt:
        n_done = len(planned.records())
        say(f"Interrupted: {count(n_done, 'run')} {are(n_done)} done and kept in {planned.folder}.")
        say("The same command goes on from there (without --overwrite).")
        raise typer.Exit(130) from None
    file = planned.folder / "chosen.json"
    if as_json:
        show_json(candidates_as_json(planned.method, planned.select, planned.dropped, candidates, file))
    else:
        out.print()
        show_candidates(planned.method, planned.dataset.name, planned.select, candidates, out)
        show_text(f"\nChosen:  {file}\nRecords: {planned.folder / 'records.jsonl'}")
    if all(record["error"] for record in planned.records().values()):
        raise typer.Exit(1)
