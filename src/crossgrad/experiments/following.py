"""Who follows runs while they train, wherever they do."""

from collections.abc import Callable

from crossgrad.experiments.runs import Run
from crossgrad.training import Stretch

Follow = Callable[[Run, Stretch], None]
"""Called at the end of every stretch of a run's steps."""


def follow_nothing(run: Run, stretch: Stretch) -> None:
    """Where nobody follows the runs."""
