"""Bounds on the parameters' gradients."""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class GradientClip:
    """Bounds a module's gradients before the optimiser's step, first each value, then the norm of them all.

    These are the gradients of parameters; a method's own field `clip` bounds those of inputs. The norm is one for all
    nets of a method together.

    Args:
        value: bound on each value's size, positive; None for none.
        norm: bound on the L2 norm of all values, positive; None for none.

    Example:
        >>> import torch
        >>> net = nn.Linear(2, 1, bias=False)
        >>> net(torch.tensor([[3.0, 4.0]])).backward()
        >>> GradientClip(norm=1.0)(net)
        >>> net.weight.grad
        tensor([[0.6000, 0.8000]])
    """

    value: float | None = None
    norm: float | None = None

    def __call__(self, module: nn.Module) -> None:
        if self.value is not None:
            nn.utils.clip_grad_value_(module.parameters(), self.value)
        if self.norm is not None:
            nn.utils.clip_grad_norm_(module.parameters(), self.norm)
