"""RMSprop as TensorFlow 1 has it, which is not torch's."""

from collections.abc import Callable, Iterable
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer


@final
class RMSpropTF(Optimizer):
    """RMSprop in the form of tf.compat.v1.train.RMSPropOptimizer, at the values of the paper's code by default.

    For a gradient g: mean_square = decay * mean_square + (1 - decay) * g², update = momentum * update +
    learning_rate * g / sqrt(mean_square + epsilon), parameter -= update. It differs from torch.optim.RMSprop in three
    ways: epsilon is inside the root; the mean square starts at one, not at zero, so that first steps are no larger than
    later ones; the learning rate is inside the momentum, so that a new rate does not change what has gathered. With
    epsilon 1 and gradients well below 1 the root is about 1, and this is SGD with momentum.

    Args:
        params: to be optimised, or groups of them.
        lr: learning rate, positive.
        decay: of the mean square, in [0, 1).
        momentum: share of the last update in the next, in [0, 1).
        epsilon: added to the mean square under the root, positive.
        weight_decay: times the parameter, added to its gradient; at least 0. The paper's code has it in the loss, so
            before its gradients are clipped; here it comes after.

    Example:
        >>> weight = Parameter(torch.tensor([1.0]))
        >>> optimizer = RMSpropTF([weight], lr=0.1, momentum=0.0, epsilon=1.0)
        >>> weight.square().sum().backward()
        >>> optimizer.step()
        >>> weight.item()  # 1 - 0.1 * 2 / sqrt(0.9 * 1 + 0.1 * 4 + 1)
        0.868...

    Reference:
        Tieleman and Hinton, Lecture 6.5 of "Neural Networks for Machine Learning", 2012; tensorflow/python/training/
        rmsprop.py for the form; train_image_classifier.py and lenet_run.sh of github.com/vihari/crossgrad for the
        values.
    """

    def __init__(
        self,
        params: Iterable[Parameter] | Iterable[dict[str, Any]],
        lr: float = 0.02,
        *,
        decay: float = 0.9,
        momentum: float = 0.9,
        epsilon: float = 1.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "decay": decay, "momentum": momentum, "epsilon": epsilon, "weight_decay": weight_decay},
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient.

        Args:
            closure: computes the loss and the gradients again.

        Returns:
            What the closure gave.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Parameter, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["mean_square"] = torch.ones_like(parameter)
            state["update"] = torch.zeros_like(parameter)
        if group["weight_decay"]:
            gradient = torch.add(gradient, parameter, alpha=group["weight_decay"])
        state["mean_square"].mul_(group["decay"]).addcmul_(gradient, gradient, value=1 - group["decay"])
        root = state["mean_square"].add(group["epsilon"]).sqrt_()
        state["update"].mul_(group["momentum"]).addcdiv_(gradient, root, value=group["lr"])
        parameter.sub_(state["update"])
