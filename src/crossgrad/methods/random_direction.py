"""RandomDirection: inputs are moved as far as CrossGrad would move them, in no direction in particular. A control."""

from typing import ClassVar, final

import torch
from torch import Tensor, nn

from crossgrad._types import Batch, Inputs, Logits
from crossgrad.methods.base import (
    Method,
    accuracy,
    check_apart,
    check_weight,
    clean_backward,
    example_losses,
    label_losses,
    measured,
    n_labelled,
    perturbation_sizes,
    state_kept,
)
from crossgrad.perturb import (
    Norm,
    Reduction,
    Step,
    check_shaping,
    example_norms,
    input_gradient,
    mean_over,
    perturbation,
    shape_gradient,
)
from crossgrad.processes import ALONE, Processes


@final
class RandomDirection(Method):
    """Training also on inputs moved along random directions, each as long as CrossGrad's perturbation of that input.

    A domain net is trained on clean inputs beside the label net, and its loss's input gradient says how far every
    input would be moved (L2); the direction is drawn anew, evenly over all directions. What a CrossGrad without
    `condition` and with a `domain_weight` of 0 gains over this is the worth of the domain gradient's direction; what
    any other gains is that of its domain features or its domain side too. What this gains over ERM is the worth of
    noise of that length.

    Args:
        label_net: from inputs to label logits.
        domain_net: from inputs to domain logits; only lengths are taken from it.
        domain_gradient_step: as CrossGrad's: a factor on the gradient, or a `Step`.
        label_weight: share of the perturbed loss in the label net's objective, in [0, 1].
        clip: bound on each value of the input gradient, before norm and step; None for none.
        norm: what each example's input gradient is scaled to.
        reduction: "example": the gradient of each example's own loss; "mean": of the batch's mean loss.

    Raises:
        SettingsError: a value is out of range.

    Example:
        >>> method = RandomDirection(nn.Linear(4, 3), nn.Linear(4, 2))
        >>> batch = Batch(torch.randn(8, 4), torch.arange(8) % 3, torch.arange(8) % 2)
        >>> losses = method.backward(batch)
        >>> bool(losses["perturbation_l2"] > 0)
        True

    Reference:
        A control of ours; the paper has none.
    """

    TAKES_UNLABELLED: ClassVar[bool] = True

    def __init__(
        self,
        label_net: nn.Module,
        domain_net: nn.Module,
        *,
        domain_gradient_step: float | str | Step = 0.3,
        label_weight: float = 0.5,
        clip: float | None = None,
        norm: Norm = "none",
        reduction: Reduction = "example",
    ) -> None:
        super().__init__()
        check_apart(label_net, domain_net)
        check_weight("label_weight", label_weight)
        check_shaping(clip=clip, norm=norm, reduction=reduction)
        self.label_net = label_net
        self.domain_net = domain_net
        self.domain_gradient_step = Step.parse(domain_gradient_step)
        self.label_weight = label_weight
        self.clip = clip
        self.norm: Norm = norm
        self.reduction: Reduction = reduction

    @property
    def passes(self) -> float:
        label_pass = 1.0 if self.label_weight < 1 else 1 / 3  # of no share, it goes forward alone
        return 1.0 + label_pass + (self.label_weight > 0)

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        inputs, labels, domains = batch.inputs.detach(), batch.labels, batch.domains
        leaf = inputs.detach().requires_grad_(self.label_weight > 0)
        domain_logits = self.domain_net(leaf)
        domain_losses = example_losses(domain_logits, domains)
        (gradient,) = clean_backward(domain_losses, leaf, weight=1)
        label_logits = self.label_net(inputs)
        of_labels, n = label_losses(label_logits, labels), n_labelled(labels, self.processes)
        clean_backward(of_labels, weight=1 - self.label_weight, n=n)
        results = {
            "label_loss": mean_over(of_labels.detach(), n),
            "domain_loss": domain_losses.detach().mean(),
            "label_accuracy": accuracy(label_logits, labels, n),
            "domain_accuracy": accuracy(domain_logits, domains),
        }
        if self.label_weight > 0:
            added = self._perturbation(gradient, self.processes)
            loss = mean_over(label_losses(self.label_net(inputs + added), labels), n)
            (self.label_weight * loss).backward()  # type: ignore[no-untyped-call]
            results["perturbed_label_loss"] = loss.detach()
            results |= perturbation_sizes(added, inputs)
        return measured(results, n)

    def forward(self, inputs: Inputs) -> Logits:
        logits: Tensor = self.label_net(inputs)
        return logits

    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        def losses_of(inputs: Tensor) -> Tensor:
            return example_losses(self.domain_net(inputs), batch.domains)

        inputs = batch.inputs.detach()
        with state_kept(self, inputs.device):
            gradient = input_gradient(losses_of, inputs)
            with torch.no_grad():
                self.label_net(inputs)  # whose dropout masks come before the directions in `backward`
            return {"domain_perturbed": inputs + self._perturbation(gradient)}

    def _perturbation(self, gradient: Tensor, processes: Processes = ALONE) -> Tensor:
        """From each example's own input gradient to a random vector as long as CrossGrad's perturbation; a constant."""
        along = perturbation(
            gradient,
            self.domain_gradient_step,
            clip=self.clip,
            norm=self.norm,
            reduction=self.reduction,
            processes=processes,
        )
        direction = shape_gradient(torch.randn_like(along), norm="l2")
        return direction * example_norms(along, "l2").reshape(-1, *[1] * (along.ndim - 1))
