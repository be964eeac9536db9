import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import Parameter
from torch.optim.lr_scheduler import CosineAnnealingLR, StepLR

from crossgrad.training.schedules import make_schedule, rate_factor


def rates(name: str, steps: int, **options: float) -> list[float]:
    """Of an optimiser's steps one after another, at a learning rate of 0.5."""
    optimizer = torch.optim.SGD([Parameter(torch.zeros(1))], lr=0.5)
    schedule = make_schedule(optimizer, name, **options)  # type: ignore[arg-type]
    assert schedule is not None
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def torchs_rates(make: type, steps: int, *arguments: float) -> list[float]:
    optimizer = torch.optim.SGD([Parameter(torch.zeros(1))], lr=0.5)
    schedule = make(optimizer, *arguments)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_cosine_is_torchs() -> None:
    assert rates("cosine", 20, max_steps=20) == pytest.approx(torchs_rates(CosineAnnealingLR, 20, 20))


def test_step_is_torchs_step_and_tensorflows_staircase() -> None:
    found = rates("step", 20, max_steps=20, decay=0.94, steps_per_decay=6)
    assert found == pytest.approx(torchs_rates(StepLR, 20, 6, 0.94))
    assert found == pytest.approx([0.5 * 0.94 ** math.floor(step / 6) for step in range(20)])


@given(st.sampled_from(["constant", "cosine", "step"]), st.integers(2, 60), st.data())
def test_warm_up_grows_evenly_to_the_full_rate_and_no_factor_is_above_one(
    name: str, max_steps: int, data: st.DataObject
) -> None:
    warmup = data.draw(st.integers(1, max_steps - 1))
    options = {"max_steps": max_steps, "warmup_steps": warmup, "decay": 0.5, "steps_per_decay": max_steps}
    factors = [rate_factor(step, name, **options) for step in range(max_steps)]
    assert factors[warmup] == 1.0
    rises = [after - before for before, after in zip([0.0, *factors], factors[: warmup + 1], strict=False)]
    assert rises == pytest.approx([1 / (warmup + 1)] * (warmup + 1))
    assert all(0 < factor <= 1 for factor in factors)
    assert factors[warmup:] == sorted(factors[warmup:], reverse=True)


@pytest.mark.parametrize("name", ["constant", "cosine", "step"])
def test_every_phase_has_the_schedule_from_its_beginning(name: str) -> None:
    options = {"max_steps": 7, "warmup_steps": 2, "decay": 0.5, "steps_per_decay": 3}
    found = rates(name, 14, **options)
    assert found[:7] == found[7:]
    assert found[0] != found[2]


def test_a_constant_rate_has_no_schedule() -> None:
    assert make_schedule(torch.optim.SGD([Parameter(torch.zeros(1))], lr=0.5), "constant", max_steps=3) is None


def test_a_schedule_goes_on_from_its_state() -> None:
    options = {"max_steps": 10, "warmup_steps": 3}
    through = rates("cosine", 10, **options)
    optimizer = torch.optim.SGD([Parameter(torch.zeros(1))], lr=0.5)
    schedule = make_schedule(optimizer, "cosine", **options)
    assert schedule is not None
    for _ in range(4):
        optimizer.step()
        schedule.step()
    states = optimizer.state_dict(), schedule.state_dict()
    other = torch.optim.SGD([Parameter(torch.zeros(1))], lr=0.5)
    resumed = make_schedule(other, "cosine", **options)
    assert resumed is not None
    other.load_state_dict(states[0])
    resumed.load_state_dict(states[1])
    found = []
    for _ in range(6):
        found.append(other.param_groups[0]["lr"])
        other.step()
        resumed.step()
    assert found == through[4:]
