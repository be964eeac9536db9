"""Repeat: the same batch twice. A control: what a second look alone is worth."""

from typing import final

from torch import Tensor, nn

from crossgrad._types import Batch, Inputs, Logits
from crossgrad.methods.base import Method, accuracy, check_weight, example_losses


@final
class Repeat(Method):
    """Training on every batch twice in a step, under other dropout masks: CrossGrad with a step of zero.

    The objective is (1 - a) J_l(x) + a J_l(x). Without dropout and batch statistics the two are the same, and the
    method is ERM.

    Args:
        label_net: from inputs to label logits.
        label_weight: share of the second loss, in [0, 1].

    Raises:
        SettingsError: a value is out of range.

    Example:
        >>> import torch
        >>> method = Repeat(torch.nn.Linear(4, 3))
        >>> batch = Batch(torch.randn(8, 4), torch.arange(8) % 3, torch.arange(8) % 2)
        >>> sorted(method.backward(batch))
        ['label_accuracy', 'label_loss', 'perturbed_label_loss']

    Reference:
        A control of ours; the paper has none.
    """

    def __init__(self, label_net: nn.Module, *, label_weight: float = 0.5) -> None:
        super().__init__()
        check_weight("label_weight", label_weight)
        self.label_net = label_net
        self.label_weight = label_weight

    @property
    def passes(self) -> float:
        return 2.0

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        inputs = batch.inputs.detach()
        results: dict[str, Tensor] = {}
        for name, weight in (("label_loss", 1 - self.label_weight), ("perturbed_label_loss", self.label_weight)):
            logits = self.label_net(inputs)
            loss = example_losses(logits, batch.labels).mean()
            (weight * loss).backward()  # type: ignore[no-untyped-call]
            results[name] = loss.detach()
            results.setdefault("label_accuracy", accuracy(logits, batch.labels))
        return results

    def forward(self, inputs: Inputs) -> Logits:
        logits: Tensor = self.label_net(inputs)
        return logits

    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        return {}
