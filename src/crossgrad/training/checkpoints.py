"""What a training is resumed from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Part(Protocol):
    """Something that a training step changes."""

    def state_dict(self) -> Any: ...

    def load_state_dict(self, state: Any, /) -> Any: ...


class Checkpoints:
    """Checkpoints of one training in a folder of their own.

    Args:
        folder: made when the first is written.
        identity: what determines the training, JSON; a checkpoint of another one is refused.
        every_steps: write one every so many steps; None: by time alone.
        every_seconds: and when so many seconds have passed since the last one; None: by steps alone.
        keep: so many of the last ones are kept, at least 1, and the best one beside them.
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
        self.folder, self.identity = folder, identity
        self.every_steps, self.every_seconds, self.keep = every_steps, every_seconds, keep

    def restore(self, parts: Mapping[str, Part]) -> int:
        """Load the last checkpoint into the parts; returns its step, 0 where there is none."""
        return 0

    def write_if_due(self, step: int, parts: Mapping[str, Part]) -> None:
        """Write a checkpoint if steps or seconds ask for one."""
