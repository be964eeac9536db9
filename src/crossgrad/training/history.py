"""What a loop saw."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass
class History:
    """What a loop saw: means of every logged value over stretches of steps, and over the whole of it.

    Attributes:
        steps: how many steps were done at the end of each stretch.
        values: for each name, the mean over those steps of each stretch that logged it; None where none did: another
            phase's, or batches without a label.
        first: of each name the value at the first step that logged it.
        means: over all steps that logged it.

    Example:
        >>> history = History()
        >>> history.add({"label_loss": torch.tensor(3.0)})
        >>> history.add({"label_loss": torch.tensor(1.0)})
        >>> history.close(step=2)
        {'label_loss': 2.0}
        >>> history.first, history.last
        ({'label_loss': 3.0}, {'label_loss': 2.0})
    """

    steps: list[int] = field(default_factory=list)
    values: dict[str, list[float | None]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    means: dict[str, float] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _stretch: list[dict[str, Tensor]] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Steps done at the end of the last stretch; 0 before the first."""
        return self.steps[-1] if self.steps else 0

    @property
    def last(self) -> dict[str, float]:
        """Of each name the mean over the last stretch that logged it."""
        return {name: next(v for v in reversed(values) if v is not None) for name, values in self.values.items()}

    def add(self, results: dict[str, Tensor]) -> None:
        """Take in what one step gave: detached scalars."""
        self._stretch.append(results)
        # A name that is new is read at once; all others wait on their device for the end of the stretch.
        self.first |= {name: float(value) for name, value in results.items() if name not in self.first}

    def close(self, step: int) -> dict[str, float]:
        """End the stretch with this step; returns its means."""
        means = {}
        for name in dict.fromkeys(name for results in self._stretch for name in results):
            logged = [results[name] for results in self._stretch if name in results]
            # A checkpoint's come from the CPU.
            value = float(torch.stack([each.to(logged[-1].device) for each in logged]).mean())
            means[name] = value
            self.values.setdefault(name, [None] * len(self.steps))
            self._counts[name] = self._counts.get(name, 0) + len(logged)
            before = self.means.get(name, 0.0)
            self.means[name] = before + (value - before) * len(logged) / self._counts[name]
        self._stretch.clear()
        self.steps.append(step)
        for name, values in self.values.items():
            values.append(means.get(name))
        return means

    def state_dict(self) -> dict[str, Any]:
        """All of it, the unfinished stretch included: JSON values and tensors."""
        return {
            "steps": list(self.steps),
            "values": {name: list(values) for name, values in self.values.items()},
            "first": dict(self.first),
            "means": dict(self.means),
            "counts": dict(self._counts),
            "stretch": list(self._stretch),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.steps, self.values, self.first = state["steps"], state["values"], state["first"]
        self.means, self._counts, self._stretch = state["means"], state["counts"], state["stretch"]
