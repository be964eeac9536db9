"""CrossGrad with its domain net trained first, alone: what the paper's joint training is held against."""

from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from crossgrad._types import Batch, Inputs, Logits
from crossgrad.methods.base import (
    Method,
    accuracy,
    check_apart,
    check_domain_features,
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


@final
class CrossGradSeparate(Method):
    """Two phases: the domain net by its own clean loss, then the label net as CrossGrad's with that domain net.

    In the second phase x_d = x + domain_gradient_step * gradient of J_d, and the label net descends
    (1 - label_weight) J_l(x) + label_weight J_l(x_d). The domain net's weights stay, and no label perturbation reaches
    it; being in training mode, its dropout and batch statistics go on.

    Args:
        label_net: from inputs to label logits; called with (inputs, g) where `condition` is set.
        domain_net: from inputs to domain logits; with `condition` it has `features(inputs)`, which is g, and
            `classify(g)`.
        domain_gradient_step: how far inputs are moved along the domain loss's gradient: a factor, or a `Step`.
        label_weight: share of the perturbed loss in the label net's objective, in [0, 1].
        clip: bound on each value of the input gradient, before norm and step; None for none.
        norm: what each example's input gradient is scaled to.
        reduction: "example": the gradient of each example's own loss; "mean": of the batch's mean loss.
        condition: give the label net the domain features g(x).

    Raises:
        SettingsError: a value is out of range.
        TypeError: condition is set and the domain net has no `features` and `classify`.

    Example:
        >>> method = CrossGradSeparate(nn.Linear(4, 3), nn.Linear(4, 2))
        >>> batch = Batch(torch.randn(8, 4), torch.arange(8) % 3, torch.arange(8) % 2)
        >>> method.phase = 0
        >>> sorted(method.backward(batch))
        ['domain_accuracy', 'domain_loss']

    Reference:
        Shankar et al., 2018, section 3, which trains both nets jointly instead.
    """

    N_PHASES: ClassVar[int] = 2
    TAKES_UNLABELLED: ClassVar[bool] = True
    phase: int = 1

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
        condition: bool = False,
    ) -> None:
        super().__init__()
        check_apart(label_net, domain_net)
        check_weight("label_weight", label_weight)
        check_shaping(clip=clip, norm=norm, reduction=reduction)
        if condition:
            check_domain_features(domain_net)
        self.label_net = label_net
        self.domain_net: Any = domain_net
        self.domain_gradient_step = Step.parse(domain_gradient_step)
        self.label_weight = label_weight
        self.clip = clip
        self.norm: Norm = norm
        self.reduction: Reduction = reduction
        self.condition = condition

    @property
    def passes(self) -> float:
        moves = self.label_weight > 0
        features = self.condition / 3  # g(x), without a backward
        clean_pass = (1.0 if self.label_weight < 1 else 1 / 3) + features  # of no share, it goes forward alone
        moved_pass = 1.0 + features if moves else 0.0
        return (1.0 + moves + (clean_pass + moved_pass)) / 2  # of both phases

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        inputs, labels, domains = batch.inputs.detach(), batch.labels, batch.domains
        if self.phase == 0:
            logits = self.domain_net(inputs)
            losses = example_losses(logits, domains)
            losses.mean().backward()  # type: ignore[no-untyped-call]
            return {"domain_loss": losses.detach().mean(), "domain_accuracy": accuracy(logits, domains)}

        moves = self.label_weight > 0
        gradient = input_gradient(lambda moved: self._domain_losses(moved, domains), inputs) if moves else None
        label_logits = self(inputs)
        of_labels, n = label_losses(label_logits, labels), n_labelled(labels, self.processes)
        clean_backward(of_labels, weight=1 - self.label_weight, n=n)
        results = {
            "label_loss": mean_over(of_labels.detach(), n),
            "label_accuracy": accuracy(label_logits, labels, n),
        }
        if gradient is not None:
            added = self._perturbation(gradient, self.processes)
            loss = mean_over(label_losses(self(inputs + added), labels), n)
            (self.label_weight * loss).backward()  # type: ignore[no-untyped-call]
            results |= {"perturbed_label_loss": loss.detach()} | perturbation_sizes(added, inputs)
        return measured(results, n)

    def forward(self, inputs: Inputs) -> Logits:
        if not self.condition:
            logits: Tensor = self.label_net(inputs)
            return logits
        with torch.no_grad():
            features = self.domain_net.features(inputs)
        conditioned: Tensor = self.label_net(inputs, features)
        return conditioned

    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        inputs = batch.inputs.detach()
        with state_kept(self, inputs.device):
            gradient = input_gradient(lambda moved: self._domain_losses(moved, batch.domains), inputs)
            return {"domain_perturbed": inputs + self._perturbation(gradient)}

    def _domain_losses(self, inputs: Tensor, domains: Tensor) -> Tensor:
        return example_losses(self.domain_net(inputs), domains)

    def _perturbation(self, gradient: Tensor, processes: Processes = ALONE) -> Tensor:
        return perturbation(
            gradient,
            self.domain_gradient_step,
            clip=self.clip,
            norm=self.norm,
            reduction=self.reduction,
            processes=processes,
        )
