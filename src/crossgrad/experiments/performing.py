"""One run from data to record: split, scale, build, fit, evaluate, and the artefacts that go with the record."""

import json
import os
import platform
import shutil
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossgrad._types import Batch
from crossgrad.building import build_method
from crossgrad.data import (
    DomainDataset,
    Split,
    Standardisation,
    training_subset,
)
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.data.reading import read_in_order
from crossgrad.errors import NonFiniteLossError, SettingsError
from crossgrad.evaluation import accuracies, probabilities
from crossgrad.experiments.early_stopping import early_stopping
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.experiments.watched import LOG, board_name, examples_in_turn, watched
from crossgrad.global_state import torch_threads
from crossgrad.methods import Method
from crossgrad.model import Model
from crossgrad.processes import ALONE, Processes
from crossgrad.records import RECORD_VERSION, Record
from crossgrad.training import History, Watch, fit, watch_nothing
from crossgrad.training.checkpoints import CHECKPOINTS, Checkpoints, Resumed, nothing_resumed

GALLERY_EXAMPLES = 8
LOOKED_AT = 64
"""Lazy inputs that are read at once to see whether they are images."""


def scaling_for(
    settings: Settings, train_inputs: Tensor | LazyInputs, weights: Tensor | None = None
) -> Standardisation:
    """The scaling that settings ask for, from training inputs (and their weights) alone."""
    if settings.scaling == "none" or (settings.scaling == "auto" and _are_images(train_inputs)):
        return Standardisation.identity()
    return Standardisation.fit(train_inputs, weights)


