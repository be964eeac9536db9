"""An average of the weights over the steps of a training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage:
    """The exponential moving average of a module's parameters and floating point buffers.

    While there are few steps to average over, old ones have a smaller share than `decay`: (1 + n) / (10 + n) after n
    steps, so that the first weights, which are random, do not stay in the average of a short training.

    Buffers are averaged as the weights are: batch statistics belong to the weights that they were measured under. A
    calibrated step's running norm is averaged too, which changes nothing but what such a method would add to inputs
    after its training. Whole numbers, which count, are the last ones.

    Args:
        decay: share of the old average in the new one, in (0, 1).

    Example:
        >>> net = nn.Linear(1, 1, bias=False)
        >>> average = WeightAverage(0.5)
        >>> for value in (1.0, 2.0, 2.0):
        ...     _ = net.weight.data.fill_(value)
        ...     average.update(net)
        >>> with average.applied(net):
        ...     round(net.weight.item(), 4)  # shares of 2/11 and 3/12 for what was before the second and the third step
        1.9545
        >>> net.weight.item()
        2.0

    Reference:
        Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; the smaller first shares are
        those of TensorFlow's tf.train.ExponentialMovingAverage with num_updates.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._n_steps = 0
        self._average: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the module's values after a step."""
        values = _values(module)
        if not self._average:
            self._average = {name: value.clone() for name, value in values.items()}
        # A checkpoint's come from the CPU.
        self._average = {name: average.to(values[name].device) for name, average in self._average.items()}
        share = min(self.decay, (1 + self._n_steps) / (10 + self._n_steps))
        self._n_steps += 1
        floating = [name for name, value in values.items() if value.is_floating_point()]
        ours, theirs = ([each[name] for name in floating] for each in (self._average, values))
        get_ema_multi_avg_fn(share)(ours, theirs, 0)  # type: ignore[no-untyped-call]
        for name in values.keys() - floating:
            self._average[name].copy_(values[name])

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Give the module the averages."""
        for name, value in _values(module).items():
            value.copy_(self._average[name])

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[None]:
        """The module has the averages for a while."""
        kept = {name: value.clone() for name, value in _values(module).items()}
        self.copy_to(module)
        try:
            yield
        finally:
            for name, value in _values(module).items():
                value.copy_(kept[name])

    def state_dict(self) -> dict[str, Any]:
        """The averages by name, and over how many steps they are."""
        return {"n_steps": self._n_steps, "average": dict(self._average)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._n_steps, self._average = state["n_steps"], dict(state["average"])


def _values(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, detached but not copied."""
    return {name: value.detach() for name, value in (*module.named_parameters(), *module.named_buffers())}
