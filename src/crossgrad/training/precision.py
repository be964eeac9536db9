"""The precision of the nets' passes."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from crossgrad.errors import SettingsError

PRECISIONS = ("float32", "bf16")
"""float32, or mixed: bfloat16 where autocast deems it safe, float32 for parameters, losses and input gradients."""


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """The context of a forward and backward pass.

    Raises:
        SettingsError: precision is none of PRECISIONS.
    """
    check_precision(precision)
    if precision == "float32":
        return nullcontext()
    # Without the cache of cast weights: what a pass without gradients put there would give the next one none either.
    return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)


def check_precision(precision: str) -> None:
    """Refuse a precision that there is not, float16 with the reason.

    Raises:
        SettingsError: says what there is.
    """
    if precision in ("fp16", "float16"):
        raise SettingsError(
            f"there is no precision {precision!r}: its losses would have to be scaled up, and the scale undone in "
            "every input gradient that moves an input; give 'bf16', which has float32's range and needs no scale"
        )
    if precision not in PRECISIONS:
        raise SettingsError(f"precision is one of {', '.join(PRECISIONS)}, not {precision!r}")
