"""What the paper's formulas imply, each tested as a statement of its own."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toy import N_DOMAINS, N_FEATURES, N_LABELS, small_net, toy_batch

from crossgrad._types import Batch
from crossgrad.methods import ERM, CrossGrad, LabelGrad, Method
from crossgrad.methods.base import example_losses
from crossgrad.perturb import Norm, Step, input_gradient, shape_gradient


def gradients(net: nn.Module) -> dict[str, Tensor]:
    assert all(p.grad is not None for p in net.parameters())
    return {name: p.grad.clone() for name, p in net.named_parameters()}


def after_backward(method: Method, batch: Batch) -> Method:
    method.zero_grad()
    method.backward(batch)
    return method


def crossgrad(*, condition: bool = False, dtype: torch.dtype = torch.float64, **fields: Any) -> CrossGrad:
    label_net = small_net(N_LABELS, n_domain_features=N_FEATURES if condition else 0)
    return CrossGrad(label_net, small_net(N_DOMAINS), condition=condition, **fields).to(dtype)


class GivenFeatures(nn.Module):
    """A label net with g as a constant, for methods that know nothing of g."""

    def __init__(self, method: CrossGrad) -> None:
        super().__init__()
        self.label_net = method.label_net
        self.features_of = method.domain_net.features  # a function, not a submodule

    def forward(self, inputs: Tensor) -> Tensor:
        return self.label_net(inputs, self.features_of(inputs).detach())


@pytest.mark.parametrize("domain_weight", [0.0, 0.5, 1.0])
def test_label_weight_0_gives_the_label_gradients_of_erm_bit_for_bit(domain_weight: float) -> None:
    batch = toy_batch()
    method = crossgrad(label_weight=0.0, domain_weight=domain_weight, dtype=torch.float32)
    erm = ERM(deepcopy(method.label_net))
    ours, plain = after_backward(method, batch).label_net, after_backward(erm, batch).label_net
    torch.testing.assert_close(gradients(ours), gradients(plain), rtol=0, atol=0)


@pytest.mark.parametrize("gradient_through_features", [False, True])
def test_label_weight_0_with_g_gives_the_label_gradients_of_erm_given_the_same_g(
    gradient_through_features: bool,
) -> None:
    batch = toy_batch()
    method = crossgrad(
        label_weight=0.0, condition=True, gradient_through_features=gradient_through_features, dtype=torch.float32
    )
    erm = ERM(GivenFeatures(deepcopy(method)))
    ours, plain = after_backward(method, batch).label_net, after_backward(erm, batch).label_net.label_net
    torch.testing.assert_close(gradients(ours), gradients(plain), rtol=0, atol=0)


@pytest.mark.parametrize("norm", ["none", "l2"])
def test_domain_equal_to_label_with_equal_nets_gives_label_grads_update(norm: Norm) -> None:
    batch = toy_batch(dtype=torch.float64)
    batch = batch._replace(domains=batch.labels)
    net = small_net(N_LABELS).double()
    fields: dict[str, Any] = {"label_gradient_step": 0.4, "label_weight": 0.3, "norm": norm}
    cross = CrossGrad(deepcopy(net), deepcopy(net), domain_gradient_step=0.4, **fields)
    label_grad = LabelGrad(net, **fields)
    ours, theirs = after_backward(cross, batch).label_net, after_backward(label_grad, batch).label_net
    torch.testing.assert_close(gradients(ours), gradients(theirs), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("label_weight", [0.0, 0.5, 1.0])
def test_domain_weight_0_leaves_plain_training_of_the_domain_net(label_weight: float) -> None:
    batch = toy_batch()
    method = crossgrad(label_weight=label_weight, domain_weight=0.0, dtype=torch.float32)
    plain = ERM(deepcopy(method.domain_net))
    ours = after_backward(method, batch).domain_net
    theirs = after_backward(plain, batch._replace(labels=batch.domains)).label_net
    torch.testing.assert_close(gradients(ours), gradients(theirs), rtol=0, atol=0)


@pytest.mark.parametrize("condition", [False, True])
def test_weights_1_give_the_gradients_of_the_perturbed_losses_alone(condition: bool) -> None:
    batch = toy_batch(dtype=torch.float64)
    method = crossgrad(label_weight=1.0, domain_weight=1.0, condition=condition)
    moved = method.perturbed(batch)
    twin = deepcopy(method)
    after_backward(method, batch)
    example_losses(twin(moved["domain_perturbed"]), batch.labels).mean().backward()
    example_losses(twin.domain_net(moved["label_perturbed"]), batch.domains).mean().backward()
    torch.testing.assert_close(gradients(method), gradients(twin), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("moves", ["domain", "label"])
def test_the_loss_rises_by_step_times_squared_gradient_up_to_second_order(moves: str) -> None:
    # log |J(x + eps grad J) - J(x) - eps ||grad J||^2| against log eps is a line of slope 2 for a smooth net.
    batch = toy_batch(dtype=torch.float64)
    sizes = torch.logspace(-4, -2, 5, dtype=torch.float64)
    label_net, domain_net = (
        nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, n)) for n in (N_LABELS, N_DOMAINS)
    )
    net, classes = (domain_net, batch.domains) if moves == "domain" else (label_net, batch.labels)
    remainders = []
    for size in sizes.tolist():
        method = CrossGrad(label_net, domain_net, domain_gradient_step=size, label_gradient_step=size).double()
        perturbed = method.perturbed(batch)[f"{moves}_perturbed"]
        squared = ((perturbed - batch.inputs) / size).square().flatten(1).sum(1)
        rise = example_losses(net(perturbed), classes) - example_losses(net(batch.inputs), classes)
        remainders.append((rise - size * squared).abs().mean().detach())
    x, y = sizes.log(), torch.stack(remainders).log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    assert slope.item() == pytest.approx(2, abs=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_the_perturbation_is_the_first_step_towards_the_natural_change_of_g(seed: int) -> None:
    # The paper's appendix: eps grad_x J_d = J^T (eps grad_g J_d), J the Jacobian of g, and that is the first gradient
    # step, from x' = x, of minimising 1/2 ||g(x') - (g(x) + eps grad_g J_d)||^2.
    torch.manual_seed(seed)
    step = 0.7
    batch = toy_batch(1, dtype=torch.float64, seed=seed)
    method = crossgrad(domain_gradient_step=step)
    net = method.domain_net
    perturbation = (method.perturbed(batch)["domain_perturbed"] - batch.inputs).flatten()

    jacobian = torch.func.jacrev(lambda x: net.features(x[None]).squeeze(0))(batch.inputs[0]).flatten(1)
    g = net.features(batch.inputs).detach()
    natural = step * input_gradient(lambda features: example_losses(net.classify(features), batch.domains), g)
    assert jacobian.shape == (N_FEATURES, 36)
    assert perturbation.abs().max() > 1e-4
    torch.testing.assert_close(perturbation, jacobian.T @ natural.flatten().detach(), rtol=1e-10, atol=1e-14)

    descent = -input_gradient(
        lambda x: 0.5 * (net.features(x) - (g + natural.detach())).square().sum(1), batch.inputs
    ).flatten()
    torch.testing.assert_close(perturbation, descent, rtol=1e-10, atol=1e-14)


def split_and_whole(method: Method, batch: Batch, at: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients of a batch, and those of its two parts accumulated in the shares of their sizes."""
    whole = gradients(after_backward(method, batch))
    parts = []
    for part in (Batch(*(t[:at] for t in batch)), Batch(*(t[at:] for t in batch))):
        share = len(part.labels) / len(batch.labels)
        parts.append({k: share * g for k, g in gradients(after_backward(method, part)).items()})
    return whole, {k: parts[0][k] + parts[1][k] for k in whole}


