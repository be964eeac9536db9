"""crossgrad compare: plan, say what will be done, do it, print the table."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from crossgrad.cli import completion, options
from crossgrad.cli.console import are, count, err, out, say, show_json, show_text, status
from crossgrad.errors import SettingsError


def compare(
    data: options.Data,
    output: Annotated[
        Path | None, typer.Option(help="Folder of records and report.  [default: crossgrad-NAME]")
    ] = None,
    methods: Annotated[
        str,
        typer.Option(
            help="erm, label_grad, dann, ccsa, mtae, crossgrad, crossgrad_separate, hybrid, random or repeat, with "
            "commas between.  [default: erm, label_grad, dann and crossgrad]",
            show_default=False,
            autocompletion=completion.methods,
        ),
    ] = "erm,label_grad,dann,crossgrad",
    hold_out: Annotated[
        str | None,
        typer.Option(
            help="protocol (a benchmark's own split), each (one domain after another), "
            "K (folds of domains), P% (a random share) or NAME,NAME; "
            "'5,' is the domain named 5.  "
            "[default: protocol if there is one, else each up to 10 domains, 5 folds above]"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Seeds 0 to N-1.")] = 3,
    seed: Annotated[int | None, typer.Option(help="This one seed instead.")] = None,
    match: Annotated[
        str | None,
        typer.Option(
            help="passes or seconds: also run ERM with so many steps that it costs what the costliest method does."
        ),
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
    chosen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER_OR_FILE",
            help="Take a method's net, settings and fields from what `crossgrad sweep` chose. Repeatable.",
        ),
    ] = None,
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
    tensorboard: options.TensorBoard = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Which method labels unseen domains best here?

    Trains every method with domains held out in turn and several seeds, measures it on the held-out domains, and
    prints a table with intervals and p-values. An interrupted comparison goes on when the same command is run again.
    """
    with status("loading") as tell:
        from crossgrad.cli.progress import ComparisonProgress, duration
        from crossgrad.comparison import carry_out, plan
        from crossgrad.experiments.chosen import read_chosen
        from crossgrad.experiments.settings import parse_overrides
        from crossgrad.report import print_table

        options.look_here_for(net, domain_net, chosen=map(read_chosen, chosen or []))
        overrides = parse_overrides(set_ or [])
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
    if seeds < 1:
        raise SettingsError(f"--seeds is at least 1, not {seeds}")
    comparison = plan(
        dataset,
        output=output or Path(f"crossgrad-{dataset.benchmark or dataset.name}"),
        methods=[name.strip() for name in methods.split(",") if name.strip()],
        hold_out=hold_out,
        seeds=[seed] if seed is not None else range(seeds),
        net=net,
        fields=overrides,
        match=match,
        chosen=chosen or [],
        **settings,
    )
    jobs = options.runs_at_once(jobs, threads=comparison.runs[0].settings.threads, address=address)
    started = time.monotonic()
    try:
        with ComparisonProgress(err, jobs=jobs) as follower:
            paths = carry_out(
                comparison,
                engine=engine,
                address=address,
                jobs=jobs,
                checkpoint_every=checkpoint_every,
                tensorboard=tensorboard,
                overwrite=overwrite,
                command=options.command(),
                follower=follower,
            )
    except KeyboardInterrupt:
        n_done = len(comparison.records) if (comparison.folder / "records.jsonl").exists() else 0
        runs = count(len(comparison.runs), "run")
        say(f"Interrupted: {n_done} of {runs} {are(n_done)} done and kept in {comparison.folder}.")
        say("The same command goes on from there (without --overwrite).")
        raise typer.Exit(130) from None
    say(f"Trained in {duration(time.monotonic() - started)}.")
    records = comparison.records
    if as_json:
        show_json(asdict(comparison.table))
    else:
        out.print()
        print_table(comparison.table, out)
        show_text(f"\nReport:  {paths.html}\nRecords: {comparison.folder / 'records.jsonl'}")
    if any(record["error"] for record in records):
        raise typer.Exit(1)