def _are_images(inputs: Tensor | LazyInputs) -> bool:
    """Whether inputs have the shape of images and values in [0, 1]; lazy ones are read up to the first that has not."""
    if isinstance(inputs, Tensor):
        return inputs.ndim == 4 and float(inputs.min()) >= 0 and float(inputs.max()) <= 1
    if inputs.ndim != 4 or inputs.in_unit_range:
        return inputs.ndim == 4
    with closing(read_in_order(inputs, LOOKED_AT)) as parts:
        return all(_are_images(part) for part in parts)


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

    Training begins with the weights of `initial`, and keeps its scaling, which the weights are for.

    Raises:
        SettingsError: early stopping has nothing to measure on, or `initial` has other nets than the run asks for.
        NonFiniteLossError: a loss became NaN or infinite.
        CheckpointError: a checkpoint that is there cannot be used.
    """
    train = training_subset(dataset, parts)
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
    return building if run.settings.domain_net is None else building | {"domain_net": run.settings.domain_net}


def training_folder(folder: Path, run: Run, dataset: DomainDataset) -> Path:
    """Where a run writes while it trains: folder/runs/KEY.training, gone when its artefacts are in place."""
    return folder / "runs" / f"{run.key(dataset)}.training"


def perform(
    run: Run,
    dataset: DomainDataset,
    folder: Path,
    *,
    command: str = "",
    watch: Watch = watch_nothing,
    checkpoints: Checkpoints | None = None,
    tensorboard: Path | None = None,
) -> Record:
    """Carry out a run and leave its artefacts in folder/runs/KEY.

    A loss that becomes NaN or infinite ends the run, not the caller: the record says so in its `error`.

    Args:
        run: what to train.
        dataset: what it is trained on and measured on.
        folder: of the comparison; exists.
        command: that asked for it, for the record.
        watch: follows the training.
        checkpoints: of the run; removed when it has ended.
        tensorboard: folder of event files, one in it for the run's own; None writes none.

    Raises:
        CheckpointError: a checkpoint that is there cannot be used.
    """
    started = time.perf_counter()
    key = run.key(dataset)
    parts = run.split(dataset)
    record: Record = {
        "version": RECORD_VERSION,
        "key": key,
        **run.identity(dataset),
        "n_examples": len(dataset),
        "labels": list(dataset.label_names),
        "domains": list(dataset.domain_names),
        "max_steps": run.settings.max_steps,
        "out_of_domain": None,
        "in_domain": None,
        "training": None,
        "losses": None,
        "perturbation": None,
        "error": None,
    }
    meanwhile = training_folder(folder, run, dataset)
    board = None if tensorboard is None else tensorboard / board_name(run, key)
    with torch_threads(run.settings.threads):
        try:
            trained = train_method(
                dataset, parts, run, watch, checkpoints=checkpoints, log=meanwhile / LOG, tensorboard=board
            )
        except NonFiniteLossError as error:
            record["error"] = {"message": str(error), "step": error.step}
        else:
            record |= _measure(trained, dataset, parts, log=meanwhile / LOG, artefacts=folder / "runs" / key)
    if checkpoints is not None:
        checkpoints.remove()
    shutil.rmtree(meanwhile, ignore_errors=True)
    return record | {"seconds": round(time.perf_counter() - started, 3), "versions": versions(), "command": command}


def versions() -> dict[str, str]:
    """Of what results depend on."""
    return {
        "crossgrad": version("crossgrad"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def _measure(trained: Trained, dataset: DomainDataset, parts: Split, *, log: Path, artefacts: Path) -> dict[str, Any]:
    """What a record says of a trained method; writes the artefacts."""
    method, scaling, history = trained.method, trained.scaling, trained.history
    outside, inside = dataset.subset(parts.out_of_domain), dataset.subset(parts.in_domain)
    trained_on = dataset.subset(parts.train)
    # Nothing is outside where settings are chosen by the training domains alone.
    outside_probabilities = probabilities(method, scaling.apply(outside.inputs)) if len(outside) else None
    partial = artefacts.with_name(f"{artefacts.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if outside_probabilities is not None:
        np.savez(
            partial / "predictions.npz",
            example=parts.out_of_domain.numpy(),
            domain=np.array([dataset.domain_names[i] for i in outside.domains.tolist()]),
            label=outside.labels.numpy(),
            probabilities=outside_probabilities.numpy(),
        )
    (partial / "history.json").write_text(json.dumps({"steps": history.steps, **history.values}))
    if gallery := _gallery(method, scaling, training_subset(dataset, parts)):
        np.savez(partial / "gallery.npz", **gallery)
    if log.exists():  # what could not be written was said
        shutil.copyfile(log, partial / LOG)
    shutil.rmtree(artefacts, ignore_errors=True)
    os.replace(partial, artefacts)

    perturbation = None
    if "perturbation_l2" in history.means:
        perturbation = {
            "l2": history.means["perturbation_l2"],
            "linf": history.means["perturbation_linf"],
            "input_l2": history.means["input_l2"],
        }
    return {
        "out_of_domain": accuracies(outside_probabilities, outside) if outside_probabilities is not None else None,
        "in_domain": accuracies(probabilities(method, scaling.apply(inside.inputs)), inside) if len(inside) else None,
        "training": accuracies(probabilities(method, scaling.apply(trained_on.inputs)), trained_on),
        "losses": {"first": _losses(history.first), "last": _losses(history.last)},
        "perturbation": perturbation,
    }


def _losses(values: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if name.endswith("_loss")}


def _gallery(method: Method, scaling: Standardisation, train: DomainDataset) -> dict[str, Any]:
    """A few training images, the domains in turn, as they are and as the trained method moves them."""
    if train.inputs.ndim != 4:
        return {}
    chosen = train.subset(examples_in_turn(train, GALLERY_EXAMPLES))
    method.eval()  # nothing trains it any more
    device = next(method.parameters()).device
    inputs = chosen.inputs[:]  # read, where they are lazy
    batch = Batch(scaling.apply(inputs), chosen.labels, chosen.domains)
    moved = method.perturbed(Batch(*(tensor.to(device) for tensor in batch)))
    if not moved:
        return {}
    return {
        "inputs": inputs.numpy(),
        "labels": np.array([train.label_names[index] for index in chosen.labels.tolist()]),
        "domains": np.array([train.domain_names[index] for index in chosen.domains.tolist()]),
        **{name: scaling.invert(values.cpu()).numpy() for name, values in moved.items()},
    }
