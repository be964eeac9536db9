"""Who follows runs while they train, wherever they do."""

import warnings
from collections.abc import Callable

from crossgrad.errors import TrainingWarning
from crossgrad.experiments.runs import Run
from crossgrad.training import Stretch

Follow = Callable[[Run, Stretch], None]
"""Called at the end of every stretch of a run's steps."""


def warning(follow: Follow) -> Follow:
    """A follow that also gives what is wrong with a run as a Python warning, a TrainingWarning."""

    def followed(run: Run, stretch: Stretch) -> None:
        for sentence in stretch.warnings.values():
            which = f"{run.method}, held out {', '.join(run.held_out) or 'nothing'}, seed {run.seed}"
            warnings.warn(f"{which}: {sentence}", TrainingWarning, stacklevel=2)
        follow(run, stretch)

    return followed


def follow_nothing(run: Run, stretch: Stretch) -> None:
    """Where nobody follows the runs."""
