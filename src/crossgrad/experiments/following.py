"""Who follows runs while they train, wherever they do."""

import warnings
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from crossgrad.errors import TrainingWarning
from crossgrad.experiments.runs import Run
from crossgrad.records import Record
from crossgrad.training import Stretch

Planned = TypeVar("Planned", contravariant=True)


@runtime_checkable
class FollowerOf(Protocol[Planned]):
    """Who follows runs that were planned together, as a comparison or a sweep; the command line's draws a bar."""

    def plan(self, planned: Planned, to_do: Sequence[Run], /) -> None:
        """The folder is ready, and these of the runs are not done yet; training starts."""

    def advance(self, run: Run, stretch: Stretch) -> None:
        """A run has done some more steps."""

    def finish(self, record: Record) -> None:
        """A run has ended, well or with an error."""


class Nobody:
    """The follower of runs that nobody follows."""

    def plan(self, planned: object, to_do: Sequence[Run], /) -> None: ...

    def advance(self, run: Run, stretch: Stretch) -> None: ...

    def finish(self, record: Record) -> None: ...


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
