"""DANN: the reversal's sign and size, and Ganin's schedule."""

import math
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from toy import N_DOMAINS, N_FEATURES, N_LABELS, small_net, toy_batch

from crossgrad._types import Batch
from crossgrad.errors import SettingsError
from crossgrad.methods import DANN, ERM
from crossgrad.methods.base import example_losses


def dann(**fields: float) -> DANN:
    return DANN(small_net(N_LABELS), nn.Linear(N_FEATURES, N_DOMAINS), **fields).double()


def gradients(method: nn.Module, batch: Batch) -> dict[str, Tensor]:
    method.zero_grad()
    method.backward(batch)
    return {name: p.grad.clone() for name, p in method.named_parameters()}


@pytest.mark.parametrize("progress", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("reversal", [0.0, 0.4, 1.0])
def test_features_descend_the_label_loss_and_ascend_the_domain_loss_times_the_strength(
    reversal: float, progress: float
) -> None:
    batch = toy_batch(dtype=torch.float64)
    method = dann(reversal=reversal)
    method.progress = progress
    twin = deepcopy(method)
    features = twin.label_net.features(batch.inputs)
    label_loss = example_losses(twin.label_net.classify(features), batch.labels).mean()
    domain_loss = example_losses(twin.domain_head(features), batch.domains).mean()
    strength = reversal * (2 / (1 + math.exp(-10 * progress)) - 1)
    below = [p for name, p in twin.label_net.named_parameters() if not name.startswith("output")]
    by_label = torch.autograd.grad(label_loss, below, retain_graph=True)
    by_domain = torch.autograd.grad(domain_loss, below, retain_graph=True)
    head = torch.autograd.grad(domain_loss, list(twin.domain_head.parameters()))

    ours = gradients(method, batch)
    trunk = [g for name, g in ours.items() if name.startswith("label_net") and "output" not in name]
    expected = [a - strength * b for a, b in zip(by_label, by_domain, strict=True)]
    torch.testing.assert_close(trunk, expected, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close([ours["domain_head.weight"], ours["domain_head.bias"]], list(head))


def test_the_schedule_is_ganins() -> None:
    method = dann()
    strengths = []
    for method.progress in (0.0, 0.1, 0.25, 0.5, 1.0):
        strengths.append(method.strength)
    expected = [0.0, math.tanh(0.5), math.tanh(1.25), math.tanh(2.5), math.tanh(5.0)]  # 2 / (1 + e^-10p) - 1 = tanh 5p
    assert strengths == pytest.approx(expected, abs=1e-12)
    assert strengths[-1] == pytest.approx(1, abs=1e-4)


def test_a_method_that_no_loop_moves_is_at_the_schedules_end() -> None:
    assert dann(reversal=0.5).strength == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize(("reversal", "progress"), [(0.0, 1.0), (1.0, 0.0)])
def test_no_reversal_trains_the_label_net_as_erm_does(reversal: float, progress: float) -> None:
    batch = toy_batch(dtype=torch.float64)
    method = dann(reversal=reversal)
    method.progress = progress
    ours = gradients(method, batch)
    for name, gradient in gradients(ERM(deepcopy(method.label_net)), batch).items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"reversal": -0.1}, "reversal is a finite number >= 0, not -0.1"),
        ({"reversal": math.inf}, "not inf"),
        ({"schedule_rate": 0.0}, "schedule_rate is a finite number > 0, not 0.0"),
    ],
)
def test_values_out_of_range_are_quoted(fields: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        dann(**fields)


def test_a_label_net_without_features_is_named() -> None:
    with pytest.raises(TypeError, match=r"features\(inputs\) and classify\(features\); Linear lacks them"):
        DANN(nn.Linear(4, 3), nn.Linear(3, 2))
