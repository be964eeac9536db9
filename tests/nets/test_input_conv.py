"""The convolution of inputs is nn.Conv2d in everything but speed."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.nets import InputConv2d


@given(
    channels=st.integers(1, 4),
    size=st.integers(5, 9),
    kernel_size=st.sampled_from([1, 3, 5, (2, 4), (5, 2)]),
    padding=st.integers(0, 2) | st.tuples(st.integers(0, 2), st.integers(0, 2)) | st.sampled_from(["same", "valid"]),
    batch=st.integers(1, 3),
    bias=st.booleans(),
)
def test_values_and_all_gradients_are_those_of_an_ordinary_convolution(
    channels: int, size: int, kernel_size: int, padding: int | tuple[int, int] | str, batch: int, bias: bool
) -> None:
    torch.manual_seed(size)
    fast = InputConv2d(channels, 6, kernel_size, padding=padding, bias=bias).double()
    assert (fast.conv.bias is not None) == bias
    values = torch.randn(batch, channels, size, size, dtype=torch.float64)
    values = values if batch > 1 else values[0]  # one input without a batch is taken, too
    results = []
    for convolve in (fast, fast.conv):
        inputs = values.clone().requires_grad_()
        output = convolve(inputs)
        gradients = torch.autograd.grad(output.square().sum(), [inputs, *fast.parameters()])
        results.append([output.detach(), *gradients])
    torch.testing.assert_close(results[0], results[1], rtol=1e-10, atol=1e-10)


def test_second_derivatives_are_right_too() -> None:
    torch.manual_seed(0)
    convolve = InputConv2d(2, 3, 3, padding=1).double()
    inputs = torch.randn(2, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(convolve, inputs)
    assert torch.autograd.gradgradcheck(convolve, inputs)


def test_a_frozen_convolution_still_gives_input_gradients_and_takes_none() -> None:
    convolve = InputConv2d(1, 3, 3)
    convolve.requires_grad_(False)
    inputs = torch.rand(2, 1, 5, 5, requires_grad=True)
    convolve(inputs).sum().backward()
    assert inputs.grad is not None
    assert convolve.conv.weight.grad is None


def test_inputs_that_need_no_gradient_take_the_ordinary_way() -> None:
    convolve = InputConv2d(1, 3, 3)
    assert "Convolution" in convolve(torch.rand(1, 1, 5, 5)).grad_fn.name()


def test_function_transforms_go_through() -> None:
    convolve = InputConv2d(1, 3, 3)
    inputs = torch.rand(2, 1, 1, 5, 5, requires_grad=True)
    torch.testing.assert_close(torch.func.vmap(convolve)(inputs), torch.stack([convolve(x) for x in inputs]))
    output, pull_back = torch.func.vjp(convolve, inputs[0].detach())
    _, plain_pull_back = torch.func.vjp(convolve.conv, inputs[0].detach())
    torch.testing.assert_close(pull_back(output), plain_pull_back(output))
