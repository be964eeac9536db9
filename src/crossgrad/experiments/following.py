"""Who follows runs while they train, wherever they do."""

from collections.abc import Callable

from crossgrad.experiments.runs import Run

Follow = Callable[[Run, int, dict[str, float]], None]
"""Called with a run, the number of its steps done, and the means of the values it logs."""


def follow_nothing(run: Run, step: int, values: dict[str, float]) -> None:
    """Where nobody follows the runs."""
