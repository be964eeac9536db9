"""A model as a folder: model.safetensors and model.json, written whole, read with suspicion; no pickle."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes

from crossgrad.building import build_method
from crossgrad.data import ImageDecoding, Standardisation
from crossgrad.errors import CrossGradError, ModelError
from crossgrad.model import Model

MODEL_VERSION = 1
WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"


def save(model: Model, folder: Path | str, *, overwrite: bool = False) -> Path:
    """Save a model as a folder that appears whole or not at all.

    Args:
        model: to be saved.
        folder: to be made.
        overwrite: put it in the place of a model that is there.

    Returns:
        The folder.

    Raises:
        ModelError: there is something at `folder` already: without `overwrite`, or something that is no model.
    """
    folder = Path(folder).resolve()
    check_writable(folder, overwrite=overwrite)
    weights = tensors_to_bytes({name: value.contiguous() for name, value in model.method.state_dict().items()})
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
    partial, replaced = _beside(folder, "partial"), _beside(folder, "replaced")
    try:
        partial.mkdir(parents=True)
        _write(partial / WEIGHTS, weights)
        _write(partial / DESCRIPTION, (json.dumps(description, indent=2, ensure_ascii=False) + "\n").encode())
        if folder.exists():
            os.replace(folder, replaced)
        os.replace(partial, folder)
        shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        raise ModelError(f"cannot write a model to {str(folder)!r}: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def check_writable(folder: Path, *, overwrite: bool) -> None:
    """Refuse a place for a model before the work of training it.

    Raises:
        ModelError: as `save`.
    """
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise ModelError(f"{str(folder)!r} is a file; give another --output")
    found = set(os.listdir(folder)) if folder.is_dir() else set()
    if found - {WEIGHTS, DESCRIPTION}:
        raise ModelError(f"{str(folder)!r} holds something other than a model; give another --output")
    if found and not overwrite:
        raise ModelError(f"{str(folder)!r} holds a model already; give another --output, or --overwrite to replace it")
    try:
        probe = _beside(folder, "partial")
        probe.mkdir(parents=True)
        probe.rmdir()
    except OSError as error:
        raise ModelError(f"cannot write a model to {str(folder)!r}: {error.strerror}") from error


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{os.getpid()}.{what}")


def load(folder: Path | str, *, allow_import: bool = False) -> Model:
    """Load a model that `save` wrote.

    Args:
        folder: of the model.
        allow_import: import the code that the model names, where its net is one's own (package.module:factory).
            That runs code: only for models whose origin is known.

    Raises:
        ModelError: missing, truncated, altered, written by a newer version, or with a net of somebody's own without
            `allow_import`.
    """
    folder = Path(folder)
    description, weights = _read(folder)
    try:
        building = description["building"]
        if ":" in building["net"] and not allow_import:
            raise ModelError(
                f"it has a net of its own, {building['net']!r}: loading it runs that code. "
                "Give --allow-import (allow_import=True) if you know where the model comes from"
            )
        method = build_method(**building)
        method.load_state_dict(tensors_from_bytes(weights))
        return Model(
            method=method.eval(),
            label_names=tuple(description["label_names"]),
            input_shape=tuple(description["input_shape"]),
            scaling=Standardisation.from_json(description["scaling"]),
            decoding=ImageDecoding.from_json(description["decoding"]) if description["decoding"] else None,
            building=building,
            card=description["card"],
        )
    except (CrossGradError, SafetensorError, RuntimeError, TypeError, KeyError) as error:
        raise ModelError(f"cannot load {str(folder)!r}: {error}") from error


def _read(folder: Path) -> tuple[dict[str, Any], bytes]:
    try:
        text = (folder / DESCRIPTION).read_bytes()
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ModelError(f"no model at {str(folder)!r}: {error.strerror} ({error.filename})") from error
    try:
        description = json.loads(text)
        version, expected = description["version"], description.pop("sha256")
        newer = version > MODEL_VERSION
        weights_expected = description["weights_sha256"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(f"{str(folder / DESCRIPTION)!r} is truncated or no model's description") from error
    if newer:
        raise ModelError(
            f"{str(folder)!r} is of format {version}, this crossgrad reads up to {MODEL_VERSION}; upgrade crossgrad"
        )
    if _digest(description) != expected:
        raise ModelError(f"{str(folder / DESCRIPTION)!r} was altered after it was written; train or copy it again")
    if hashlib.sha256(weights).hexdigest() != weights_expected:
        raise ModelError(f"{str(folder / WEIGHTS)!r} is truncated or altered; train or copy it again")
    return description, weights


def _digest(description: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
