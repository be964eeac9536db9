"""The examples that a run mistook the worst, to be looked at."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from crossgrad.data import DomainDataset

EACH = 12
"""Examples of a held-out domain. A page shows fewer, those that several seeds mistook the worst."""
MOST = 96
"""Examples of a run; of many domains each has fewer."""
MOST_PIXELS = 96
"""Longest side of what is kept of a picture."""


def mistakes(
    outside: DomainDataset, example: Int[Tensor, " n"], probabilities: Float[Tensor, "n labels"]
) -> dict[str, Any]:
    """Of every domain the wrongly answered examples whose true label was given the lowest probability.

    Args:
        outside: the held-out examples.
        example: their places in the whole dataset.
        probabilities: of each label.

    Returns:
        For an archive: "example", their places, "name", of their files or empty, and "inputs" where they are pictures.
    """
    of_truth = probabilities.cpu()[torch.arange(len(outside)), outside.labels]
    is_wrong = probabilities.cpu().argmax(1) != outside.labels
    present = sorted(set(outside.domains.tolist()))
    each = max(1, min(EACH, MOST // max(1, len(present))))
    chosen: list[int] = []
    for domain in present[:MOST]:
        wrong = torch.where(is_wrong & (outside.domains == domain))[0]
        chosen += wrong[of_truth[wrong].argsort(stable=True)[:each]].tolist()
    worst = outside.subset(chosen)
    found = {"example": example[chosen].numpy(), "name": np.array(worst.files or [""] * len(chosen), dtype=np.str_)}
    if outside.inputs.ndim == 4 and chosen:
        found["inputs"] = _small(worst.inputs[:]).numpy()
    return found


def _small(inputs: Tensor) -> Tensor:
    height, width = inputs.shape[2:]
    shrink = min(1.0, MOST_PIXELS / max(height, width))
    return adaptive_avg_pool2d(inputs, (max(1, round(shrink * height)), max(1, round(shrink * width))))
