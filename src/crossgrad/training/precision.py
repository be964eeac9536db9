"""The precision of the nets' passes."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

PRECISIONS = ("float32", "bf16")
"""float32, or mixed: bfloat16 where autocast deems it safe, float32 for parameters, losses and input gradients."""


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """The context of a forward and backward pass."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
