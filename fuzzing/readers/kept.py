"""Benchmarks kept as they were made."""

import hashlib
import json
import struct
import warnings
from functools import cache
from pathlib import Path

import numpy as np

from fuzzing.mutation import Choices, altered_bytes, altered_json, as_json
from fuzzing.target import Target, written


@cache
def _kept() -> tuple[bytes, ...]:
    from crossgrad.data import DomainDataset
    from crossgrad.data.cache import _to_bytes

    found = []
    for inputs in (np.arange(12.0).reshape(6, 2), np.zeros((6, 4, 4), np.uint8)):
        dataset = DomainDataset.from_arrays(inputs, ["a", "b"] * 3, [1, 1, 1, 2, 2, 2], name="kept")
        found.append(_to_bytes(dataset, ["told"]))
    return tuple(found)


def _altered_kept(content: bytes, choices: Choices) -> bytes:
    """With its sum right."""
    tensors = content[32:]
    if choices.below(2):
        tensors = altered_bytes(tensors, choices)
    else:
        length = int.from_bytes(tensors[:8], "little")
        head = json.loads(tensors[8 : 8 + length])
        if choices.below(4):
            description = altered_json(json.loads(head["__metadata__"]["dataset"]), choices)
            head["__metadata__"]["dataset"] = json.dumps(description)
        else:
            head = altered_json(head, choices)
        text = as_json(head)
        tensors = struct.pack("<Q", len(text)) + text + tensors[8 + length :]
    return hashlib.sha256(tensors).digest() + tensors


def _read_kept(content: bytes, folder: Path) -> object:
    from crossgrad.data import DomainDataset
    from crossgrad.data.cache import kept_at, load_or_make

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        place = kept_at(name="fuzz", options={}, raw=[])
        place.parent.mkdir(parents=True, exist_ok=True)
        written(place, content)
        return load_or_make(
            lambda: DomainDataset.from_arrays([[1.0]], [0], [0], name="fuzz"), name="fuzz", options={}, raw=[]
        )


TARGETS = {
    "cache": Target(_kept, _altered_kept, _read_kept, 400),
}
