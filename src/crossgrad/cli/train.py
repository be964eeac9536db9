"""crossgrad train: one model on all domains, saved."""

from pathlib import Path
from typing import Annotated, Any

import typer

from crossgrad.cli import completion, options
from crossgrad.cli.console import count, err, out, say, show_json, show_text, status
from crossgrad.errors import SettingsError
from crossgrad.printing import printable


def train(
    data: options.Data,
    output: Annotated[Path, typer.Option(help="Folder of the model.", show_default=False)],
    method: Annotated[
        str | None,
        typer.Option(
            help="erm, label_grad, dann, ccsa, mtae, crossgrad or hybrid.  [default: crossgrad, or the chosen one]",
            autocompletion=completion.method,
        ),
    ] = None,
    domains: Annotated[
        list[str] | None, typer.Option("--domain", help="Train on this domain alone; repeatable.  [default: all]")
    ] = None,
    unlabelled: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Files, or a folder of files, of a new domain, or .npz with inputs or signals: without labels, they "
            "train as one more domain. Repeatable.",
            show_default=False,
        ),
    ] = None,
    unlabelled_domain: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of that domain.  [default: unlabelled]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
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
        str | None,
        typer.Option(
            metavar="FOLDER_OR_FILE", help="Take method, net, settings and fields from what `crossgrad sweep` chose."
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
    checkpoint_every: options.CheckpointEvery = None,
    tensorboard: options.TensorBoard = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint of a training that was cut off.")
    ] = False,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Train one model on all domains, or on those named, and save it.

    The folder holds everything that predict needs. How well such a model does on a new domain, compare estimates.
    """
    with status("loading") as tell:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from crossgrad.building import check_takes_unlabelled, method_name
        from crossgrad.cli.progress import describe
        from crossgrad.data.new_files import new_inputs_at
        from crossgrad.data.unlabelled import UNLABELLED_DOMAIN
        from crossgrad.defaults import default_settings
        from crossgrad.deployment import train as train_model
        from crossgrad.experiments.chosen import read_chosen
        from crossgrad.experiments.settings import Settings, parse_overrides
        from crossgrad.methods import METHODS
        from crossgrad.model_folder import (
            DESCRIPTION,
            TRAINING,
            check_writable,
            checkpoints_of,
            discard_checkpoints,
            read_card,
            save,
        )
        from crossgrad.processes import launched
        from crossgrad.report.names import display_name
        from crossgrad.training import Stretch
        from crossgrad.training.tensorboard import check_tensorboard

        if tensorboard is not None:
            check_tensorboard(tensorboard, output=output)
        if resume and overwrite:
            raise SettingsError("--resume goes on with a training, --overwrite begins it again; give one of them")
        processes = launched()
        if processes.is_first:
            check_writable(output, overwrite=overwrite or resume)
        done = checkpoints_of(output)
        if resume and not done and (output / DESCRIPTION).exists():
            say(f"{output} holds a finished model: nothing is left to resume.")
            _tell(output, read_card(output), as_json=as_json)
            return
        if done and not (resume or overwrite):
            raise SettingsError(
                f"{str(output)!r} holds checkpoints of a training that was cut off: --resume goes on from step "
                f"{done[-1]}, --overwrite begins again"
            )
        choice = read_chosen(chosen) if chosen else None
        options.look_here_for(net, domain_net, chosen=[choice] if choice else [])
        name = method_name(method or (choice.method if choice else "crossgrad"))
        if unlabelled:
            check_takes_unlabelled(name)
        elif unlabelled_domain is not None:
            raise SettingsError(f"--unlabelled-domain {unlabelled_domain} names the domain of --unlabelled: give both")
        new_inputs = new_inputs_at(unlabelled) if unlabelled else None
        overrides = parse_overrides(set_ or [])
        if others := set(overrides) - {name}:
            raise SettingsError(f"--set names {', '.join(sorted(others))}, but {name} is trained")
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
            workers=options.readers(workers, threads=threads),
            tell=tell,
        )
    say(
        f"{printable(dataset.name)}: {count(len(dataset), 'example')}, {count(len(dataset.label_names), 'label')}; "
        f"training {display_name(name)} on {count(len(domains) if domains else len(dataset.domain_names), 'domain')}"
        + (f", and {count(len(new_inputs), 'example')} without a label" if new_inputs is not None else "")
    )
    if overwrite and processes.is_first:
        discard_checkpoints(output)
    held_out = {domain for domain in dataset.domain_names if domains and domain not in domains}
    # Where nothing was chosen for these domains, training will say so.
    chosen_settings = [each.settings for each in (choice.choices if choice else ()) if set(each.held_out) == held_out]
    of_all = default_settings(dataset) | (chosen_settings[0] if chosen_settings else {}) | settings
    steps = of_all.get("max_steps", Settings.max_steps) * METHODS[name].N_PHASES
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}", style="dim"),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("step", total=steps, losses="")

        def resumed(step: int) -> None:
            say(f"Going on from step {step}.")
            progress.update(task, completed=step)

        def watch(stretch: Stretch) -> None:
            progress.update(task, completed=stretch.step, losses=describe(stretch.means))

        try:
            model = train_model(
                dataset,
                method=name,
                domains=domains,
                unlabelled=new_inputs,
                unlabelled_domain=unlabelled_domain or UNLABELLED_DOMAIN,
                seed=seed,
                net=net,
                fields=overrides.get(name),
                chosen=choice,
                folder=output / TRAINING,
                checkpoint_every=checkpoint_every,
                tensorboard=tensorboard,
                processes=processes,
                resumed=resumed,
                watch=watch,
                **settings,
            )
        except KeyboardInterrupt:
            done = checkpoints_of(output)
            say(f"Interrupted: --resume goes on from step {done[-1]}." if done else "Interrupted: nothing was saved.")
            raise typer.Exit(130) from None
    if processes.is_first:
        save(model, output, overwrite=overwrite or resume)
    _tell(output, model.card, as_json=as_json)


def _tell(output: Path, card: dict[str, Any], *, as_json: bool) -> None:
    measured = {place: card[place] for place in ("in_domain", "out_of_domain") if card[place]}
    if as_json:
        show_json({"model": str(output), **measured})
        return
    places = {"in_domain": "unseen examples of its training domains", "out_of_domain": "examples of other domains"}
    for place, words in places.items():
        if place in measured:
            accuracy, n = measured[place]["accuracy"], measured[place]["n"]
            out.print(f"Accuracy on {n} {words}: {100 * accuracy:.1f} %")
    show_text(f"Model: {output}")
