"""Warnings of data that may be meant otherwise than it is read, and of labels that cannot be learned across domains."""

import warnings
from collections import Counter

import numpy as np
import torch

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.naming import quoted
from crossgrad.data.splits import Split
from crossgrad.errors import DataWarning

SMALLEST_IMAGE = 8
"""Pixels of the shorter side, below which no net for images can take it."""


def check_dataset(dataset: DomainDataset) -> None:
    """Warn (DataWarning) of labels that are seen in one domain only, and of grey images that may be signals."""
    channels, *sides = dataset.inputs.shape[1:]
    if channels == 1 and len(sides) == 2 and min(sides) < SMALLEST_IMAGE <= max(sides):
        warnings.warn(
            f"inputs of shape {tuple(sides)} are taken as grey images, too small for a convolutional net. If they are "
            "signals of (channels, time), say so: signals=... instead of inputs=... in the .npz archive, or "
            "DomainDataset.from_arrays(..., signals=True)",
            DataWarning,
            stacklevel=2,
        )
    pairs = set(zip(dataset.labels.tolist(), dataset.domains.tolist(), strict=True))
    n_domains = Counter(label for label, _ in pairs)
    single = [name for label, name in enumerate(dataset.label_names) if n_domains[label] == 1]
    if single and len(dataset.domain_names) > 1:
        warnings.warn(
            f"seen in one domain only: label {quoted(single)}. A net can tell such a label by its domain "
            "instead of by what makes it that label, and may then miss it in new domains; moving inputs "
            "between domains may even harm it. And with that domain held out it cannot be learned at all",
            DataWarning,
            stacklevel=2,
        )


def check_split(dataset: DomainDataset, split: Split) -> None:
    """Warn (DataWarning) of held-out labels that are never trained on."""
    outside = dataset.labels[split.out_of_domain]
    unseen = outside[~torch.isin(outside, dataset.labels[split.train])]
    if len(unseen):
        names = [dataset.label_names[index] for index in np.unique(unseen.numpy())]
        warnings.warn(
            f"never trained on with {quoted(split.held_out)} held out: label {quoted(names)}. Its "
            f"{len(unseen)} of {len(outside)} held-out examples can only be counted as wrong",
            DataWarning,
            stacklevel=2,
        )
