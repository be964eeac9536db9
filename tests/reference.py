"""The formulas of the paper, of its authors' code and of Dassl, written literally: slow, plain and apart from ours.

Nothing here comes from crossgrad. Nets are called as f(x), or f(x, g) with g = domain_net.features(x). Every gradient
is its own pass: x_d and x_l by autograd.grad of an explicit loss, the parameters' of an explicit objective. A label of
-1 is none: label losses are those of the others alone.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

Triple = tuple[Tensor, Tensor, Tensor]
MakeOptimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


def loss_of_each(logits: Tensor, classes: Tensor) -> Tensor:
    """-log(exp(z_c) / sum exp(z)) for each example's class c."""
    return logits.exp().sum(dim=1).log() - logits[torch.arange(len(classes)), classes]


@dataclass
class LiteralStep:
    """epsilon, or an epsilon that makes the recency-weighted mean of the L-infinity norms a wanted size."""

    epsilon: float | None = None
    wanted: float | None = None
    seen: list[float] = field(default_factory=list)

    def __call__(self, gradient: Tensor, counted: Tensor | None = None) -> Tensor:
        if self.epsilon is not None:
            return self.epsilon * gradient
        norms = gradient.abs().flatten(1).max(dim=1).values
        self.seen.append(norms[slice(None) if counted is None else counted].mean().item())
        # The n-th batch enters the mean with a share of 5 / (n + 4), later of 0.01, and fades as later ones enter.
        shares = [max(0.01, 5 / (n + 4)) for n in range(1, len(self.seen) + 1)]
        weights = [share * math.prod(1 - later for later in shares[i + 1 :]) for i, share in enumerate(shares)]
        mean = sum(w * s for w, s in zip(weights, self.seen, strict=True))
        return self.wanted / mean * gradient


def shaped(gradient: Tensor, clip: float | None, norm: str) -> Tensor:
    if clip is not None:
        gradient = torch.where(gradient > clip, clip, torch.where(gradient < -clip, -clip, gradient))
    if norm == "sign":
        return torch.sign(gradient)
    if norm == "none":
        return gradient
    lengths = [row.square().sum().sqrt() if norm == "l2" else row.abs().max() for row in gradient]
    # An example whose hidden units are all off has no gradient, and stays where it is.
    return torch.stack([row / length if length > 0 else row for row, length in zip(gradient, lengths, strict=True)])


