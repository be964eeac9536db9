"""Ending a training when it no longer gets better."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from torch import Tensor

from crossgrad.methods import Method
from crossgrad.training.averaging import WeightAverage


class EarlyStopping:
    """Measures a method every so many steps, and ends its training when that has not become better for a while.

    Of a method of several phases only the last is judged: what the others train labels nothing yet.

    Args:
        score: of a method, higher is better; the modes of its nets are left as they are.
        every: steps between two measurements, at least 1.
        patience: measurements in a row that are no better than the best before them, at least 1, that end the training.

    Attributes:
        best: the highest score so far; None before the first.
        best_step: when it was reached.
        is_over: whether the training is to end.

    Example:
        >>> from torch import nn
        >>> from crossgrad.methods import ERM
        >>> method, scores = ERM(nn.Linear(1, 2)), iter([0.5, 0.7, 0.7, 0.6])
        >>> stopping = EarlyStopping(lambda method: next(scores), every=10, patience=2)
        >>> for step in (10, 20, 30, 40):
        ...     stopping.judge(method, step, average=None)
        >>> stopping.best, stopping.best_step, stopping.is_over
        (0.7, 20, True)
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
        if step % self.every or method.phase < method.N_PHASES - 1:
            return
        with average.applied(method) if average else nullcontext():
            score = self.score(method)
            if self.best is None or score > self.best:
                self.best, self.best_step, self._waited = score, step, 0
                self._weights = {name: value.clone() for name, value in method.state_dict().items()}
            else:
                self._waited += 1
        self.is_over = self._waited >= self.patience

    def restore(self, method: Method) -> None:
        """Give the method the weights that were best; its own, where a training ended before the first measurement."""
        if self._weights:
            method.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the options."""
        return {
            "best": self.best,
            "best_step": self.best_step,
            "is_over": self.is_over,
            "waited": self._waited,
            "weights": dict(self._weights),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.best, self.best_step, self.is_over = state["best"], state["best_step"], state["is_over"]
        self._waited, self._weights = state["waited"], dict(state["weights"])
