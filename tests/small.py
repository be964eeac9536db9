"""Datasets that train in a moment: classes that can be told, domains that differ."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from crossgrad.data import DomainDataset
from crossgrad.records import Record

DOMAINS = ("attic", "barn", "cellar", "den")
LABELS = ("cat", "dog", "eel")
MOMENTARY = ("seconds", "versions", "command")
"""What of a record may depend on where and when it ran."""


def vectors(n: int = 96, *, seed: int = 0) -> DomainDataset:
    """Four domains, three labels, five features far from [0, 1]: they are standardised."""
    labels, domains, generator = _columns(n, seed)
    patterns = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(7))
    inputs = 3 * patterns[0][labels] + 2 * patterns[1][domains] + torch.randn(n, 5, generator=generator)
    return DomainDataset(10 * inputs + 5, labels, domains, LABELS, DOMAINS, "vectors")


def images(n: int = 96, *, seed: int = 0) -> DomainDataset:
    """Likewise, grey 8x8 in [0, 1]: they are left as they are."""
    labels, domains, generator = _columns(n, seed)
    patterns = torch.rand(2, 4, 1, 8, 8, generator=torch.Generator().manual_seed(7))
    noise = torch.rand(n, 1, 8, 8, generator=generator)
    inputs = 0.5 * patterns[0][labels] + 0.3 * patterns[1][domains] + 0.2 * noise
    return DomainDataset(inputs, labels, domains, LABELS, DOMAINS, "images")


def _columns(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Generator]:
    generator = torch.Generator().manual_seed(seed)
    return torch.arange(n) % 3, (torch.arange(n) // 3) % 4, generator


def save_arrays(dataset: DomainDataset, path: Path) -> Path:
    np.savez(
        path,
        inputs=dataset.inputs.numpy(),
        labels=np.array([dataset.label_names[index] for index in dataset.labels]),
        domains=np.array([dataset.domain_names[index] for index in dataset.domains]),
    )
    return path


def save_pictures(folder: Path, *, domains: int = 3, each: int = 3, seed: int = 0) -> list[Path]:
    """A folder domain/label/file of small grey PNGs; returns the files."""
    random = np.random.RandomState(seed)
    files = []
    for domain in DOMAINS[:domains]:
        for brightness, label in enumerate(LABELS[:2]):
            for index in range(each):
                file = folder / domain / label / f"{index}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                pixels = random.randint(0, 128, (9, 7)) + 127 * brightness
                Image.fromarray(pixels.astype(np.uint8)).save(file)
                files.append(file)
    return files


def lasting(record: Record) -> Record:
    """A record without what depends on where and when it ran."""
    return {name: value for name, value in record.items() if name not in MOMENTARY}


def written(folder: Path) -> list[Record]:
    """Lasting records of a folder, in an order that does not depend on the one they ended in."""
    lines = (folder / "records.jsonl").read_text().splitlines()
    return sorted((lasting(json.loads(line)) for line in lines), key=lambda record: record["key"])


def predictions(folder: Path) -> dict[str, dict[str, Any]]:
    """Everything in each run's predictions.npz, as bytes, by the run's key."""
    found = {}
    for path in sorted((folder / "runs").iterdir()):
        with np.load(path / "predictions.npz", allow_pickle=False) as arrays:
            found[path.name] = {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()}
    return found
