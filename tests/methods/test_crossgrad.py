"""CrossGrad's own: g, batch statistics, what is computed and what is not, messages."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toy import N_DOMAINS, N_FEATURES, N_LABELS, small_net, toy_batch

from crossgrad.errors import SettingsError
from crossgrad.methods import PRESETS, CrossGrad, LabelGrad


def crossgrad(**fields: Any) -> CrossGrad:
    g = N_FEATURES if fields.get("condition") else 0
    return CrossGrad(small_net(N_LABELS, n_domain_features=g), small_net(N_DOMAINS), **fields)


def count_forwards(net: nn.Module) -> list[torch.Size]:
    seen: list[torch.Size] = []
    net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    return seen


@pytest.mark.parametrize(
    ("fields", "label_passes", "domain_passes"),
    [
        ({}, 2, 2),
        ({"condition": True}, 2, 3),
        ({"condition": True, "gradient_through_features": True}, 2, 3),
        ({"label_weight": 0.0}, 1, 2),
        ({"domain_weight": 0.0}, 2, 1),
        ({"label_weight": 0.0, "domain_weight": 0.0}, 1, 1),
        ({"label_weight": 1.0, "domain_weight": 1.0}, 2, 2),
    ],
)
def test_a_step_takes_two_passes_of_each_net_and_one_more_for_g_of_the_moved_input(
    fields: dict[str, Any], label_passes: int, domain_passes: int
) -> None:
    method = crossgrad(**fields)
    label_seen, domain_seen = count_forwards(method.label_net.trunk), count_forwards(method.domain_net.trunk)
    method.backward(toy_batch())
    assert (len(label_seen), len(domain_seen)) == (label_passes, domain_passes)


def test_g_is_the_domain_nets_last_hidden_layer_at_the_same_inputs_moved_or_not() -> None:
    method = crossgrad(condition=True)
    batch = toy_batch()
    moved = method.perturbed(batch)["domain_perturbed"]
    expected = [method.domain_net.features(x).detach() for x in (batch.inputs, moved)]
    given: list[Tensor] = []
    method.label_net.register_forward_pre_hook(lambda _, inputs: given.append(inputs[1].detach()))
    method.backward(batch)
    torch.testing.assert_close(given, expected)
    torch.testing.assert_close(method(batch.inputs), method.label_net(batch.inputs, expected[0]))


@pytest.mark.parametrize("gradient_through_features", [False, True])
def test_the_label_loss_never_reaches_the_domain_nets_parameters(gradient_through_features: bool) -> None:
    method = crossgrad(
        condition=True, gradient_through_features=gradient_through_features, label_weight=1.0, domain_weight=0.0
    )
    method.backward(toy_batch())
    with_label_loss = [p.grad.clone() for p in method.domain_net.parameters()]
    method.zero_grad()
    for parameter in method.label_net.parameters():
        parameter.data.mul_(3)  # another label loss altogether
    method.backward(toy_batch())
    torch.testing.assert_close([p.grad for p in method.domain_net.parameters()], with_label_loss, rtol=0, atol=0)


def test_the_input_gradient_runs_through_g_only_where_asked() -> None:
    batch = toy_batch(dtype=torch.float64)
    method = crossgrad(condition=True, label_gradient_step=1.0).double()
    inputs = batch.inputs.clone().requires_grad_()
    features = method.domain_net.features(inputs)
    for through, g in ((False, features.detach()), (True, features)):
        method.gradient_through_features = through
        loss = torch.nn.functional.cross_entropy(method.label_net(inputs, g), batch.labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, inputs, retain_graph=True)
        torch.testing.assert_close(
            method.perturbed(batch)["label_perturbed"] - batch.inputs, gradient, rtol=1e-9, atol=1e-12
        )


def test_batch_statistics_follow_clean_and_moved_inputs_in_training_and_stay_in_evaluation() -> None:
    method = CrossGrad(small_net(N_LABELS, batch_norm=True), small_net(N_DOMAINS, batch_norm=True))
    norm = method.label_net.trunk[1]
    method.backward(toy_batch())
    assert norm.num_batches_tracked.item() == 2
    before = norm.running_mean.clone()
    method.eval()
    method.backward(toy_batch())
    torch.testing.assert_close(norm.running_mean, before, rtol=0, atol=0)


def test_one_dropout_mask_serves_the_clean_pass_and_its_input_gradient() -> None:
    method = CrossGrad(small_net(N_LABELS, dropout=0.5), small_net(N_DOMAINS, dropout=0.5), label_weight=1.0)
    masks = count_forwards(method.domain_net.dropout)
    method.backward(toy_batch())
    assert len(masks) == 2  # one clean, one perturbed


@pytest.mark.parametrize("gradient_through_features", [False, True])
def test_perturbed_has_the_masks_of_a_domain_trunk_with_dropout_that_the_next_step_has(
    gradient_through_features: bool,
) -> None:
    method = crossgrad(condition=True, gradient_through_features=gradient_through_features, label_gradient_step=9.0)
    for net in (method.label_net, method.domain_net):
        net.trunk = nn.Sequential(nn.Dropout(0.5), net.trunk)
    batch = toy_batch()
    moved = method.perturbed(batch)
    used: dict[str, Tensor] = {}
    for name, net in (("domain_perturbed", method.label_net), ("label_perturbed", method.domain_net)):
        net.trunk.register_forward_pre_hook(lambda _, inputs, name=name: used.update({name: inputs[0].detach()}))
    method.backward(batch)
    torch.testing.assert_close(used, moved, rtol=1e-5, atol=1e-6)


def test_calibrated_steps_keep_their_own_means() -> None:
    method = crossgrad(domain_gradient_step="calibrated:0.1", label_gradient_step="calibrated:0.2")
    method.backward(toy_batch())
    steps = method.domain_gradient_step, method.label_gradient_step
    assert [step.observed.item() for step in steps] == [1, 1]
    assert steps[0].running != steps[1].running


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_builds_and_trains(preset: str) -> None:
    results = crossgrad(**PRESETS[preset]).backward(toy_batch())
    assert results["perturbation_l2"] > 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"label_weight": 1.5}, r"label_weight is a share in \[0, 1\], not 1.5"),
        ({"domain_weight": -0.1}, r"domain_weight is a share in \[0, 1\], not -0.1"),
        ({"label_weight": float("nan")}, "not nan"),
        ({"clip": 0.0}, "clip is a finite number > 0 or none, not 0.0"),
        ({"domain_gradient_step": "far"}, "a step is a number or \"calibrated:NUMBER\", not 'far'"),
        ({"label_gradient_step": -1.0}, "a step is a finite number >= 0, not -1.0"),
        ({"gradient_through_features": True}, "gradient_through_features needs condition"),
    ],
)
def test_values_out_of_range_are_named_and_quoted(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        crossgrad(**fields)
    if fields.keys() <= {"label_weight", "clip", "label_gradient_step"}:
        with pytest.raises(SettingsError, match=message):
            LabelGrad(small_net(N_LABELS), **fields)


def test_condition_names_a_domain_net_without_features() -> None:
    with pytest.raises(TypeError, match="Linear lacks them"):
        CrossGrad(nn.Linear(4, 3), nn.Linear(4, 2), condition=True)
