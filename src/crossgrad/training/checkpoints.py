"""What a training is resumed from: when checkpoints are written, which are kept, and which one is taken."""

import os
import shutil
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from crossgrad.errors import CheckpointError, CheckpointWarning, SettingsError
from crossgrad.training.checkpoint_folder import (
    delete_checkpoint,
    is_leftover,
    name_of,
    read_checkpoint,
    score_of,
    step_of,
    write_checkpoint,
)
from crossgrad.training.nested_state import separate
from crossgrad.training.stopping import EarlyStopping

CHECKPOINTS = "checkpoints"
"""Name of their folder in the folder of what a training writes."""

Resumed = Callable[[int], None]
"""Called with the step that a training goes on from."""


def nothing_resumed(step: int) -> None:
    """Where nobody asks whether a training begins or goes on."""


@runtime_checkable
class Part(Protocol):
    """Something that a training step changes."""

    def state_dict(self) -> Any: ...

    def load_state_dict(self, state: Any, /) -> Any: ...


class Checkpoints:
    """Checkpoints of one training in a folder of their own.

    A checkpoint that cannot be written (a full disk, a folder that is read-only) costs a warning, once, and no more:
    training goes on, and the last good checkpoint stays.

    Args:
        folder: made when the first is written.
        identity: what determines the training, JSON; a checkpoint of another one is refused.
        every_steps: write one every so many steps; None: by time alone.
        every_seconds: and when so many seconds have passed since the last one; None: by steps alone.
        keep: so many of the last ones are kept, at least 1, and the best one beside them: the first with the highest
            score, where the training is measured as it goes (`EarlyStopping`).

    Raises:
        SettingsError: every_steps or keep is below 1, or every_seconds is not above 0.

    Example:
        >>> import tempfile, torch
        >>> net, other = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Checkpoints(Path(folder), identity={"seed": 0}, every_steps=10).write_if_due(10, {"net": net})
        ...     Checkpoints(Path(folder), identity={"seed": 0}).restore({"net": other})
        10
        >>> torch.equal(net.weight, other.weight)
        True
    """

    def __init__(
        self,
        folder: Path,
        *,
        identity: Mapping[str, Any],
        every_steps: int | None = None,
        every_seconds: float | None = 60.0,
        keep: int = 2,
    ) -> None:
        for name, value in (("every_steps", every_steps), ("keep", keep)):
            if value is not None and value < 1:
                raise SettingsError(f"{name} of checkpoints is at least 1, not {value!r}")
        if every_seconds is not None and not every_seconds > 0:
            raise SettingsError(f"every_seconds of checkpoints is above 0, not {every_seconds!r}")
        self.folder, self.identity = folder, identity
        self.every_steps, self.every_seconds, self.keep = every_steps, every_seconds, keep
        self._written_at = time.monotonic()
        self._has_warned = False

    @property
    def steps(self) -> list[int]:
        """Steps that there are checkpoints of, the last one last."""
        if not self.folder.is_dir():
            return []
        return sorted(step for path in self.folder.iterdir() if (step := step_of(path)) is not None)

    @property
    def strangers(self) -> list[Path]:
        """What is in the place of their folder and is none of them: somebody's own."""
        if not self.folder.is_dir():
            return [self.folder] if os.path.lexists(self.folder) else []
        return [path for path in self.folder.iterdir() if step_of(path) is None and not is_leftover(path)]

    def restore(self, parts: Mapping[str, Part]) -> int:
        """Load the last checkpoint into the parts.

        Returns:
            Its step; 0 where there is none.

        Raises:
            CheckpointError: it is truncated, altered, of another training or of a newer version. Says from which one
                before it training can go on, and how; the parts are as they were. Or a part does not take its state;
                parts before it have theirs then.
            TypeError: the state of a part holds what no checkpoint can hold.
        """
        self._written_at = time.monotonic()
        try:
            self._delete_leftovers()
            steps = self.steps
        except OSError as error:
            raise CheckpointError(f"cannot read {str(self.folder)!r}: {error.strerror}") from error
        if not steps:
            separate({name: part.state_dict() for name, part in parts.items()})  # refused before the work, not in it
            return 0
        *before, step = steps
        folder = self.folder / name_of(step)
        try:
            state = self._read(step, parts)
        except CheckpointError as error:
            raise CheckpointError(f"{error}; {self._way_out(before, parts)}") from error
        try:
            for name, part in parts.items():
                part.load_state_dict(state[name])
        except (ArithmeticError, RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{str(folder)!r} does not fit this training: {error}") from error
        return step

    def write_if_due(self, step: int, parts: Mapping[str, Part]) -> None:
        """Write a checkpoint if steps or seconds ask for one."""
        seconds = time.monotonic() - self._written_at
        is_due = (self.every_steps and step % self.every_steps == 0) or (
            self.every_seconds and seconds >= self.every_seconds
        )
        if is_due:
            self.write(step, parts)

    def write(self, step: int, parts: Mapping[str, Part]) -> None:
        """Write a checkpoint; those that are not to be kept go when it is in its place."""
        scores = [part.best for part in parts.values() if isinstance(part, EarlyStopping)]
        try:
            write_checkpoint(
                self.folder / name_of(step),
                step=step,
                score=scores[0] if scores else None,
                identity=self.identity,
                state={name: part.state_dict() for name, part in parts.items()},
            )
            for number in self._superfluous():
                delete_checkpoint(self.folder / name_of(number))
        except OSError as error:
            self._warn(error)
        self._written_at = time.monotonic()

    def remove(self) -> None:
        """Delete all, the last one first: a stop in between leaves one to go on from.

        What cannot be deleted stays, and so does what is no checkpoint.
        """
        with suppress(OSError):
            for step in reversed(self.steps):
                delete_checkpoint(self.folder / name_of(step))
        with suppress(OSError):
            self._delete_leftovers()
            self.folder.rmdir()  # unless something else is in it

    def _delete_leftovers(self) -> None:
        for path in filter(is_leftover, self.folder.iterdir() if self.folder.is_dir() else ()):
            shutil.rmtree(path, ignore_errors=True)

    def _read(self, step: int, parts: Mapping[str, Part]) -> dict[str, Any]:
        folder = self.folder / name_of(step)
        state = read_checkpoint(folder, identity=self.identity)
        if set(state) != set(parts):
            raise CheckpointError(
                f"{str(folder)!r} is of another training: it holds {', '.join(sorted(map(str, state)))}, and what is "
                f"trained has {', '.join(sorted(parts))}"
            )
        return state

    def _way_out(self, before: Sequence[int], parts: Mapping[str, Part]) -> str:
        for step in reversed(before):
            try:
                self._read(step, parts)
            except CheckpointError:
                continue
            later = [str(self.folder / name_of(number)) for number in self.steps if number > step]
            return f"delete {' and '.join(map(repr, later))} to go on from step {step}, whose checkpoint is good"
        return f"no other checkpoint can be used; delete {str(self.folder)!r} to start afresh"

    def _superfluous(self) -> list[int]:
        steps = self.steps
        scores = {step: score for step in steps if (score := score_of(self.folder / name_of(step))) is not None}
        best = max(scores, key=lambda step: (scores[step], -step), default=None)
        return [step for step in steps[: -self.keep] if step != best]

    def _warn(self, error: OSError) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        try:
            steps = self.steps
            what_there_is = f"the last one is of step {steps[-1]}" if steps else "there is none to go on from"
        except OSError:
            what_there_is = "which ones are there cannot be seen"
        warnings.warn(
            f"cannot write a checkpoint to {str(self.folder)!r} ({error.strerror}); training goes on, {what_there_is}",
            CheckpointWarning,
            stacklevel=2,
        )
