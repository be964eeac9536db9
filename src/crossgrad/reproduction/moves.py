"""What the gallery is made of: CrossGrad trained on each task, and how it moves inputs, measured once."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crossgrad._types import Batch
from crossgrad.data import BENCHMARKS, DomainDataset, split, training_subset
from crossgrad.deployment import train
from crossgrad.errors import RecordError
from crossgrad.folders import write_whole
from crossgrad.methods import PRESETS
from crossgrad.model import Model
from crossgrad.model_folder import DESCRIPTION, load, save
from crossgrad.perturb import example_norms
from crossgrad.report.archives import read_arrays
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.studies import FONTS, HANDWRITING, ROTATED_MNIST, SPEECH_LITHUANIAN, Study
from crossgrad.sheets import plan_sheet
from crossgrad.training import Watch, watch_nothing

TASKS: Mapping[str, Study] = {study.name: study for study in (FONTS, HANDWRITING, ROTATED_MNIST, SPEECH_LITHUANIAN)}
"""The paper's four, by their studies' names."""

MOVES = ("domain_perturbed", "label_perturbed")
"""Along the gradient of which loss, as `Method.perturbed` has them."""

ROWS, EXAMPLES = 4, 2
"""Domains in a picture, and examples of each: of the same labels."""

MEASURED = 500
"""Examples that numbers are of, drawn at random; all where there are not so many."""

_PART = 100


@dataclass(frozen=True, eq=False)
class Moves:
    """How a trained CrossGrad moves inputs.

    Args:
        inputs: (n, channels, height, width) in the data's own units; of cepstra the spectrograms, lowest band last.
        moved: by the names in MOVES, likewise.
        names: of each example its domain and label.
        numbers: "domains" and "labels", the shares of unmoved examples whose domain and label the nets get right;
            "cosine" between the two moves; and behind a name in MOVES and a slash "largest", a move's largest value in
            the units of the nets' inputs, "length", its L2 norm over the input's, and "domains" and "labels" of moved
            examples. Means over examples. "median" is of "largest": where it is far below the mean, few examples are
            moved far and the others hardly.
    """

    inputs: NDArray[np.float64]
    moved: Mapping[str, NDArray[np.float64]]
    names: tuple[str, ...]
    numbers: Mapping[str, float]


def measured_moves(study: Study, scale: Scale, folder: Path, *, watch: Watch = watch_nothing) -> Moves:
    """How the paper's CrossGrad, trained on a task's training domains, moves inputs of these.

    Args:
        study: in TASKS.
        scale: of the training, with seed 0.
        folder: of the scale; models and what was measured lie in its folder figures. What was measured before is read.
        watch: follows the training.

    Raises:
        DataError: the data is not here.
        RecordError: what was measured before cannot be read.
    """
    file = _place(study, folder).with_suffix(".npz")
    if not file.exists():
        dataset = _training_domains(study.open())
        stream = io.BytesIO()
        np.savez_compressed(stream, **_measure(_trained(study, dataset, scale, folder, watch), dataset, study))
        write_whole(file, stream.getvalue(), overwrite=False)
    return _read(file)


def tasks_to_train(folder: Path) -> list[Study]:
    """Tasks of which nothing was measured yet."""
    return [study for study in TASKS.values() if not _place(study, folder).with_suffix(".npz").exists()]


def _place(study: Study, folder: Path) -> Path:
    return folder / "figures" / f"moves-{study.name}"


def _training_domains(dataset: DomainDataset) -> DomainDataset:
    """All examples of the training domains; of data without a split of its own everything."""
    own = dataset.domain_split
    if own is None:
        return dataset
    parts = split(dataset, own.test, in_domain_fraction=0.0, seed=0, left_out=own.validation)
    return replace(training_subset(dataset, parts), domain_split=None)


def _trained(study: Study, dataset: DomainDataset, scale: Scale, folder: Path, watch: Watch) -> Model:
    place = _place(study, folder)
    if not (place / DESCRIPTION).exists():
        settings = scale.settings_for(study.benchmark, study.trunk)
        net, fields = scale.net_for(study.trunk), PRESETS["paper"]
        save(train(dataset, method="crossgrad", net=net, fields=fields, watch=watch, **settings), place)
    return load(place)


def _measure(model: Model, dataset: DomainDataset, study: Study) -> dict[str, Any]:
    plan = plan_sheet(dataset, rows=ROWS, columns=EXAMPLES)
    shown = dataset.subset([example for row in plan.examples for example in row if example is not None])
    inputs, changes = _changes(model, shown)
    arrays: dict[str, Any] = {
        "inputs": _as_pictures(inputs, study).astype(np.float16),
        "names": np.array(
            [
                f"{shown.domain_names[domain]}: {shown.label_names[label]}"
                for domain, label in zip(shown.domains.tolist(), shown.labels.tolist(), strict=True)
            ]
        ),
    }
    for name, change in changes.items():
        # Changes and not moved inputs: rounded to half precision they keep three digits of their own.
        arrays[name] = _as_pictures(change, study).astype(np.float16)
    drawn = np.random.RandomState(0).permutation(len(dataset))[:MEASURED]
    numbers = _numbers(model, dataset.subset(torch.from_numpy(drawn)))
    return arrays | {f"number/{name}": np.array(value) for name, value in numbers.items()}


def _changes(model: Model, examples: DomainDataset) -> tuple[Tensor, dict[str, Tensor]]:
    """Inputs, and how each is moved, in the data's own units."""
    batch = Batch(model.scaling.apply(examples.inputs[:]), examples.labels, examples.domains)
    moved = model.method.perturbed(batch)
    inputs = model.scaling.invert(batch.inputs)
    return inputs, {name: model.scaling.invert(moved[name]) - inputs for name in MOVES}


