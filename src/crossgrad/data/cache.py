"""Datasets kept as they were made, so that the work of making them is done once."""

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.decoding import decoding_from_json
from crossgrad.data.domain_split import DomainSplit
from crossgrad.data.partial_files import partial_beside
from crossgrad.data.roots import cache_root
from crossgrad.errors import DataWarning

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "pillow", "librosa", "soxr", "soundfile", "espeakng-loader")
"""On whose versions the values may depend."""

# What values raise that are not what a dataset is made of.
_DAMAGE = (OSError, SafetensorError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def load_or_make(
    make: Callable[[], DomainDataset], *, name: str, options: Mapping[str, Any], raw: Sequence[Path]
) -> DomainDataset:
    """Load what was made before from the same, or make it and keep it under the cache root.

    What is kept is known by a hash of the options, of the raw files' names, sizes and times, of the code that makes
    datasets and of the libraries' versions. It is read with suspicion: a damaged file is made again. A cache folder
    that cannot be written to costs a DataWarning, no more. Warnings that were given in the making are given again at
    every load.

    Args:
        make: makes it.
        name: of the benchmark; begins the file's name.
        options: that it is made with.
        raw: files, or folders of files, that it is made from.
    """
    place = kept_at(name=name, options=options, raw=raw)
    with suppress(*_DAMAGE):
        dataset, told = _from_bytes(place.read_bytes())
        for text in told:
            warnings.warn(text, DataWarning, stacklevel=3)
        return dataset
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dataset = make()
    told = [str(warning.message) for warning in caught if issubclass(warning.category, DataWarning)]
    for warning in caught:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    try:
        _write(place, _to_bytes(dataset, told))
    except OSError as error:
        warnings.warn(
            f"{name} could not be kept for the next time: cannot write to {str(place.parent)!r}: {error.strerror}; "
            "CROSSGRAD_CACHE names another folder",
            DataWarning,
            stacklevel=3,
        )
    return dataset


def kept_at(*, name: str, options: Mapping[str, Any], raw: Sequence[Path]) -> Path:
    """Where `load_or_make` keeps what it makes of the same; nothing is there before."""
    return cache_root() / f"{name}-{_key(name, options, raw)}.safetensors"


def _key(name: str, options: Mapping[str, Any], raw: Sequence[Path]) -> str:
    digest = hashlib.sha256(repr((name, sorted((key, str(value)) for key, value in options.items()))).encode())
    for file in _files(raw):
        stat = file.stat()
        digest.update(repr((str(file), stat.st_size, stat.st_mtime_ns)).encode())
    for library in _LIBRARIES:
        with suppress(PackageNotFoundError):
            digest.update(f"{library}={version(library)}".encode())
    code = Path(__file__).parent
    for file in sorted(code.rglob("*.py")) + sorted(code.rglob("*.tsv")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _files(raw: Sequence[Path]) -> Iterator[Path]:
    for place in raw:
        if place.is_dir():
            yield from sorted(path for path in place.rglob("*") if path.is_file())
        elif place.is_file():
            yield place


def _to_bytes(dataset: DomainDataset, told: Sequence[str]) -> bytes:
    tensors = {"inputs": _packed(dataset.inputs[:]), "labels": dataset.labels, "domains": dataset.domains}
    if dataset.variants is not None:
        tensors["variants"] = _packed(dataset.variants)
    description = {
        "label_names": dataset.label_names,
        "domain_names": dataset.domain_names,
        "name": dataset.name,
        "decoding": dataset.decoding.to_json() if dataset.decoding else None,
        "domain_split": asdict(dataset.domain_split) if dataset.domain_split else None,
        "warnings": list(told),
    }
    content = tensors_to_bytes(tensors, {"dataset": json.dumps(description)})
    return hashlib.sha256(content).digest() + content


def _from_bytes(content: bytes) -> tuple[DomainDataset, list[str]]:
    digest, tensors = content[:32], content[32:]
    if hashlib.sha256(tensors).digest() != digest:
        raise ValueError("damaged")
    header = json.loads(tensors[8 : 8 + int.from_bytes(tensors[:8], "little")])
    description = json.loads(header["__metadata__"]["dataset"])
    found = tensors_from_bytes(tensors)
    own = description["domain_split"]
    dataset = DomainDataset(
        _unpacked(found["inputs"]),
        found["labels"],
        found["domains"],
        tuple(description["label_names"]),
        tuple(description["domain_names"]),
        description["name"],
        decoding_from_json(description["decoding"]),
        variants=_unpacked(found["variants"]) if "variants" in found else None,
        domain_split=DomainSplit(tuple(own["validation"]), tuple(own["test"])) if own else None,
    )
    return dataset, description["warnings"]


def _packed(values: Tensor) -> Tensor:
    """As uint8 where nothing is lost by it: most images are 256 values of grey."""
    packed = (values * 255).round().clamp(0, 255).to(torch.uint8)
    return packed if torch.equal(_unpacked(packed), values) else values.contiguous()


def _unpacked(values: Tensor) -> Tensor:
    return values.float() / 255 if values.dtype == torch.uint8 else values


def _write(place: Path, content: bytes) -> None:
    """Under another name first: two processes may make the same at once, and any may be stopped."""
    with partial_beside(place) as partial:
        partial.write_bytes(content)
        os.replace(partial, place)
