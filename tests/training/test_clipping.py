from itertools import pairwise

import pytest
import torch
from torch import nn

from crossgrad.methods import ERM
from crossgrad.training import fit
from crossgrad.training.clipping import GradientClip
from small import vectors


def with_gradients(*values: list[float]) -> nn.Module:
    module = nn.ParameterList([nn.Parameter(torch.zeros(len(each))) for each in values])
    for parameter, each in zip(module, values, strict=True):
        parameter.grad = torch.tensor(each)
    return module


def gradients(module: nn.Module) -> list[list[float]]:
    return [parameter.grad.tolist() for parameter in module.parameters() if parameter.grad is not None]


def test_each_value_is_bounded_on_its_own() -> None:
    module = with_gradients([0.5, -3.0], [1.0])
    GradientClip(value=1.0)(module)
    assert gradients(module) == [[0.5, -1.0], [1.0]]


def test_the_norm_is_one_for_all_parameters_and_only_ever_shrinks() -> None:
    module = with_gradients([3.0, 0.0], [4.0])
    GradientClip(norm=10.0)(module)
    assert gradients(module) == [[3.0, 0.0], [4.0]]
    GradientClip(norm=1.0)(module)
    assert gradients(module) == [pytest.approx([0.6, 0.0], rel=1e-5), pytest.approx([0.8], rel=1e-5)]


def test_values_are_bounded_before_the_norm() -> None:
    module = with_gradients([3.0, 30.0])
    GradientClip(value=4.0, norm=1.0)(module)
    assert gradients(module) == [pytest.approx([0.6, 0.8], rel=1e-5)]


def test_no_step_of_sgd_is_longer_than_rate_times_norm() -> None:
    method = ERM(nn.Linear(5, 3))
    weights = [torch.cat([p.detach().flatten() for p in method.parameters()])]

    class Kept(torch.optim.SGD):
        def step(self, closure: None = None) -> None:  # type: ignore[override]
            super().step(closure)
            weights.append(torch.cat([p.detach().flatten() for p in method.parameters()]))

    optimizer = Kept(method.parameters(), lr=0.1)
    fit(method, vectors(), optimizer=optimizer, max_steps=10, batch_size=16, seed=0, clip=GradientClip(norm=0.5))
    lengths = [float((after - before).norm()) for before, after in pairwise(weights)]
    assert max(lengths) == pytest.approx(0.05, rel=1e-3)  # inputs of this dataset are large: all would be longer
