"""CrossGrad: a label net and a domain net, trained side by side on each other's perturbations."""

from typing import Any, ClassVar, Literal, final, get_args

import torch
from torch import Tensor, nn

from crossgrad._types import Batch, Inputs, Logits
from crossgrad.errors import SettingsError
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
from crossgrad.perturb import Norm, Reduction, Step, check_shaping, mean_over, perturbation
from crossgrad.processes import ALONE, Processes

Mixing = Literal["losses", "examples"]
"""How clean and moved inputs share a net's objective: both losses weighted, or each example taken as one of the two."""


@final
class CrossGrad(Method):
    """Cross-gradient training (Algorithm 1), in four passes of a net instead of six.

    Both losses are differentiated with respect to the inputs at the current parameters:
    x_d = x + domain_gradient_step * gradient of J_d, x_l = x + label_gradient_step * gradient of J_l. The label net
    descends (1 - label_weight) J_l(x) + label_weight J_l(x_d), the domain net
    (1 - domain_weight) J_d(x) + domain_weight J_d(x_l). Perturbations are constants. The clean passes give the
    parameters' and the inputs' gradients in one backward each.

    With `condition`, the label net also gets the domain features g(x), the domain net's last hidden layer, a constant
    for the label loss: Algorithm 1 trains the domain net by J_d alone.

    An unlabelled example is one for the domain net alone: its label loss is none, so x_l = x. But it is in the domain
    loss, along whose gradient labelled inputs are moved toward, or away from, its domain.

    A net with batch statistics updates them in every forward pass in training mode, perturbed ones included; the
    dropout mask of a net's clean pass is that of its input gradient.

    Args:
        label_net: from inputs to label logits; called with (inputs, g) where `condition` is set.
        domain_net: from inputs to domain logits; with `condition` it has `features(inputs)`, which is g, and
            `classify(g)`.
        domain_gradient_step: how far the label net's inputs are moved along the domain loss's gradient (the paper's
            eps_l): a factor on the gradient, or a `Step`.
        label_gradient_step: how far the domain net's inputs are moved along the label loss's (eps_d).
        label_weight: share of the perturbed loss in the label net's objective (a_l), in [0, 1].
        domain_weight: share of the perturbed loss in the domain net's objective (a_d), in [0, 1]; 0 where none of the
            domain net's parameters is to be trained.
        clip: bound on each value of an input gradient, before norm and step; None for none.
        norm: what each example's input gradient is scaled to.
        reduction: "example": the gradient of each example's own loss, as the paper writes it, so that a step does not
            depend on the batch size; "mean": of the batch's mean loss, as the authors' code and Dassl have it.
        condition: give the label net the domain features g(x).
        gradient_through_features: with `condition`, let the label loss's input gradient run through g(x) too.
        mixing: "losses": the objectives above; "examples": every example is moved with the probability that is else the
            perturbed loss's weight, drawn anew for each net, and the objective is the one loss of what comes out.

    Raises:
        SettingsError: a value is out of range, gradient_through_features is set without condition, or the nets have a
            parameter in common.
        TypeError: condition is set and the domain net has no `features` and `classify`.

    Example:
        >>> method = CrossGrad(nn.Linear(4, 3), nn.Linear(4, 2), domain_gradient_step=0.3, label_gradient_step=0.3)
        >>> optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
        >>> batch = Batch(torch.randn(8, 4), torch.arange(8) % 3, torch.arange(8) % 2)
        >>> losses = method.backward(batch)
        >>> optimizer.step()
        >>> sorted(losses)  # doctest: +NORMALIZE_WHITESPACE
        ['domain_accuracy', 'domain_loss', 'input_l2', 'label_accuracy', 'label_loss', 'perturbation_l2',
         'perturbation_linf', 'perturbed_domain_loss', 'perturbed_label_loss']

    Reference:
        Shankar et al., "Generalizing Across Domains via Cross-Gradient Training", ICLR 2018, Algorithm 1 and Figure 2.
        Defaults are ours; `PRESETS` has the paper's, its code's and Dassl's.
    """

    TAKES_UNLABELLED: ClassVar[bool] = True

    def __init__(
        self,
        label_net: nn.Module,
        domain_net: nn.Module,
        *,
        domain_gradient_step: float | str | Step = 0.3,
        label_gradient_step: float | str | Step = 0.3,
        label_weight: float = 0.5,
        domain_weight: float = 0.5,
        clip: float | None = None,
        norm: Norm = "none",
        reduction: Reduction = "example",
        condition: bool = False,
        gradient_through_features: bool = False,
        mixing: Mixing = "losses",
    ) -> None:
        super().__init__()
        check_apart(label_net, domain_net)
        check_weight("label_weight", label_weight)
        check_weight("domain_weight", domain_weight)
        check_shaping(clip=clip, norm=norm, reduction=reduction)
        if mixing not in get_args(Mixing):
            raise SettingsError(f"mixing is one of {', '.join(get_args(Mixing))}, not {mixing!r}")
        if condition:
            check_domain_features(domain_net)
        if gradient_through_features and not condition:
            raise SettingsError("gradient_through_features needs condition: without it no g(x) reaches the label net")
        self.label_net = label_net
        self.domain_net: Any = domain_net
        self.domain_gradient_step = Step.parse(domain_gradient_step)
        self.label_gradient_step = Step.parse(label_gradient_step)
        self.label_weight = label_weight
        self.domain_weight = domain_weight
        self.clip = clip
        self.norm: Norm = norm
        self.reduction: Reduction = reduction
        self.condition = condition
        self.gradient_through_features = gradient_through_features
        self.mixing: Mixing = mixing

    @property
    def passes(self) -> float:
        moves_label_input, moves_domain_input = self.label_weight > 0, self.domain_weight > 0
        # A clean pass goes back for its share of the objective, for its input gradient, or not at all.
        takes_domain_gradient = moves_label_input or self._goes_through_features
        domain_pass = 1.0 if takes_domain_gradient or self._clean_share(self.domain_weight) > 0 else 1 / 3
        label_pass = 1.0 if moves_domain_input or self._clean_share(self.label_weight) > 0 else 1 / 3
        moved_features = moves_label_input / 3 if self.condition else 0.0  # g(x_d), without a backward
        through_features = 2 / 3 if self._goes_through_features else 0.0  # g(x) once more, backward alone
        return domain_pass + label_pass + moves_label_input + moves_domain_input + moved_features + through_features

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        inputs, labels, domains = batch.inputs.detach(), batch.labels, batch.domains
        moves_label_input = self.label_weight > 0
        moves_domain_input = self.domain_weight > 0
        through_features = self._goes_through_features

        # A clean pass ends in its backward, which frees its graph: one graph is alive at a time. Only where the label
        # loss's gradient runs through g is the domain net's kept until that is known.
        domain_leaf = inputs.detach().requires_grad_(moves_label_input or through_features)
        features, domain_logits = self._domain_pass(domain_leaf)
        domain_losses = example_losses(domain_logits, domains)
        (domain_gradient,) = clean_backward(
            domain_losses, domain_leaf, weight=self._clean_share(self.domain_weight), retain_graph=through_features
        )

        label_leaf = inputs.detach().requires_grad_(moves_domain_input)
        constant = features.detach().requires_grad_(through_features)
        label_logits = self._label_logits(label_leaf, constant)
        of_labels = label_losses(label_logits, labels)
        n = n_labelled(labels, self.processes)
        label_gradient, feature_gradient = clean_backward(
            of_labels, label_leaf, constant, weight=self._clean_share(self.label_weight), n=n
        )
        if through_features:
            label_gradient = label_gradient + torch.autograd.grad(features, domain_leaf, feature_gradient)[0]
        results = {
            "label_loss": mean_over(of_labels.detach(), n),
            "domain_loss": domain_losses.detach().mean(),
            "label_accuracy": accuracy(label_logits, labels, n),
            "domain_accuracy": accuracy(domain_logits, domains),
        }

        if moves_label_input:
            added = self._perturbation(domain_gradient, self.domain_gradient_step, self.processes)
            moved = self._moved(inputs, added, self.label_weight)
            with torch.no_grad():
                moved_features = self._features(moved)
            loss = mean_over(label_losses(self._label_logits(moved, moved_features), labels), n)
            ((1 - self._clean_share(self.label_weight)) * loss).backward()  # type: ignore[no-untyped-call]
            results["perturbed_label_loss"] = loss.detach()
            results |= perturbation_sizes(added, inputs)
        if moves_domain_input:
            added = self._perturbation(label_gradient, self.label_gradient_step, self.processes, n)
            moved = self._moved(inputs, added, self.domain_weight)
            loss = example_losses(self.domain_net(moved), domains).mean()
            ((1 - self._clean_share(self.domain_weight)) * loss).backward()  # type: ignore[no-untyped-call]
            results["perturbed_domain_loss"] = loss.detach()
        return measured(results, n)

    def forward(self, inputs: Inputs) -> Logits:
        return self._label_logits(inputs, self._features(inputs).detach())

    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        inputs = batch.inputs.detach()
        leaf = inputs.detach().requires_grad_()
        with state_kept(self, inputs.device):
            # As in `backward`, g and the domain logits are of one pass: a dropout mask in the trunk is one for both.
            features, domain_logits = self._domain_pass(leaf)
            domain_losses = example_losses(domain_logits, batch.domains)
            (domain_gradient,) = torch.autograd.grad(domain_losses.sum(), leaf, retain_graph=True)
            constant = features if self.gradient_through_features else features.detach()
            of_labels = label_losses(self._label_logits(leaf, constant), batch.labels)
            (label_gradient,) = torch.autograd.grad(of_labels.sum(), leaf)
            return {
                "domain_perturbed": inputs + self._perturbation(domain_gradient, self.domain_gradient_step),
                "label_perturbed": inputs
                + self._perturbation(label_gradient, self.label_gradient_step, n=n_labelled(batch.labels)),
            }

    @property
    def _goes_through_features(self) -> bool:
        """Whether the label loss's input gradient, which only the domain net's inputs need, also runs through g(x)."""
        return self.gradient_through_features and self.domain_weight > 0

    def _domain_pass(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Domain features (empty without `condition`) and domain logits, from one forward pass."""
        features = self._features(inputs)
        return features, self.domain_net.classify(features) if self.condition else self.domain_net(inputs)

    def _features(self, inputs: Tensor) -> Tensor:
        features: Tensor = self.domain_net.features(inputs) if self.condition else inputs.new_empty(0)
        return features

    def _label_logits(self, inputs: Tensor, features: Tensor) -> Tensor:
        logits: Tensor = self.label_net(inputs, features) if self.condition else self.label_net(inputs)
        return logits

    def _clean_share(self, weight: float) -> float:
        """Of the clean pass in a net's objective; with mixed examples it is there for its input gradient alone."""
        return 1 - weight if self.mixing == "losses" else float(weight == 0)

    def _moved(self, inputs: Tensor, added: Tensor, weight: float) -> Tensor:
        if self.mixing == "losses":
            return inputs + added
        is_moved = torch.rand(len(inputs), device=inputs.device) < weight
        return inputs + added * is_moved.reshape(-1, *[1] * (inputs.ndim - 1))

    def _perturbation(
        self, gradient: Tensor, step: Step, processes: Processes = ALONE, n: float | None = None
    ) -> Tensor:
        return perturbation(
            gradient, step, clip=self.clip, norm=self.norm, reduction=self.reduction, n=n, processes=processes
        )


PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "domain_gradient_step": "calibrated:0.1",
        "label_gradient_step": "calibrated:0.1",
        "label_weight": 0.5,
        "domain_weight": 0.5,
        "clip": None,
        "norm": "none",
        "reduction": "example",
        "condition": True,
        "gradient_through_features": False,
        "mixing": "losses",
    },
    "authors-code": {
        "domain_gradient_step": 10.0,
        "label_gradient_step": 10.0,
        "label_weight": 0.5,
        "domain_weight": 0.5,
        "clip": 0.1,
        "norm": "none",
        "reduction": "mean",
        "condition": False,
        "gradient_through_features": False,
        "mixing": "losses",
    },
    "dassl": {
        "domain_gradient_step": 1.0,
        "label_gradient_step": 1.0,
        "label_weight": 0.5,
        "domain_weight": 0.5,
        "clip": 0.1,
        "norm": "none",
        "reduction": "mean",
        "condition": False,
        "gradient_through_features": False,
        "mixing": "losses",
    },
}
"""Named settings of CrossGrad's fields.

- "paper": g on, no clip, calibrated steps. The paper names neither its base size nor one alpha: a mean L-infinity norm
  of 0.1 for inputs in [0, 1], and 0.5, are ours; multiples of 0.5, 1, 2, 2.5 and alphas of 0.1 to 0.9 are its grid.
- "authors-code": the released TensorFlow code for fonts, whose inputs are in [-1, 1]: its step of 10 on a batch mean of
  32 is about 0.3 an example in those units, about 0.08 for inputs in [0, 1].
- "dassl": Dassl.pytorch's CrossGrad at its defaults.

Optimisers are not part of a method: experiments.optimisations has each one's.
"""
