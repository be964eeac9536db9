"""One checkpoint as a folder: state.safetensors and state.json, there whole or not at all, read with suspicion."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes

from crossgrad.disk import force, write_new
from crossgrad.errors import CheckpointError
from crossgrad.training.nested_state import join, separate

CHECKPOINT_VERSION = 1
TENSORS, DESCRIPTION = "state.safetensors", "state.json"


def write_checkpoint(
    folder: Path, *, step: int, score: float | None, identity: Mapping[str, Any], state: Mapping[str, Any]
) -> None:
    """Write a checkpoint in a hidden folder beside, force it to the disk, and move it into place.

    Args:
        folder: to be made; there is none of that name.
        step: after which it is written.
        score: the best so far, if the training is measured.
        identity: of the training, JSON.
        state: nested, as `nested_state` can part it.

    Raises:
        OSError: a full disk, a folder that cannot be written to.
        TypeError: something in the state cannot be held.
    """
    shape, tensors = separate(state)
    # Copies: safetensors refuses tensors that share memory, as tied weights do.
    copies = {name: value.cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    weights = tensors_to_bytes(copies)
    description = _described(
        {
            "version": CHECKPOINT_VERSION,
            "step": step,
            "score": score,
            "identity": dict(identity),
            "state": shape,
            "tensors_sha256": hashlib.sha256(weights).hexdigest(),
        }
    )
    partial = hidden(folder)
    new_folders = [each for each in folder.parents if not each.exists()]
    try:
        partial.mkdir(parents=True)
        write_new(partial / TENSORS, weights)
        write_new(partial / DESCRIPTION, description)
        force(partial)
        os.replace(partial, folder)
        for each in (folder, *new_folders):
            force(each.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_checkpoint(folder: Path, *, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Read the state that `write_checkpoint` wrote.

    Raises:
        CheckpointError: it is missing, truncated, altered, of another training, or written by a newer version.
    """
    for name in (DESCRIPTION, TENSORS):
        if (folder / name).exists() and not (folder / name).is_file():  # a pipe would be waited for
            raise CheckpointError(f"{str(folder)!r} is no whole checkpoint: {name} is no file")
    try:
        text = (folder / DESCRIPTION).read_bytes()
        weights = (folder / TENSORS).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{str(folder)!r} is no whole checkpoint: {error.strerror} ({error.filename})") from error
    try:
        description = json.loads(text)
        version, step, written_for = description["version"], description["step"], description["identity"]
        newer = version > CHECKPOINT_VERSION
        is_whole = (
            _described({name: value for name, value in description.items() if name != "sha256"}) == text
            and description["tensors_sha256"] == hashlib.sha256(weights).hexdigest()
            and folder.name == name_of(step)
        )
        differences = list(_differences(written_for, json.loads(json.dumps(identity))))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{str(folder / DESCRIPTION)!r} is truncated or altered") from error
    if newer:
        raise CheckpointError(
            f"{str(folder)!r} is of format {version}, this crossgrad reads up to {CHECKPOINT_VERSION}; upgrade "
            "crossgrad to go on from it"
        )
    if not is_whole:
        raise CheckpointError(f"{str(folder)!r} is truncated or was altered after it was written")
    if differences:
        raise CheckpointError(
            f"{str(folder)!r} is of another training: {'; '.join(differences)}: give the same to go on from it"
        )
    try:
        state: dict[str, Any] = join(description["state"], tensors_from_bytes(weights))
        return dict(state)
    except (SafetensorError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{str(folder)!r} holds no state of a training: {error}") from error


def score_of(folder: Path) -> float | None:
    """What a checkpoint says of its best score; None where it says nothing, or cannot be read."""
    if not (folder / DESCRIPTION).is_file():  # a pipe would be waited for
        return None
    try:
        score = json.loads((folder / DESCRIPTION).read_bytes())["score"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return float(score) if isinstance(score, int | float) else None


def delete_checkpoint(folder: Path) -> None:
    """Take a checkpoint away so that a stop in between leaves no half of it under its name.

    Raises:
        OSError: it cannot be moved.
    """
    os.replace(folder, hidden(folder))
    shutil.rmtree(hidden(folder), ignore_errors=True)


def name_of(step: int) -> str:
    """The name of a step's checkpoint."""
    return f"step-{step:08d}"


def step_of(folder: Path) -> int | None:
    """The step of a checkpoint by its name; None where it is the name of something else."""
    number = folder.name.removeprefix("step-")
    return int(number) if number.isdecimal() and name_of(int(number)) == folder.name else None


def hidden(folder: Path) -> Path:
    """Where a checkpoint is made, or unmade; what a killed process left there is nobody's."""
    return folder.with_name(f".{folder.name}.{os.getpid()}.partial")


def is_leftover(path: Path) -> bool:
    """Whether a name is one that `hidden` gives."""
    return path.match(".step-*.partial")


def _described(description: dict[str, Any]) -> bytes:
    """JSON with its own digest; the same bytes come from what is read of it, unless it was altered."""
    digest = hashlib.sha256(json.dumps(description, allow_nan=False).encode()).hexdigest()
    return json.dumps(description | {"sha256": digest}, allow_nan=False).encode()


def _differences(found: Mapping[str, Any], asked: Mapping[str, Any], within: str = "") -> Iterator[str]:
    for name in [*asked, *(name for name in found if name not in asked)]:
        there, here = found.get(name), asked.get(name)
        if isinstance(there, dict) and isinstance(here, dict):
            yield from _differences(there, here, f"{within}{name}.")
        elif there != here:
            yield f"{within}{name} is {json.dumps(there)} there and {json.dumps(here)} here"
