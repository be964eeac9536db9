"""How the learning rate changes over a training."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

SCHEDULES = ("constant", "cosine", "step")
"""Constant; half a cosine from the learning rate to zero; or times a factor every so many epochs."""


def rate_factor(
    step: int,
    name: str,
    *,
    max_steps: int,
    warmup_steps: int = 0,
    decay: float = 1.0,
    steps_per_decay: int = 1,
) -> float:
    """What the learning rate is multiplied by.

    Args:
        step: that is about to be taken, from 0. After max_steps all begins again: each of a method's phases is a
            training of its own.
        name: one of SCHEDULES.
        max_steps: of a phase.
        warmup_steps: over which the rate first grows evenly to its full value, which the next step has; the cosine
            begins there, the steps' decay is counted from the first step.
        decay: factor of the schedule step.
        steps_per_decay: how often that comes, in steps.

    Example:
        >>> [rate_factor(step, "step", max_steps=6, decay=0.1, steps_per_decay=4) for step in (0, 3, 4, 5)]
        [1.0, 1.0, 0.1, 0.1]
        >>> [round(rate_factor(step, "cosine", max_steps=6, warmup_steps=2), 2) for step in range(6)]
        [0.33, 0.67, 1.0, 0.85, 0.5, 0.15]
    """
    step %= max_steps
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    if name == "cosine":
        return 0.5 + 0.5 * math.cos(math.pi * (step - warmup_steps) / (max_steps - warmup_steps))
    if name == "step":
        return decay ** (step // steps_per_decay)
    return 1.0


def make_schedule(
    optimizer: Optimizer,
    name: str,
    *,
    max_steps: int,
    warmup_steps: int = 0,
    decay: float = 1.0,
    steps_per_decay: int = 1,
) -> LambdaLR | None:
    """The schedule of an optimiser, stepped once a step; None where its rate never changes.

    Args:
        optimizer: at its full learning rate.
        name: one of SCHEDULES.
        max_steps: of each phase.
        warmup_steps: as `rate_factor`, like the following.
        decay: factor of the schedule step.
        steps_per_decay: how often that comes.
    """
    if name == "constant" and warmup_steps == 0:
        return None
    return LambdaLR(
        optimizer,
        lambda step: rate_factor(
            step, name, max_steps=max_steps, warmup_steps=warmup_steps, decay=decay, steps_per_decay=steps_per_decay
        ),
    )
