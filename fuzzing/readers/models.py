"""Model folders, signed anew by somebody who knows how."""

import hashlib
import json
import math
import struct
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from fuzzing.mutation import Choices, altered_bytes, altered_json, as_json
from fuzzing.readers.images import images
from fuzzing.target import Target, written


@cache
def _model_files() -> tuple[tuple[bytes, bytes], ...]:
    """Description and weights of one model of vectors and one of image files."""
    from crossgrad.data import DomainDataset, ImageDecoding
    from crossgrad.deployment import train
    from crossgrad.model_folder import DESCRIPTION, WEIGHTS, save

    found = []
    generator = np.random.default_rng(0)
    for shape, net, decoding in (((3,), "mlp", None), ((1, 8, 8), "resnet/8", ImageDecoding(8, 1))):
        inputs = generator.random((24, *shape), dtype=np.float32)
        dataset = DomainDataset.from_arrays(inputs, np.arange(24) % 2, np.arange(24) // 8, name="fuzz")
        if decoding:
            object.__setattr__(dataset, "decoding", decoding)
        model = train(dataset, method="crossgrad", net=net, max_steps=1, batch_size=4)
        with tempfile.TemporaryDirectory() as name:
            folder = save(model, Path(name, "model"))
            found.append(((folder / DESCRIPTION).read_bytes(), (folder / WEIGHTS).read_bytes()))
    return tuple(found)


def _altered_description(content: bytes, choices: Choices) -> bytes:
    """With other values and the right sum, as somebody writes it who knows how."""
    description = json.loads(content)
    if choices.below(4) == 0:
        description["building"] = altered_json(description["building"], choices)
    else:
        description = altered_json({name: value for name, value in description.items() if name != "sha256"}, choices)
    if isinstance(description, dict):
        description.pop("sha256", None)
        description["sha256"] = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
    return as_json(description)


def _read_description(content: bytes, folder: Path) -> object:
    weights = next(
        (weights for text, weights in _model_files() if json.loads(text)["weights_sha256"].encode() in content), b""
    )
    return _load_and_use(folder, content, weights or _model_files()[0][1])


def _altered_weights(content: bytes, choices: Choices) -> bytes:
    """The head of a safetensors file altered as JSON with its length right, or any byte of it."""
    if choices.below(2):
        return altered_bytes(content, choices, words=(b"\xff" * 8, b'"F64"', b'"I8"', b'"BOOL"', b"[9999999999]"))
    length = int.from_bytes(content[:8], "little")
    head = as_json(altered_json(json.loads(content[8 : 8 + length]), choices))
    return struct.pack("<Q", len(head)) + head + content[8 + length :]


def _read_weights(content: bytes, folder: Path) -> object:
    description = json.loads(_model_files()[0][0])
    description["weights_sha256"] = hashlib.sha256(content).hexdigest()
    del description["sha256"]
    description["sha256"] = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
    return _load_and_use(folder, as_json(description), content)


def _load_and_use(folder: Path, description: bytes, weights: bytes) -> object:
    from crossgrad.model_folder import DESCRIPTION, WEIGHTS, load

    (folder / "model").mkdir(exist_ok=True)
    written(folder / "model" / DESCRIPTION, description)
    written(folder / "model" / WEIGHTS, weights)
    model = load(folder / "model")
    if math.prod(model.input_shape) < 10**6:
        model.predict(np.zeros((2, *model.input_shape), dtype=np.float32))
    if model.decoding:
        return model.decode(written(folder / "a.png", images()[0]))
    return model


# What takes longest to read has the smaller shares: a model is built and used, a command carried out.
TARGETS = {
    "model.json": Target(lambda: [text for text, _ in _model_files()], _altered_description, _read_description, 400),
    "safetensors": Target(lambda: [_model_files()[0][1]], _altered_weights, _read_weights, 300),
}
