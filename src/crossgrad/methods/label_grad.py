"""LabelGrad: inputs are moved along the label loss's own gradient, with no use of domains."""

from typing import final

from torch import Tensor, nn

from crossgrad._types import Batch, Inputs, Logits
from crossgrad.methods.base import (
    Method,
    accuracy,
    check_weight,
    clean_backward,
    example_losses,
    perturbation_sizes,
    state_kept,
)
from crossgrad.perturb import Norm, Reduction, Step, check_shaping, input_gradient, perturbation
from crossgrad.processes import ALONE, Processes


@final
class LabelGrad(Method):
    """Adversarial training with one gradient step, as the paper compares itself with.

    The objective is (1 - a) J_l(x) + a J_l(x + step * gradient of J_l), with the perturbation a constant.

    Args:
        label_net: from inputs to label logits.
        label_gradient_step: how far inputs are moved along the label loss's gradient: a factor, or a `Step`.
        label_weight: share of the perturbed loss, in [0, 1].
        clip: bound on each value of the input gradient, before norm and step; None for none.
        norm: what each example's input gradient is scaled to.
        reduction: "example": the gradient of each example's own loss; "mean": of the batch's mean loss.

    Raises:
        SettingsError: a value is out of range.

    Example:
        >>> import torch
        >>> method = LabelGrad(torch.nn.Linear(4, 3), label_gradient_step=0.1)
        >>> batch = Batch(torch.randn(8, 4), torch.arange(8) % 3, torch.arange(8) % 2)
        >>> losses = method.backward(batch)
        >>> bool(losses["perturbed_label_loss"] > losses["label_loss"])
        True

    Reference:
        Goodfellow et al., "Explaining and Harnessing Adversarial Examples", ICLR 2015; "LabelGrad" in Shankar et al.,
        2018. Goodfellow's sign of the gradient is norm="sign".
    """

    def __init__(
        self,
        label_net: nn.Module,
        *,
        label_gradient_step: float | str | Step = 0.3,
        label_weight: float = 0.5,
        clip: float | None = None,
        norm: Norm = "none",
        reduction: Reduction = "example",
    ) -> None:
        super().__init__()
        check_weight("label_weight", label_weight)
        check_shaping(clip=clip, norm=norm, reduction=reduction)
        self.label_net = label_net
        self.label_gradient_step = Step.parse(label_gradient_step)
        self.label_weight = label_weight
        self.clip = clip
        self.norm: Norm = norm
        self.reduction: Reduction = reduction

    @property
    def passes(self) -> float:
        return 1.0 + (self.label_weight > 0)

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        inputs, labels, _ = batch
        leaf = inputs.detach().requires_grad_(self.label_weight > 0)
        logits = self.label_net(leaf)
        losses = example_losses(logits, labels)
        (gradient,) = clean_backward(losses, leaf, weight=1 - self.label_weight)
        results = {"label_loss": losses.detach().mean(), "label_accuracy": accuracy(logits, labels)}
        if self.label_weight == 0:
            return results
        moved = self._perturbation(gradient, self.processes)
        loss = example_losses(self.label_net(inputs.detach() + moved), labels).mean()
        (self.label_weight * loss).backward()  # type: ignore[no-untyped-call]
        return results | {"perturbed_label_loss": loss.detach()} | perturbation_sizes(moved, inputs)

    def forward(self, inputs: Inputs) -> Logits:
        logits: Tensor = self.label_net(inputs)
        return logits

    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        def losses_of(inputs: Tensor) -> Tensor:
            return example_losses(self.label_net(inputs), batch.labels)

        inputs = batch.inputs.detach()
        with state_kept(self, inputs.device):
            gradient = input_gradient(losses_of, inputs)
            return {"label_perturbed": inputs + self._perturbation(gradient)}

    def _perturbation(self, gradient: Tensor, processes: Processes = ALONE) -> Tensor:
        return perturbation(
            gradient,
            self.label_gradient_step,
            clip=self.clip,
            norm=self.norm,
            reduction=self.reduction,
            processes=processes,
        )
