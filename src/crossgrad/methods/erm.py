"""ERM: plain training on all domains pooled, the paper's baseline."""

from typing import final

from torch import Tensor, nn

from crossgrad._types import Batch, Inputs, Logits
from crossgrad.methods.base import Method, accuracy, example_losses


@final
class ERM(Method):
    """Empirical risk minimisation: the mean cross-entropy of the label net over the batch.

    Args:
        label_net: from inputs to label logits.

    Example:
        >>> import torch
        >>> method = ERM(torch.nn.Linear(4, 3))
        >>> batch = Batch(torch.randn(8, 4), torch.arange(8) % 3, torch.arange(8) % 2)
        >>> sorted(method.backward(batch))
        ['label_accuracy', 'label_loss']

    Reference:
        Vapnik, "Principles of Risk Minimization for Learning Theory", NIPS 1991; "Baseline" in Shankar et al., 2018.
    """

    def __init__(self, label_net: nn.Module) -> None:
        super().__init__()
        self.label_net = label_net

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        logits = self.label_net(batch.inputs.detach())
        loss = example_losses(logits, batch.labels).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return {"label_loss": loss.detach(), "label_accuracy": accuracy(logits, batch.labels)}

    def forward(self, inputs: Inputs) -> Logits:
        logits: Tensor = self.label_net(inputs)
        return logits

    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        return {}
