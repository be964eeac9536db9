"""Checkpoints of a training."""

import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fuzzing.mutation import Choices, altered_bytes, altered_json, as_json
from fuzzing.target import Target, written


def _parts() -> dict[str, Any]:
    import torch

    from crossgrad.data import DomainDataset
    from crossgrad.training.history import History
    from crossgrad.training.sampling import Sampler

    net = torch.nn.Linear(2, 1)
    dataset = DomainDataset.from_arrays(np.arange(12.0).reshape(6, 2), ["a", "b"] * 3, [1, 1, 1, 2, 2, 2], name="fuzz")
    sampler = Sampler(dataset, batch_size=2, seed=0)
    return {"net": net, "optimizer": torch.optim.Adam(net.parameters()), "sampler": sampler, "history": History()}


@cache
def _checkpoint() -> tuple[bytes, bytes]:
    """Description and tensors."""
    import torch

    from crossgrad.training.checkpoint_folder import DESCRIPTION, TENSORS, name_of
    from crossgrad.training.checkpoints import Checkpoints

    parts = _parts()
    parts["net"](torch.ones(1, 2)).sum().backward()
    parts["optimizer"].step()
    parts["sampler"].draw()
    with tempfile.TemporaryDirectory() as name:
        Checkpoints(Path(name), identity={"seed": 0}).write(10, parts)
        folder = Path(name, name_of(10))
        return (folder / DESCRIPTION).read_bytes(), (folder / TENSORS).read_bytes()


def _altered_checkpoint(content: bytes, choices: Choices) -> bytes:
    """With other values and, mostly, the right sum."""
    if choices.below(8) == 7:
        return altered_bytes(content, choices)
    description = json.loads(content)
    del description["sha256"]
    if choices.below(2):
        description["state"] = altered_json(description["state"], choices)
    else:
        description = altered_json(description, choices)
    if isinstance(description, dict):
        description["sha256"] = hashlib.sha256(json.dumps(description).encode()).hexdigest()
    return as_json(description)


def _read_checkpoint(content: bytes, folder: Path) -> object:
    from crossgrad.training.checkpoint_folder import DESCRIPTION, TENSORS, name_of
    from crossgrad.training.checkpoints import Checkpoints

    (place := folder / "checkpoints" / name_of(10)).mkdir(parents=True, exist_ok=True)
    written(place / DESCRIPTION, content)
    written(place / TENSORS, _checkpoint()[1])
    return Checkpoints(folder / "checkpoints", identity={"seed": 0}).restore(_parts())


TARGETS = {
    "checkpoint": Target(lambda: _checkpoint()[:1], _altered_checkpoint, _read_checkpoint, 400),
}
