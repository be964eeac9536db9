"""A model as a folder: model.safetensors and model.json, written whole, read with suspicion; no pickle."""

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from crossgrad.building import build_method, is_own
from crossgrad.data import Standardisation, decoding_from_json
from crossgrad.disk import write_new
from crossgrad.errors import CrossGradError, ModelError, RecordError
from crossgrad.folders import LOCK, lock_folder
from crossgrad.global_state import cpu_by_default
from crossgrad.methods import Method
from crossgrad.model import Model
from crossgrad.nets.pretrained import names_folder
from crossgrad.training.checkpoints import CHECKPOINTS, Checkpoints
from crossgrad.training.log import is_log

MODEL_VERSION = 1
WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"
CARD, CARD_BEGINS = "README.md", b"---\nlibrary_name: crossgrad\n"
"""A model's card for people, where it has one, and how it begins."""
TRAINING = "training"
"""Folder of what the model's training writes while it goes: its checkpoints, which end when the model is in place."""

_UNFIT = (CrossGradError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What values raise that are not what a model is built from."""


def save(
    model: Model, folder: Path | str, *, overwrite: bool = False, beside: Mapping[str, bytes] = MappingProxyType({})
) -> Path:
    """Save a model as a folder; one that is replaced stays whole until the new one is on the disk.

    Args:
        model: to be saved.
        folder: to be made.
        overwrite: put it in the place of a model that is there.
        beside: contents by name of what belongs to the model and is not needed to load it: its card for people.

    Returns:
        The folder.

    Raises:
        ModelError: there is something at `folder` already: without `overwrite`, or something that is no model.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from crossgrad import DomainDataset, train
        >>> inputs, labels, domains = [[0.0], [1.0], [0.1], [0.9]], [0, 1, 0, 1], ["a", "a", "b", "b"]
        >>> dataset = DomainDataset.from_arrays(inputs, labels, domains, name="m")
        >>> with TemporaryDirectory() as place:
        ...     folder = save(train(dataset, method="erm", max_steps=2), f"{place}/model")
        ...     sorted(path.name for path in folder.iterdir())
        ['model.json', 'model.safetensors']
    """
    folder = Path(folder).resolve()
    check_writable(folder, overwrite=overwrite, beside=beside)
    weights = tensors_to_bytes(_apart(model.method.state_dict()))
    description = {
        "version": MODEL_VERSION,
        "label_names": list(model.label_names),
        "input_shape": list(model.input_shape),
        "scaling": model.scaling.to_json(),
        "decoding": model.decoding.to_json() if model.decoding else None,
        "building": model.building,
        "card": model.card,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    description["sha256"] = _digest(description)
    text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
    files = {WEIGHTS: weights, DESCRIPTION: text.encode(), **beside}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # All are on the disk before the first is moved into place. A stop between the moves leaves a description
        # that does not know the weights beside it, which `load` refuses.
        for name, content in files.items():
            write_new(_unfinished(folder, name), content)
        for name in files:
            os.replace(_unfinished(folder, name), folder / name)
    except OSError as error:
        raise ModelError(f"cannot write a model to {str(folder)!r}: {error.strerror}") from error
    finally:
        for name in files:
            with suppress(OSError):
                _unfinished(folder, name).unlink(missing_ok=True)
    with suppress(OSError):
        if CARD not in beside and _has_card(folder):  # of the model that was there
            (folder / CARD).unlink()
        for path in _leftovers(folder, beside):
            path.unlink(missing_ok=True)
    with suppress(RecordError):  # another training has begun there meanwhile
        discard_checkpoints(folder)
    return folder


def check_writable(folder: Path, *, overwrite: bool, beside: Collection[str] = ()) -> None:
    """Refuse a place for a model before the work of training it.

    Args:
        folder: to be made.
        overwrite: a model that is there may be replaced.
        beside: names of what is saved with it; beside a model that is there they are its own.

    Raises:
        ModelError: as `save`.
    """
    folder = folder.resolve()
    try:
        if folder.exists() and not folder.is_dir():
            raise ModelError(f"{str(folder)!r} is a file; give another --output")
        found = set(os.listdir(folder)) if folder.is_dir() else set()
        found -= {path.name for path in _leftovers(folder, beside)}
        own = {name for name in (*beside, CARD) if name != CARD or _has_card(folder)} if DESCRIPTION in found else set()
        if found - {WEIGHTS, DESCRIPTION, TRAINING, *own}:
            raise ModelError(f"{str(folder)!r} holds something other than a model; give another --output")
        if strangers := _strangers(folder):
            raise ModelError(
                f"{str(strangers[0])!r} is nothing that a training leaves; give another --output, or move it away"
            )
        if found - {TRAINING} and not overwrite:
            raise ModelError(
                f"{str(folder)!r} holds a model already; give another --output, or --overwrite to replace it"
            )
        was_there = folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        _unfinished(folder, WEIGHTS).touch()
        _unfinished(folder, WEIGHTS).unlink()
        if not was_there:
            folder.rmdir()
    except OSError as error:
        raise ModelError(f"cannot write a model to {str(folder)!r}: {error.strerror}") from error


def checkpoints_of(folder: Path) -> list[int]:
    """Steps of the checkpoints of a training that was cut off before its model was in place; the last one last."""
    return _checkpoints(folder).steps


def discard_checkpoints(folder: Path) -> None:
    """Delete the checkpoints of a model's training.

    Raises:
        RecordError: the training goes on in another process.
    """
    place = folder / TRAINING
    if place.is_dir():
        with lock_folder(place):
            _checkpoints(folder).remove()
        with suppress(OSError):
            place.rmdir()  # unless something else is in it


def _checkpoints(folder: Path) -> Checkpoints:
    return Checkpoints(folder / TRAINING / CHECKPOINTS, identity={})


def _strangers(folder: Path) -> list[Path]:
    """What is in the place of a model's training and none of its checkpoints and logs: somebody's own."""
    place = folder / TRAINING
    if not place.is_dir():
        return [place] if os.path.lexists(place) else []
    found = [path for path in place.iterdir() if path.name not in (LOCK, CHECKPOINTS) and not is_log(path)]
    return found + _checkpoints(folder).strangers


def _unfinished(folder: Path, name: str) -> Path:
    return folder / f".{name}.{os.getpid()}.tmp"


def _leftovers(folder: Path, beside: Collection[str]) -> list[Path]:
    """What processes left that were killed while they saved."""
    return [path for name in (WEIGHTS, DESCRIPTION, *beside) for path in folder.glob(f".{name}.*.tmp")]


@cpu_by_default()
def load(folder: Path | str, *, allow_import: bool = False) -> Model:
    """Load a model that `save` wrote.

    Args:
        folder: of the model.
        allow_import: import the code that the model names, where its net is one's own (package.module:factory).
            That runs code: only for models whose origin is known.

    Raises:
        ModelError: missing, truncated, altered, written by a newer version, or with a net of somebody's own without
            `allow_import`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from crossgrad import DomainDataset, train
        >>> inputs, labels, domains = [[0.0], [1.0], [0.1], [0.9]], [0, 1, 0, 1], ["a", "a", "b", "b"]
        >>> dataset = DomainDataset.from_arrays(inputs, labels, domains, name="m")
        >>> with TemporaryDirectory() as place:
        ...     model = load(save(train(dataset, method="erm", max_steps=2), f"{place}/model"))
        >>> model.label_names
        ('0', '1')
    """
    folder = Path(folder)
    description, weights = _read(folder)
    try:
        building, card = description["building"], description["card"]
        own = [net for net in (building["net"], building.get("domain_net")) if net is not None and is_own(net)]
        if own and not allow_import:
            raise ModelError(
                f"it has a net of its own, {own[0]!r}: loading it runs that code. "
                "Give --allow-import (allow_import=True) if you know where the model comes from"
            )
        if any(net is not None and names_folder(net) for net in (building["net"], building.get("domain_net"))):
            raise ModelError("it names a folder to read an encoder from, where a saved model has a configuration")
        if not isinstance(card, dict):
            raise TypeError(f"its card is a {type(card).__name__}")
        return Model(
            method=_method(building, tensors_from_bytes(weights), runs_code=bool(own)).eval(),
            label_names=tuple(description["label_names"]),
            input_shape=tuple(description["input_shape"]),
            scaling=Standardisation.from_json(description["scaling"]),
            decoding=decoding_from_json(description["decoding"]),
            building=building,
            card=card,
        )
    # Whoever writes a description can sign it; what its values are is only known from what becomes of them.
    except (SafetensorError, *_UNFIT) as error:
        raise ModelError(f"cannot load {str(folder)!r}: {error}") from error


def _method(building: dict[str, Any], weights: dict[str, Tensor], *, runs_code: bool) -> Method:
    """The method with its weights.

    It is built without memory first: nothing takes more than the weights do, whatever sizes a description asks for.
    """
    if runs_code:  # code that was allowed to run, and may build from values
        method = build_method(**building)
        method.load_state_dict(weights)
        return method
    with torch.device("meta"):
        method = build_method(**building)
    for name, value in method.state_dict().items():
        if name in weights and weights[name].dtype != value.dtype:
            raise TypeError(f"{name} is of type {weights[name].dtype}, not {value.dtype}")
    method.load_state_dict(weights, assign=True)
    if any(buffer.is_meta for buffer in method.buffers()):  # encoders compute some that their weights do not hold
        method = build_method(**building)
        method.load_state_dict(weights)
    return method


def read_card(folder: Path) -> dict[str, Any]:
    """What a model tells of itself: data, method, settings, accuracies; its net is not built.

    Raises:
        ModelError: as `load`.
    """
    description, _ = _read(folder)
    card: dict[str, Any] = description["card"]
    return card


def _read(folder: Path) -> tuple[dict[str, Any], bytes]:
    try:
        for file in (folder / DESCRIPTION, folder / WEIGHTS):
            if file.exists() and not file.is_file():  # a pipe would be waited for
                raise ModelError(f"no model at {str(folder)!r}: {file.name} is no file")
        text = (folder / DESCRIPTION).read_bytes()
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ModelError(f"no model at {str(folder)!r}: {error.strerror} ({error.filename})") from error
    try:
        description = json.loads(text)
        version, expected = description["version"], description.pop("sha256")
        newer = version > MODEL_VERSION
        weights_expected = description["weights_sha256"]
        digest = _digest(description)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"{str(folder / DESCRIPTION)!r} is truncated or no model's description") from error
    if newer:
        raise ModelError(
            f"{str(folder)!r} is of format {version}, this crossgrad reads up to {MODEL_VERSION}; upgrade crossgrad"
        )
    if digest != expected:
        raise ModelError(f"{str(folder / DESCRIPTION)!r} was altered after it was written; train or copy it again")
    if hashlib.sha256(weights).hexdigest() != weights_expected:
        raise ModelError(f"{str(folder / WEIGHTS)!r} is truncated or altered; train or copy it again")
    return description, weights


def _has_card(folder: Path) -> bool:
    """Whether there is a card that is ours; a README.md of somebody's own is not to be lost."""
    with suppress(OSError), (folder / CARD).open("rb") as file:
        return file.read(len(CARD_BEGINS)) == CARD_BEGINS
    return False


def _apart(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that share no memory, as the format asks; weights that a net ties are written under each name."""
    apart: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in state.items():
        memory = value.untyped_storage().data_ptr()
        apart[name] = value.clone().contiguous() if memory in seen else value.contiguous()
        seen.add(memory)
    return apart


def _digest(description: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
