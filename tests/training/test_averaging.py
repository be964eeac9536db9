from copy import deepcopy
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from crossgrad.methods import ERM, CrossGrad, Method
from crossgrad.training import fit
from crossgrad.training.averaging import WeightAverage
from crossgrad.training.stopping import EarlyStopping
from small import vectors


class Normalised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.layers(inputs)


def train(method: Method, average: WeightAverage | None, **options: Any) -> list[dict[str, torch.Tensor]]:
    """Train, and give the states after each step."""
    states: list[dict[str, torch.Tensor]] = []

    class Kept(torch.optim.Adam):
        def step(self, closure: None = None) -> None:  # type: ignore[override]
            super().step(closure)
            states.append({name: value.clone() for name, value in method.state_dict().items()})

    optimizer = Kept(method.parameters(), lr=0.01)
    fit(method, vectors(), optimizer=optimizer, max_steps=12, batch_size=16, seed=0, average=average, **options)
    return states


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.floats(0.01, 0.999))
def test_it_is_a_weighted_mean_of_all_values_with_younger_ones_weighing_more_in_a_short_training(
    values: list[float], decay: float
) -> None:
    net = nn.Linear(1, 1, bias=False).double()
    average = WeightAverage(decay)
    expected = values[0]
    for n, value in enumerate(values):
        net.weight.data.fill_(value)
        average.update(net)
        share = min(decay, (1 + n) / (10 + n))
        expected = share * expected + (1 - share) * value
    average.copy_to(net)
    assert net.weight.item() == pytest.approx(expected, abs=1e-9)


def test_with_shares_that_never_change_it_is_torchs_average_with_buffers() -> None:
    """A decay of a tenth is below all first shares."""
    torch.manual_seed(0)
    net = Normalised()
    average, torchs = WeightAverage(0.1), AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.1), use_buffers=True)
    for _ in range(6):
        net(torch.randn(8, 5))
        for parameter in net.parameters():
            parameter.data += torch.randn_like(parameter)
        average.update(net)
        torchs.update_parameters(net)
    average.copy_to(net)
    for (name, ours), theirs in zip(net.state_dict().items(), torchs.module.state_dict().values(), strict=True):
        if ours.is_floating_point():
            torch.testing.assert_close(ours, theirs, msg=name)


def test_the_method_is_left_with_the_average_of_parameters_and_batch_statistics_and_the_last_count() -> None:
    method = ERM(Normalised())
    states = train(method, WeightAverage(0.9))
    expected = states[0]
    for n, state in enumerate(states[1:], start=1):
        share = min(0.9, (1 + n) / (10 + n))
        expected = {name: share * expected[name] + (1 - share) * value for name, value in state.items()}
    expected["label_net.layers.1.num_batches_tracked"] = torch.tensor(12)
    torch.testing.assert_close(dict(method.state_dict()), expected, check_dtype=False)
    assert not torch.equal(method.state_dict()["label_net.layers.0.weight"], states[-1]["label_net.layers.0.weight"])


def test_averaging_changes_no_step_of_the_training() -> None:
    torch.manual_seed(0)
    first = ERM(Normalised())
    second = deepcopy(first)
    plain, averaged = train(first, None), train(second, WeightAverage(0.99))
    for ours, theirs in zip(plain, averaged, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.0, atol=0.0)


def test_averages_measured_in_between_change_no_step_either() -> None:
    torch.manual_seed(0)
    first = ERM(Normalised())
    second, seen = deepcopy(first), []

    def score(method: Method) -> float:
        seen.append(method.state_dict()["label_net.layers.0.weight"].clone())
        return float(len(seen))

    plain = train(first, None)
    averaged = train(second, WeightAverage(0.99), stopping=EarlyStopping(score, every=4, patience=5))
    torch.testing.assert_close(plain[-1], averaged[-1], rtol=0.0, atol=0.0)
    assert len(seen) == 3
    assert not torch.equal(seen[0], plain[3]["label_net.layers.0.weight"])


def test_a_calibrated_steps_running_mean_is_averaged_and_what_it_counts_is_not() -> None:
    method = CrossGrad(
        nn.Linear(5, 3), nn.Linear(5, 4), domain_gradient_step="calibrated:0.1", label_gradient_step="calibrated:0.1"
    )
    states = train(method, WeightAverage(0.9))
    assert method.domain_gradient_step.observed == 12
    running = [state["domain_gradient_step.running"] for state in states]
    assert min(running) < method.domain_gradient_step.running < max(running)


def test_an_average_goes_on_from_its_state() -> None:
    torch.manual_seed(0)
    nets = [nn.Linear(2, 2) for _ in range(6)]
    through, first, second = WeightAverage(0.9), WeightAverage(0.9), WeightAverage(0.9)
    for net in nets:
        through.update(net)
    for net in nets[:3]:
        first.update(net)
    second.load_state_dict(deepcopy(first.state_dict()))
    for net in nets[3:]:
        second.update(net)
    for average, net in zip((through, second), nets[:2], strict=True):
        average.copy_to(net)
    assert torch.equal(nets[0].weight, nets[1].weight)