@pytest.mark.parametrize("at", [1, 4, 6])
@pytest.mark.parametrize("norm", ["none", "l2", "sign"])
def test_the_update_of_a_batch_does_not_depend_on_how_it_is_split(norm: Norm, at: int) -> None:
    for method in (crossgrad(norm=norm, condition=True), LabelGrad(small_net(N_LABELS).double(), norm=norm)):
        whole, split = split_and_whole(method, toy_batch(dtype=torch.float64), at)
        torch.testing.assert_close(whole, split, rtol=1e-10, atol=1e-13)


def test_the_update_of_a_batch_depends_on_how_it_is_split_under_mean_reduction() -> None:
    for method in (
        crossgrad(reduction="mean", domain_gradient_step=4.0),
        LabelGrad(small_net(N_LABELS).double(), reduction="mean", label_gradient_step=4.0),
    ):
        whole, split = split_and_whole(method, toy_batch(dtype=torch.float64), 4)
        changes = [(whole[k] - split[k]).norm() / whole[k].norm() for k in whole if k.startswith("label_net")]
        assert max(changes) > 1e-3


def test_mean_reduction_moves_an_example_by_its_own_gradient_over_the_batch_size() -> None:
    batch = toy_batch(10, dtype=torch.float64)
    method = crossgrad(reduction="example", domain_gradient_step=0.3)
    moved = method.perturbed(batch)["domain_perturbed"] - batch.inputs
    method.reduction = "mean"
    moved_less = method.perturbed(batch)["domain_perturbed"] - batch.inputs
    torch.testing.assert_close(moved_less * 10, moved, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_calibrated_perturbations_have_the_wanted_mean_size_whatever_scales_the_loss(scale: float) -> None:
    generator = torch.Generator().manual_seed(3)
    step = Step(calibrated=0.1)
    sizes = []
    for _ in range(400):
        gradient = scale * torch.randn(16, 1, 5, 5, generator=generator)
        step.observe(gradient)
        sizes.append(step(gradient).abs().amax(dim=(1, 2, 3)).mean().item())
    assert sum(sizes[200:]) / 200 == pytest.approx(0.1, rel=0.005)


def test_calibrated_perturbations_follow_gradients_that_shrink_as_training_goes_on() -> None:
    generator = torch.Generator().manual_seed(3)
    step = Step(calibrated=0.1)
    for i in range(1000):
        gradient = 0.998**i * torch.randn(16, 5, generator=generator)
        step.observe(gradient)
        last = step(gradient)
    # The running mean looks back about 100 batches, over which these gradients shrink by a fifth.
    assert 0.07 < last.abs().amax(dim=1).mean() < 0.1


def test_calibrated_training_settles_at_the_size_while_a_fixed_factor_drifts() -> None:
    batches = [toy_batch(24, seed=i) for i in range(300)]
    sizes: dict[str, list[float]] = {}
    for step in ("calibrated:0.1", "0.3"):
        torch.manual_seed(1)
        method = crossgrad(domain_gradient_step=step, domain_weight=0.0, dtype=torch.float32)
        optimizer = torch.optim.Adam(method.parameters(), lr=0.01)
        sizes[step] = []
        for batch in batches:
            optimizer.zero_grad()
            sizes[step].append(method.backward(batch)["perturbation_linf"].item())
            optimizer.step()
    calibrated, fixed = sizes["calibrated:0.1"], sizes["0.3"]
    assert calibrated[0] == pytest.approx(0.1, rel=1e-5)
    assert sum(calibrated[100:]) / 200 == pytest.approx(0.1, rel=0.1)
    assert sum(fixed[100:]) / 200 > 2 * sum(fixed[:50]) / 50


def test_clip_comes_before_norm_and_norm_before_step() -> None:
    gradient = torch.tensor([[3.0, 0.1]])
    shaped = shape_gradient(gradient, clip=0.1, norm="linf")
    torch.testing.assert_close(Step(0.5)(shaped), torch.tensor([[0.5, 0.5]]))


def test_nothing_is_differentiated_through_a_perturbation() -> None:
    # If it were, the label net's gradient would depend on second derivatives of the domain net, and reach its weights.
    batch = toy_batch(dtype=torch.float64)
    method = crossgrad(label_weight=1.0, domain_weight=0.0)
    moved = method.perturbed(batch)
    assert not any(tensor.requires_grad for tensor in moved.values())
    domain_net = deepcopy(method.domain_net)
    after_backward(method, batch)
    example_losses(domain_net(batch.inputs), batch.domains).mean().backward()
    torch.testing.assert_close(gradients(method.domain_net), gradients(domain_net), rtol=0, atol=0)
