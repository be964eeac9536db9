"""An average of the weights over the steps of a training."""

from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """The exponential moving average of a module's parameters.

    Args:
        decay: share of the old average in the new one, in (0, 1).
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._average: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the module's parameters after a step."""
        for name, value in module.named_parameters():
            if name in self._average:
                self._average[name].lerp_(value, 1 - self.decay)
            else:
                self._average[name] = value.clone()

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Give the module the averages."""
        for name, value in module.named_parameters():
            value.copy_(self._average[name])

    def state_dict(self) -> dict[str, Any]:
        """The averages by name."""
        return dict(self._average)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._average = dict(state)
