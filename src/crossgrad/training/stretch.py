"""What a loop tells of a stretch of its steps, and the clock that times it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

Waited = TypeVar("Waited")


@dataclass(frozen=True)
class Stretch:
    """Some steps of a training, one after another.

    Args:
        start: how many steps were done before it.
        step: how many steps were done at its end.
        means: of every logged value over its steps.
        seconds: that it took, in the process that says so.
        waiting_seconds: how long of these the loop waited for batches.
        n_examples: of the steps that were done in these seconds; all processes' together.
        learning_rate: of its last step, for the optimiser's first group of parameters.
        warnings: what this stretch is the first to show of what goes wrong; sentences, by the names of the troubles.

    Example:
        >>> stretch = Stretch(
        ...     start=0, step=10, means={}, seconds=2.0, waiting_seconds=0.5, n_examples=640, learning_rate=0.1
        ... )
        >>> stretch.examples_per_second
        320.0
    """

    start: int
    step: int
    means: dict[str, float]
    seconds: float
    waiting_seconds: float
    n_examples: int
    learning_rate: float
    warnings: dict[str, str] = field(default_factory=dict)

    @property
    def examples_per_second(self) -> float:
        """Over its seconds."""
        return self.n_examples / max(self.seconds, 1e-9)  # a clock may stand still for a very short stretch


Watch = Callable[[Stretch], None]
"""Called at the end of every stretch."""


def watch_nothing(stretch: Stretch) -> None:
    """The watch of a loop that nobody watches."""


class Clock:
    """Times the stretches of a loop, and in them the waiting for batches.

    Args:
        batch_size: examples a step.
        start: steps done before the first stretch.
    """

    def __init__(self, batch_size: int, *, start: int) -> None:
        self._batch_size = batch_size
        self._begin(start)

    def _begin(self, start: int) -> None:
        self._start = start
        self._began = time.perf_counter()
        self._waited, self._n_steps = 0.0, 0

    def wait_for(self, get: Callable[[], Waited]) -> Waited:
        """What `get` gives, a step's batch; the time that it takes counts as waiting."""
        began = time.perf_counter()
        batch = get()
        self._waited += time.perf_counter() - began
        self._n_steps += 1
        return batch

    def close(self, step: int, means: dict[str, float], *, learning_rate: float) -> Stretch:
        """End the stretch with this step; the next one begins."""
        stretch = Stretch(
            start=self._start,
            step=step,
            means=means,
            seconds=time.perf_counter() - self._began,
            waiting_seconds=self._waited,
            n_examples=self._n_steps * self._batch_size,
            learning_rate=float(learning_rate),
        )
        self._begin(step)
        return stretch