def _as_pictures(values: Tensor, study: Study) -> NDArray[np.float64]:
    """Images as they are; cepstra back to spectrograms, low frequencies at the bottom.

    The cosine transform is linear, so that the difference of two cepstra becomes that of their spectrograms.
    """
    arrays = values.numpy().astype(np.float64)
    if {**BENCHMARKS[study.benchmark].options, **study.options}.get("features") != "mfcc":
        return arrays
    from scipy.fft import idct

    spectrograms: NDArray[np.float64] = idct(arrays, axis=2, norm="ortho")[:, :, ::-1]
    return spectrograms


def _numbers(model: Model, examples: DomainDataset) -> dict[str, float]:
    parts = list(_numbers_of_parts(model, examples))
    values = {name: torch.cat([part[name] for part in parts]).double() for name in parts[0]}
    medians = {f"{move}/median": float(values[f"{move}/largest"].median()) for move in MOVES}
    return {name: float(value.mean()) for name, value in values.items()} | medians


def _numbers_of_parts(model: Model, examples: DomainDataset) -> Iterator[dict[str, Tensor]]:
    """Of every example; a part at a time, since gradients of all at once take memory."""
    for first in range(0, len(examples), _PART):
        part = examples.subset(range(first, min(first + _PART, len(examples))))
        batch = Batch(model.scaling.apply(part.inputs[:]), part.labels, part.domains)
        moved = model.method.perturbed(batch)
        changes = {name: (moved[name] - batch.inputs).flatten(1) for name in MOVES}
        numbers = dict(_right(model, batch))
        numbers["cosine"] = torch.cosine_similarity(changes[MOVES[0]], changes[MOVES[1]])
        for name, change in changes.items():
            numbers[f"{name}/largest"] = example_norms(change, "linf")
            numbers[f"{name}/length"] = example_norms(change, "l2") / example_norms(batch.inputs, "l2")
            of_moved = _right(model, batch._replace(inputs=moved[name]))
            numbers |= {f"{name}/{what}": values for what, values in of_moved.items()}
        yield numbers


@torch.no_grad()
def _right(model: Model, batch: Batch) -> dict[str, Tensor]:
    """Which examples the two nets get right."""
    method: Any = model.method
    return {
        "domains": method.domain_net(batch.inputs).argmax(1) == batch.domains,
        "labels": method(batch.inputs).argmax(1) == batch.labels,
    }


def _read(file: Path) -> Moves:
    arrays = read_arrays(file, what="moved inputs")
    needed = {"inputs", "names", *MOVES, *(f"number/{move}/median" for move in MOVES)}
    if absent := sorted(needed - set(arrays)):
        raise RecordError(f"{file}: not moved inputs as they are measured now, without {absent[0]}; delete it first")
    inputs = arrays["inputs"].astype(np.float64)
    return Moves(
        inputs,
        {name: inputs + arrays[name].astype(np.float64) for name in MOVES},
        tuple(arrays["names"].tolist()),
        {name.removeprefix("number/"): float(value) for name, value in arrays.items() if name.startswith("number/")},
    )
