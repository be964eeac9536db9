import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import Parameter

from crossgrad.training.rmsprop_tf import RMSpropTF


def twin(
    weight: NDArray[np.float64],
    gradients: NDArray[np.float64],
    *,
    lr: float,
    decay: float,
    momentum: float,
    epsilon: float,
    weight_decay: float,
) -> NDArray[np.float64]:
    """The formula in TensorFlow's file, word by word, with slim's penalty in the loss."""
    mean_square = np.ones_like(weight)
    mom = np.zeros_like(weight)
    for given_gradient in gradients:
        gradient = given_gradient + weight_decay * weight
        mean_square = decay * mean_square + (1 - decay) * gradient**2
        mom = momentum * mom + lr * gradient / np.sqrt(mean_square + epsilon)
        weight = weight - mom
    return weight


def descend(optimizer_class: Any, weight: torch.Tensor, gradients: torch.Tensor, **options: Any) -> torch.Tensor:
    parameter = Parameter(weight.clone())
    optimizer = optimizer_class([parameter], **options)
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    return parameter.detach()


@given(
    st.integers(0, 2**31),
    st.floats(1e-3, 1.0),
    st.floats(0.0, 0.99),
    st.floats(0.0, 0.99),
    st.floats(1e-10, 1.0),
    st.sampled_from([0.0, 4e-5, 0.1]),
)
def test_it_is_tensorflows_formula(
    seed: int, lr: float, decay: float, momentum: float, epsilon: float, weight_decay: float
) -> None:
    random = np.random.RandomState(seed)
    weight, gradients = random.randn(3, 2), random.randn(6, 3, 2)
    options = {"lr": lr, "decay": decay, "momentum": momentum, "epsilon": epsilon, "weight_decay": weight_decay}
    found = descend(RMSpropTF, torch.from_numpy(weight), torch.from_numpy(gradients), **options)
    torch.testing.assert_close(found, torch.from_numpy(twin(weight, gradients, **options)), rtol=1e-10, atol=1e-12)


def test_the_defaults_are_those_of_the_papers_code() -> None:
    (group,) = RMSpropTF([Parameter(torch.zeros(1))]).param_groups
    assert {name: value for name, value in group.items() if name != "params"} == {
        "lr": 0.02,
        "decay": 0.9,
        "momentum": 0.9,
        "epsilon": 1.0,
        "weight_decay": 0.0,
    }


def test_the_first_step_is_small_where_torchs_is_three_times_the_rate_whatever_the_gradient() -> None:
    weight, gradients = torch.zeros(1), torch.tensor([[0.01]])
    ours = descend(RMSpropTF, weight, gradients, lr=0.02)
    torchs = descend(torch.optim.RMSprop, weight, gradients, lr=0.02, alpha=0.9)
    assert ours.item() == pytest.approx(-0.02 * 0.01 / (0.9 + 0.1 * 0.01**2 + 1) ** 0.5, rel=1e-6)
    assert torchs.item() == pytest.approx(-0.02 / 0.1**0.5, rel=1e-4)


def test_epsilon_is_inside_the_root() -> None:
    weight, gradients = torch.zeros(1, dtype=torch.float64), torch.full((200, 1), 2.0, dtype=torch.float64)
    options = {"lr": 0.001, "momentum": 0.0}
    ours = descend(RMSpropTF, weight, gradients, epsilon=5.0, **options) - descend(
        RMSpropTF, weight, gradients[1:], epsilon=5.0, **options
    )
    torchs = descend(torch.optim.RMSprop, weight, gradients, alpha=0.9, eps=5.0, **options) - descend(
        torch.optim.RMSprop, weight, gradients[1:], alpha=0.9, eps=5.0, **options
    )
    # After many steps the mean square is 4: the last of them is one of 2 / 3 here, and of 2 / 7 there.
    assert ours.item() == pytest.approx(-0.001 * 2 / 3, rel=1e-6)
    assert torchs.item() == pytest.approx(-0.001 * 2 / 7, rel=1e-6)


def test_a_new_rate_does_not_change_what_momentum_has_gathered() -> None:
    def last_step(optimizer_class: Any, **options: Any) -> float:
        parameter = Parameter(torch.zeros(1, dtype=torch.float64))
        optimizer = optimizer_class([parameter], lr=1.0, momentum=0.9, **options)
        parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        optimizer.param_groups[0]["lr"] = 0.0
        parameter.grad = torch.zeros_like(parameter)
        before = parameter.item()
        optimizer.step()
        return parameter.item() - before

    assert last_step(RMSpropTF) == pytest.approx(-0.9 / 2**0.5)
    assert last_step(torch.optim.RMSprop) == 0.0


def test_with_an_epsilon_far_above_the_gradients_it_is_sgd_with_momentum() -> None:
    generator = torch.Generator().manual_seed(0)
    gradients = 1e-3 * torch.randn(20, 4, generator=generator, dtype=torch.float64)
    weight = torch.zeros(4, dtype=torch.float64)
    ours = descend(RMSpropTF, weight, gradients, lr=0.1, decay=0.0, epsilon=1.0)
    sgd = descend(torch.optim.SGD, weight, gradients, lr=0.1, momentum=0.9)
    torch.testing.assert_close(ours, sgd, rtol=1e-4, atol=0.0)


def test_it_goes_on_from_its_state_as_if_it_had_never_stopped() -> None:
    gradients = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    through = descend(RMSpropTF, torch.ones(3), gradients)
    parameter = Parameter(torch.ones(3))
    optimizer = RMSpropTF([parameter])
    for step, gradient in enumerate(gradients):
        if step == 4:
            state = copy.deepcopy(optimizer.state_dict())
            optimizer = RMSpropTF([parameter])
            optimizer.load_state_dict(state)
        parameter.grad = gradient
        optimizer.step()
    assert torch.equal(parameter.detach(), through)


def test_a_parameter_without_a_gradient_stays() -> None:
    parameter = Parameter(torch.ones(1))
    assert RMSpropTF([parameter]).step() is None
    assert parameter.item() == 1.0


def test_a_closure_is_called_with_gradients_on() -> None:
    parameter = Parameter(torch.ones(1))
    optimizer = RMSpropTF([parameter])

    def closure() -> float:
        loss = parameter.square().sum()
        loss.backward()
        return loss.item()

    assert optimizer.step(closure) == 1.0
    assert parameter.item() < 1.0