def descend(net: nn.Module, objective: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """theta <- theta - eta grad_theta objective, or as the optimiser has it."""
    gradients = torch.autograd.grad(objective, list(net.parameters()))
    for parameter, gradient in zip(net.parameters(), gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


def algorithm_1(
    label_net: nn.Module,
    domain_net: nn.Module,
    batches: Iterable[Triple],
    make_optimizer: MakeOptimizer,
    *,
    domain_gradient_step: LiteralStep,
    label_gradient_step: LiteralStep,
    label_weight: float,
    domain_weight: float,
    clip: float | None,
    norm: str,
    reduction: str,
    condition: bool,
    gradient_through_features: bool,
    mixing: str,
) -> None:
    """Lines 4 to 10 of Algorithm 1, with the options of the table in the notes."""
    label_optimizer = make_optimizer(label_net.parameters())
    domain_optimizer = make_optimizer(domain_net.parameters())

    def label_losses(x: Tensor, y: Tensor, *, through_g: bool = False) -> Tensor:
        labelled = y != -1
        if not condition:
            return loss_of_each(label_net(x)[labelled], y[labelled])
        g = domain_net.features(x)
        return loss_of_each(label_net(x, g if through_g else g.detach())[labelled], y[labelled])

    def domain_losses(x: Tensor, d: Tensor) -> Tensor:
        return loss_of_each(domain_net(x), d)

    def reduced(losses: Tensor) -> Tensor:
        return losses.mean() if reduction == "mean" else losses.sum()

    for x, y, d in batches:
        # 6: X_d = X + eps_l grad_X J_d(X, D; theta_d)
        x_in = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(reduced(domain_losses(x_in, d)), x_in)
        x_d = x + domain_gradient_step(shaped(gradient, clip, norm))
        # 7: X_l = X + eps_d grad_X J_l(X, Y; theta_l)
        x_in = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(reduced(label_losses(x_in, y, through_g=gradient_through_features)), x_in)
        x_l = x + label_gradient_step(shaped(gradient, clip, norm), counted=y != -1)
        if mixing == "examples":
            # Each example is taken as one of the two: all of it is in the second loss, with a weight of one.
            x_d = either(x, x_d, label_weight)
            x_l = either(x, x_l, domain_weight)
        label_share, domain_share = (
            (label_weight, domain_weight) if mixing == "losses" else (label_weight > 0, domain_weight > 0)
        )
        # 8: theta_l <- theta_l - eta grad ((1 - a_l) J_l(X, Y) + a_l J_l(X_d, Y))
        label_objective = (1 - label_share) * label_losses(x, y).mean() + label_share * label_losses(x_d, y).mean()
        # 9: theta_d <- theta_d - eta grad ((1 - a_d) J_d(X, D) + a_d J_d(X_l, D))
        domain_objective = (1 - domain_share) * domain_losses(x, d).mean() + domain_share * domain_losses(x_l, d).mean()
        descend(label_net, label_objective, label_optimizer)
        descend(domain_net, domain_objective, domain_optimizer)


def either(x: Tensor, moved: Tensor, weight: float) -> Tensor:
    """Each example moved with a probability; nothing is drawn where none is."""
    if weight == 0:
        return x
    draws = torch.rand(len(x))
    return torch.stack([m if u < weight else c for c, m, u in zip(x, moved, draws, strict=True)])


def label_grad(
    label_net: nn.Module,
    batches: Iterable[Triple],
    make_optimizer: MakeOptimizer,
    *,
    label_gradient_step: LiteralStep,
    label_weight: float,
    clip: float | None,
    norm: str,
    reduction: str,
) -> None:
    """(1 - a) J_l(x) + a J_l(x + eps grad_x J_l(x))."""
    optimizer = make_optimizer(label_net.parameters())
    for x, y, _ in batches:
        x_in = x.clone().requires_grad_()
        losses = loss_of_each(label_net(x_in), y)
        (gradient,) = torch.autograd.grad(losses.mean() if reduction == "mean" else losses.sum(), x_in)
        x_l = x + label_gradient_step(shaped(gradient, clip, norm))
        clean, perturbed = loss_of_each(label_net(x), y).mean(), loss_of_each(label_net(x_l), y).mean()
        descend(label_net, (1 - label_weight) * clean + label_weight * perturbed, optimizer)


def authors_code(
    label_net: nn.Module, domain_net: nn.Module, batches: Iterable[Triple], make_optimizer: MakeOptimizer
) -> None:
    """The released TensorFlow code: clip_by_value(gradients(mean loss, images), -0.1, 0.1), times 10; 0.5 and 0.5."""
    label_optimizer = make_optimizer(label_net.parameters())
    domain_optimizer = make_optimizer(domain_net.parameters())
    for images, labels, domains in batches:
        images_in = images.clone().requires_grad_()
        domain_gradient = torch.autograd.grad(loss_of_each(domain_net(images_in), domains).mean(), images_in)[0]
        label_gradient = torch.autograd.grad(loss_of_each(label_net(images_in), labels).mean(), images_in)[0]
        domain_adversarial = images + 10.0 * domain_gradient.clip(-0.1, 0.1)
        label_adversarial = images + 10.0 * label_gradient.clip(-0.1, 0.1)
        label_objective = (
            0.5 * loss_of_each(label_net(images), labels).mean()
            + 0.5 * loss_of_each(label_net(domain_adversarial), labels).mean()
        )
        domain_objective = (
            0.5 * loss_of_each(domain_net(images), domains).mean()
            + 0.5 * loss_of_each(domain_net(label_adversarial), domains).mean()
        )
        descend(label_net, label_objective, label_optimizer)
        descend(domain_net, domain_objective, domain_optimizer)


def dassl(
    label_net: nn.Module, domain_net: nn.Module, batches: Iterable[Triple], make_optimizer: MakeOptimizer
) -> None:
    """Dassl.pytorch's CrossGrad.forward_backward at its defaults: three passes of each net, one after the other."""
    cross_entropy = nn.CrossEntropyLoss()
    label_optimizer = make_optimizer(label_net.parameters())
    domain_optimizer = make_optimizer(domain_net.parameters())
    for batch_input, label, domain in batches:
        x = batch_input.clone().requires_grad_()
        # Compute domain perturbation
        cross_entropy(domain_net(x), domain).backward()
        x_d = x.data + 1.0 * torch.clamp(x.grad.data, min=-0.1, max=0.1)
        # Compute label perturbation
        x.grad.data.zero_()
        cross_entropy(label_net(x), label).backward()
        x_l = x.data + 1.0 * torch.clamp(x.grad.data, min=-0.1, max=0.1)
        x = x.detach()
        # Update label net
        loss = 0.5 * cross_entropy(label_net(x), label) + 0.5 * cross_entropy(label_net(x_d), label)
        label_optimizer.zero_grad()
        loss.backward()
        label_optimizer.step()
        # Update domain net
        loss = 0.5 * cross_entropy(domain_net(x), domain) + 0.5 * cross_entropy(domain_net(x_l), domain)
        domain_optimizer.zero_grad()
        loss.backward()
        domain_optimizer.step()
