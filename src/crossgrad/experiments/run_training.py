"""The training of a run: its examples, scaled; its method, built; and the loop."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from crossgrad.building import build_method, check_takes_unlabelled, net_roles
from crossgrad.data import DomainDataset, Split, Standardisation, training_set
from crossgrad.errors import SettingsError
from crossgrad.experiments.early_stopping import early_stopping
from crossgrad.experiments.runs import Run
from crossgrad.experiments.scaling import scaling_for
from crossgrad.experiments.watched import watched
from crossgrad.methods import Method
from crossgrad.model import Model
from crossgrad.processes import ALONE, Processes
from crossgrad.training import History, Watch, fit, watch_nothing
from crossgrad.training.checkpoints import CHECKPOINTS, Checkpoints, Resumed, nothing_resumed


@dataclass(frozen=True, eq=False)
class Trained:
    """What training leaves: the method, how it was built, the scaling of its inputs, and what the loop saw."""

    method: Method
    building: dict[str, Any]
    scaling: Standardisation
    history: History


def checkpoints_in(folder: Path, run: Run, dataset: DomainDataset, *, every_steps: int | None = None) -> Checkpoints:
    """A run's checkpoints.

    Args:
        folder: of what the run writes while it trains; checkpoints are in a folder of their own in it.
        run: a checkpoint of another one, or of another version of torch, is refused.
        dataset: likewise.
        every_steps: steps from one to the next; None for one a minute, so that short runs write none.
    """
    return Checkpoints(
        folder / CHECKPOINTS,
        identity=run.identity(dataset) | {"torch": torch.__version__},
        every_steps=every_steps,
        every_seconds=60.0 if every_steps is None else None,
    )


def train_method(
    dataset: DomainDataset,
    parts: Split,
    run: Run,
    watch: Watch = watch_nothing,
    *,
    initial: Model | None = None,
    checkpoints: Checkpoints | None = None,
    log: Path | None = None,
    tensorboard: Path | None = None,
    processes: Processes = ALONE,
    resumed: Resumed = nothing_resumed,
) -> Trained:
    """Train a run's method on its split's training examples, from the last checkpoint on where there is one.

    Unlabelled inputs of the dataset train with them, and count where inputs are standardised.

    Training begins with the weights of `initial`, and keeps its scaling, which the weights are for.

    Raises:
        SettingsError: early stopping has nothing to measure on, or `initial` has other nets than the run asks for, or
            the method takes no unlabelled inputs and the dataset has some.
        NonFiniteLossError: a loss became NaN or infinite.
        CheckpointError: a checkpoint that is there cannot be used.
    """
    if dataset.unlabelled is not None:
        check_takes_unlabelled(run.method)
    train = training_set(dataset, parts)
    scaling = scaling_for(run.settings, train.inputs, train.weights) if initial is None else initial.scaling
    building = building_of(run, train)
    scaled = _scaled(train, scaling)
    settings = run.settings
    method = build_method(**building).to(settings.device)
    if initial is not None:
        _begin_from(initial, method, building)
    optimizer = settings.make_optimizer(method.parameters())
    with watched(method, scaled, settings, watch=watch, log=log, tensorboard=tensorboard) as told:
        history = fit(
            method,
            scaled,
            optimizer=optimizer,
            max_steps=settings.max_steps,
            batch_size=settings.batch_size,
            seed=run.seed,
            balanced=settings.balanced,
            schedule=settings.make_schedule(optimizer, n_examples=len(train)),
            clip=settings.make_clip(),
            average=settings.make_average(),
            stopping=early_stopping(settings, dataset, parts, scaling, processes=processes),
            precision=settings.precision,
            processes=processes,
            checkpoints=checkpoints,
            resumed=resumed,
            watch=told,
        )
    return Trained(method, building, scaling, history)


def _begin_from(initial: Model, method: Method, building: Mapping[str, Any]) -> None:
    """Give a method the weights of a model; the nets must be of the same shapes."""
    weights, own = initial.method.state_dict(), method.state_dict()
    if {name: value.shape for name, value in weights.items()} != {name: value.shape for name, value in own.items()}:
        differences = [
            f"{name} {initial.building.get(name)!r}, not {value!r}"
            for name, value in building.items()
            if name != "seed" and initial.building.get(name) != value
        ]
        raise SettingsError(
            f"the model to go on from has other nets: {'; '.join(differences)}. Begin anew, or give what "
            "it was built with"
        )
    method.load_state_dict(weights)


def _scaled(train: DomainDataset, scaling: Standardisation) -> DomainDataset:
    variants = train.variants
    if variants is not None:
        variants = scaling.apply(variants.flatten(0, 1)).view(variants.shape)
    return replace(train, inputs=scaling.apply(train.inputs), variants=variants)


def building_of(run: Run, train: DomainDataset) -> dict[str, Any]:
    """The arguments of `build_method` for a run and its training examples; JSON-serialisable."""
    building = {
        "method": run.method,
        "net": run.net,
        "input_shape": list(train.inputs.shape[1:]),
        "n_labels": len(train.label_names),
        "n_domains": len(train.domain_names),
        "fields": dict(run.settings.fields),
        "dropout": run.settings.dropout,
        "seed": run.seed,
    }
    if run.settings.domain_net is None or "domain_net" not in net_roles(run.method):
        return building  # without code that loading it would have to be allowed to import
    return building | {"domain_net": run.settings.domain_net}
