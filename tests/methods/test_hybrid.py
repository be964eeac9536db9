"""Hybrid: its limits are LabelGrad's and CrossGrad's label updates, and each design is what it says."""

from copy import deepcopy

import jaxtyping
import pytest
import torch
from toy import N_DOMAINS, N_LABELS, small_net, toy_batch

from crossgrad.errors import SettingsError
from crossgrad.methods import CrossGrad, Hybrid, LabelGrad
from crossgrad.methods.base import Method


def nets() -> tuple[torch.nn.Module, torch.nn.Module]:
    torch.manual_seed(3)
    return small_net(N_LABELS).double(), small_net(N_DOMAINS).double()


def gradients_of(method: Method, net: str) -> dict[str, torch.Tensor]:
    method.zero_grad()
    torch.manual_seed(5)
    method.backward(toy_batch(16, dtype=torch.float64))
    return {name: p.grad.clone() for name, p in method.named_parameters() if name.startswith(net)}


def test_along_the_domain_gradient_alone_a_sum_is_crossgrad() -> None:
    hybrid = Hybrid(*nets(), design="sum", domain_gradient_step=0.5, label_gradient_step=0.0)
    crossgrad = CrossGrad(*nets(), domain_gradient_step=0.5, label_gradient_step=0.0)
    for net in ("label_net", "domain_net"):
        torch.testing.assert_close(gradients_of(hybrid, net), gradients_of(crossgrad, net), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("design", ["sum", "either", "both"])
def test_its_domain_net_is_trained_as_crossgrads(design: str) -> None:
    hybrid, crossgrad = Hybrid(*nets(), design=design), CrossGrad(*nets())
    torch.testing.assert_close(
        gradients_of(hybrid, "domain_net"), gradients_of(crossgrad, "domain_net"), rtol=1e-10, atol=1e-14
    )


def test_along_the_label_gradient_alone_a_sum_is_label_grad() -> None:
    hybrid = Hybrid(*nets(), design="sum", domain_gradient_step=0.0, label_gradient_step=0.5)
    label_grad = LabelGrad(nets()[0], label_gradient_step=0.5)
    torch.testing.assert_close(
        gradients_of(hybrid, "label_net"), gradients_of(label_grad, "label_net"), rtol=1e-10, atol=1e-14
    )


def test_both_is_the_mean_of_label_grad_and_crossgrad() -> None:
    both = gradients_of(Hybrid(*nets(), design="both"), "label_net")
    label_grad = gradients_of(LabelGrad(nets()[0]), "label_net")
    crossgrad = gradients_of(CrossGrad(*nets()), "label_net")
    mean = {name: (label_grad[name] + crossgrad[name]) / 2 for name in both}
    torch.testing.assert_close(both, mean, rtol=1e-10, atol=1e-14)


def test_either_moves_each_example_along_one_of_the_two_about_equally_often() -> None:
    method = Hybrid(*nets(), design="either")
    batch = toy_batch(400, dtype=torch.float64)
    along = {
        name: Hybrid(*deepcopy(nets()), design="sum", **steps).perturbed(batch)["domain_perturbed"]
        for name, steps in (("domain", {"label_gradient_step": 0.0}), ("label", {"domain_gradient_step": 0.0}))
    }
    moved = method.perturbed(batch)["domain_perturbed"]
    is_of = {name: torch.isclose(moved, each).flatten(1).all(1) for name, each in along.items()}
    assert (is_of["domain"] ^ is_of["label"]).all()
    assert 150 < is_of["domain"].sum() < 250  # five standard deviations


def test_an_unknown_design_is_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # what a user, whose types go unchecked, sees
    with pytest.raises(SettingsError, match="design is one of sum, either, both, not 'all'"):
        Hybrid(*nets(), design="all")
