"""Hybrid: LabelGrad and CrossGrad in one algorithm, which the paper leaves for future work."""

from typing import ClassVar, Literal, final, get_args

import torch
from torch import Tensor, nn

from crossgrad._types import Batch, Inputs, Logits
from crossgrad.errors import SettingsError
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
from crossgrad.perturb import Norm, Reduction, Step, check_shaping, input_gradient, mean_over, perturbation
from crossgrad.processes import ALONE, Processes

Design = Literal["sum", "either", "both"]
"""How the label net's inputs are moved: along both gradients at once, along one of them drawn for each example, or
along each of them in a pass of its own."""


@final
class Hybrid(Method):
    """CrossGrad whose label net is also trained on inputs moved along its own loss's gradient.

    With d = domain_gradient_step * gradient of J_d and l = label_gradient_step * gradient of J_l, the label net
    descends (1 - label_weight) J_l(x) + label_weight P, where P is, by design,

    - "sum": J_l(x + d + l);
    - "either": J_l(x + d) or J_l(x + l), each with probability 1/2, drawn for every example;
    - "both": (J_l(x + d) + J_l(x + l)) / 2, one pass more.

    The domain net is trained as CrossGrad's.

    Args:
        label_net: from inputs to label logits.
        domain_net: from inputs to domain logits.
        design: one of the three.
        domain_gradient_step: how far inputs are moved along the domain loss's gradient: a factor, or a `Step`.
        label_gradient_step: how far they are moved along the label loss's, for either net.
        label_weight: share of the perturbed losses in the label net's objective, in [0, 1].
        domain_weight: share of the perturbed loss in the domain net's objective, in [0, 1].
        clip: bound on each value of an input gradient, before norm and step; None for none.
        norm: what each example's input gradient is scaled to.
        reduction: "example": the gradient of each example's own loss; "mean": of the batch's mean loss.

    Raises:
        SettingsError: a value is out of range.

    Example:
        >>> method = Hybrid(nn.Linear(4, 3), nn.Linear(4, 2), design="both")
        >>> batch = Batch(torch.randn(8, 4), torch.arange(8) % 3, torch.arange(8) % 2)
        >>> sorted(method.backward(batch))  # doctest: +NORMALIZE_WHITESPACE
        ['domain_accuracy', 'domain_loss', 'input_l2', 'label_accuracy', 'label_loss', 'perturbation_l2',
         'perturbation_linf', 'perturbed_domain_loss', 'perturbed_label_loss']

    Reference:
        Shankar et al., 2018, section 5: "an algorithm that combines the two". The designs are ours.
    """

    TAKES_UNLABELLED: ClassVar[bool] = True

    def __init__(
        self,
        label_net: nn.Module,
        domain_net: nn.Module,
        *,
        design: Design = "either",
        domain_gradient_step: float | str | Step = 0.3,
        label_gradient_step: float | str | Step = 0.3,
        label_weight: float = 0.5,
        domain_weight: float = 0.5,
        clip: float | None = None,
        norm: Norm = "none",
        reduction: Reduction = "example",
    ) -> None:
        super().__init__()
        if design not in get_args(Design):
            raise SettingsError(f"design is one of {', '.join(get_args(Design))}, not {design!r}")
        check_apart(label_net, domain_net)
        check_weight("label_weight", label_weight)
        check_weight("domain_weight", domain_weight)
        check_shaping(clip=clip, norm=norm, reduction=reduction)
        self.label_net = label_net
        self.domain_net = domain_net
        self.design: Design = design
        self.domain_gradient_step = Step.parse(domain_gradient_step)
        self.label_gradient_step = Step.parse(label_gradient_step)
        self.label_weight = label_weight
        self.domain_weight = domain_weight
        self.clip = clip
        self.norm: Norm = norm
        self.reduction: Reduction = reduction

    @property
    def passes(self) -> float:
        perturbed = 0 if self.label_weight == 0 else 2 if self.design == "both" else 1
        # The label net's clean pass always goes back: for its share of the objective, or for an input gradient.
        domain_pass = 1.0 if self.label_weight > 0 or self.domain_weight < 1 else 1 / 3
        return domain_pass + 1.0 + perturbed + (self.domain_weight > 0)

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        inputs, labels, domains = batch.inputs.detach(), batch.labels, batch.domains
        moves_label_input, moves_domain_input = self.label_weight > 0, self.domain_weight > 0
        domain_leaf = inputs.detach().requires_grad_(moves_label_input)
        domain_logits = self.domain_net(domain_leaf)
        domain_losses = example_losses(domain_logits, domains)
        (domain_gradient,) = clean_backward(domain_losses, domain_leaf, weight=1 - self.domain_weight)
        label_leaf = inputs.detach().requires_grad_(moves_label_input or moves_domain_input)
        label_logits = self.label_net(label_leaf)
        of_labels = label_losses(label_logits, labels)
        n = n_labelled(labels, self.processes)
        (label_gradient,) = clean_backward(of_labels, label_leaf, weight=1 - self.label_weight, n=n)
        results = {
            "label_loss": mean_over(of_labels.detach(), n),
            "domain_loss": domain_losses.detach().mean(),
            "label_accuracy": accuracy(label_logits, labels, n),
            "domain_accuracy": accuracy(domain_logits, domains),
        }
        if not (moves_label_input or moves_domain_input):
            return measured(results, n)

        along_label = self._perturbation(label_gradient, self.label_gradient_step, self.processes, n)
        if moves_label_input:
            along_domain = self._perturbation(domain_gradient, self.domain_gradient_step, self.processes)
            added = self._combined(along_domain, along_label)
            losses = []
            for each in added:
                loss = mean_over(label_losses(self.label_net(inputs + each), labels), n)
                (self.label_weight / len(added) * loss).backward()  # type: ignore[no-untyped-call]
                losses.append(loss.detach())
            results["perturbed_label_loss"] = torch.stack(losses).mean()
            results |= perturbation_sizes(torch.cat(added), torch.cat([inputs] * len(added)))
        if moves_domain_input:
            loss = example_losses(self.domain_net(inputs + along_label), domains).mean()
            (self.domain_weight * loss).backward()  # type: ignore[no-untyped-call]
            results["perturbed_domain_loss"] = loss.detach()
        return measured(results, n)

    def forward(self, inputs: Inputs) -> Logits:
        logits: Tensor = self.label_net(inputs)
        return logits

    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        def domain_losses_of(inputs: Tensor) -> Tensor:
            return example_losses(self.domain_net(inputs), batch.domains)

        def label_losses_of(inputs: Tensor) -> Tensor:
            return label_losses(self.label_net(inputs), batch.labels)

        inputs = batch.inputs.detach()
        with state_kept(self, inputs.device):
            domain_gradient = input_gradient(domain_losses_of, inputs)
            label_gradient = input_gradient(label_losses_of, inputs)
            along_label = self._perturbation(label_gradient, self.label_gradient_step, n=n_labelled(batch.labels))
            along_domain = self._perturbation(domain_gradient, self.domain_gradient_step)
            first = self._combined(along_domain, along_label)[0]
            return {"domain_perturbed": inputs + first, "label_perturbed": inputs + along_label}

    def _combined(self, along_domain: Tensor, along_label: Tensor) -> list[Tensor]:
        """What is added to the label net's inputs, one for each pass."""
        if self.design == "sum":
            return [along_domain + along_label]
        if self.design == "both":
            return [along_domain, along_label]
        takes_domain = torch.rand(len(along_domain), device=along_domain.device) < 0.5
        return [torch.where(takes_domain.reshape(-1, *[1] * (along_domain.ndim - 1)), along_domain, along_label)]

    def _perturbation(
        self, gradient: Tensor, step: Step, processes: Processes = ALONE, n: float | None = None
    ) -> Tensor:
        return perturbation(
            gradient, step, clip=self.clip, norm=self.norm, reduction=self.reduction, n=n, processes=processes
        )
