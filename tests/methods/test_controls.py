"""The controls: a random direction as long as CrossGrad's perturbation, and the same batch twice."""

from copy import deepcopy

import pytest
import torch
from toy import N_DOMAINS, N_LABELS, small_net, toy_batch

from crossgrad.methods import ERM, CrossGrad, RandomDirection, Repeat
from crossgrad.methods.base import Method
from crossgrad.perturb import example_norms


def gradients(method: Method) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in method.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("step", [0.3, "calibrated:0.1"])
@pytest.mark.parametrize("reduction", ["example", "mean"])
def test_every_example_is_moved_as_far_as_by_crossgrad_without_a_domain_side(step: float | str, reduction: str) -> None:
    nets = small_net(N_LABELS), small_net(N_DOMAINS)
    options = {"domain_gradient_step": step, "reduction": reduction, "norm": "none", "clip": 0.05}
    crossgrad = CrossGrad(*deepcopy(nets), domain_weight=0.0, **options).double()
    random = RandomDirection(*deepcopy(nets), **options).double()
    batch = toy_batch(20, dtype=torch.float64)
    added = [method.perturbed(batch)["domain_perturbed"] - batch.inputs for method in (crossgrad, random)]
    lengths = [example_norms(each, "l2") for each in added]
    torch.testing.assert_close(lengths[1], lengths[0], rtol=1e-8, atol=0)
    assert lengths[0].std() > 0.05 * lengths[0].mean()  # they differ from example to example
    cosines = (added[0] * added[1]).flatten(1).sum(1) / lengths[0] / lengths[1]
    assert cosines.abs().mean() < 0.4


def test_its_domain_net_is_trained_as_crossgrads_without_a_domain_side() -> None:
    nets = small_net(N_LABELS), small_net(N_DOMAINS)
    crossgrad = CrossGrad(*deepcopy(nets), domain_weight=0.0)
    random = RandomDirection(*deepcopy(nets))
    for method in (crossgrad, random):
        method.backward(toy_batch())
    of_domain_net = [
        {name: g for name, g in gradients(method).items() if name.startswith("domain_net")}
        for method in (crossgrad, random)
    ]
    torch.testing.assert_close(of_domain_net[1], of_domain_net[0])


def test_directions_are_drawn_evenly_over_all_directions() -> None:
    random = RandomDirection(small_net(N_LABELS), small_net(N_DOMAINS), norm="l2", domain_gradient_step=1.0)
    batch = toy_batch(12)
    draws = []
    for seed in range(200):
        torch.manual_seed(seed)
        draws.append((random.perturbed(batch)["domain_perturbed"] - batch.inputs).flatten(1))
    vectors = torch.cat(draws)
    n, size = vectors.shape
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(n))
    # Unit vectors drawn evenly: mean 0, covariance 1/size; each entry within five standard errors.
    assert vectors.mean(0).abs().max() < 5 / (n * size) ** 0.5
    covariance = vectors.T @ vectors / n
    assert (covariance - torch.eye(size) / size).abs().max() < 5 * (3 / n) ** 0.5 / size


def test_without_dropout_the_same_batch_twice_is_erm() -> None:
    net = small_net(N_LABELS)
    repeat, erm = Repeat(deepcopy(net), label_weight=0.3), ERM(deepcopy(net))
    batch = toy_batch()
    assert repeat.backward(batch)["label_loss"] == erm.backward(batch)["label_loss"]
    torch.testing.assert_close(gradients(repeat), gradients(erm), rtol=1e-5, atol=1e-8)


def test_with_dropout_the_second_look_has_another_mask() -> None:
    repeat = Repeat(small_net(N_LABELS, dropout=0.5))
    losses = repeat.backward(toy_batch())
    assert losses["label_loss"] != losses["perturbed_label_loss"]


def test_crossgrad_with_a_step_of_zero_is_the_same_batch_twice() -> None:
    nets = small_net(N_LABELS), small_net(N_DOMAINS)
    crossgrad = CrossGrad(*deepcopy(nets), domain_gradient_step=0.0, label_weight=0.3)
    repeat = Repeat(deepcopy(nets[0]), label_weight=0.3)
    for method in (crossgrad, repeat):
        method.backward(toy_batch())
    of_label_net = {name: g for name, g in gradients(crossgrad).items() if name.startswith("label_net")}
    torch.testing.assert_close(gradients(repeat), of_label_net, rtol=1e-5, atol=1e-8)
