"""Ending a training when it no longer gets better."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from crossgrad.methods import Method
from crossgrad.training.averaging import WeightAverage


class EarlyStopping:
    """Measures a method every so many steps, and ends its training when that has not become better for a while.

    Args:
        score: of a method, higher is better; the modes of its nets are left as they are.
        every: steps between two measurements, at least 1.
        patience: measurements in a row that are no better than the best before them, at least 1, that end the training.

    Attributes:
        best: the highest score so far; None before the first.
        best_step: when it was reached.
        is_over: whether the training is to end.
    """

    def __init__(self, score: Callable[[Method], float], *, every: int, patience: int) -> None:
        self.score, self.every, self.patience = score, every, patience
        self.best: float | None = None
        self.best_step = 0
        self.is_over = False
        self._waited = 0
        self._weights: dict[str, Tensor] = {}

    def judge(self, method: Method, step: int, *, average: WeightAverage | None) -> None:
        """Measure the method, by its averaged weights where there is an average, if the step asks for it."""

    def restore(self, method: Method) -> None:
        """Give the method the weights that were best."""

    def state_dict(self) -> dict[str, Any]:
        """Everything but the options."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
