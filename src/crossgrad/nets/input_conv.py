"""The convolution that takes a net's inputs: methods that move inputs need its gradient for them, cheaply."""

from typing import Any, final

import torch
from torch import Tensor, nn


@final
class InputConv2d(nn.Module):
    """A 2D convolution (stride 1) whose input gradient is fast on CPUs for inputs of few channels.

    On CPUs PyTorch leaves a convolution's gradients to oneDNN, which handles channels in blocks: for one or three input
    channels its input gradient takes several times as long as PyTorch's own kernel for the same sum
    (benchmarks/input_conv.py). Ordinary training never asks for that gradient; CrossGrad does twice a step. Values and
    all other gradients are those of nn.Conv2d.

    Args:
        in_channels: of the inputs.
        out_channels: of the result.
        kernel_size: of the kernel: one number for height and width, or both.
        padding: zeros around the inputs: one number for height and width, both, or nn.Conv2d's words, which are not
            the fast way.
        bias: add one to every channel.

    Example:
        >>> inputs = torch.rand(2, 1, 8, 8, requires_grad=True)
        >>> InputConv2d(1, 4, 3, padding=1)(inputs).sum().backward()
        >>> inputs.grad.shape
        torch.Size([2, 1, 8, 8])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        padding: int | tuple[int, int] | str = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=padding, bias=bias)

    def forward(self, inputs: Tensor) -> Tensor:
        sides = self.conv.padding
        is_fast = inputs.dim() == 4 and not isinstance(sides, str)
        if not (is_fast and inputs.requires_grad and torch.is_grad_enabled() and inputs.device.type == "cpu"):
            plain: Tensor = self.conv(inputs)
            return plain
        weight, bias = self.conv.weight, self.conv.bias
        if torch.is_autocast_enabled("cpu"):
            # Autocast alone would cast inside _Convolve, whose backward then has gradients of another type than inputs.
            dtype = torch.get_autocast_dtype("cpu")
            inputs, weight = inputs.to(dtype), weight.to(dtype)
            bias = None if bias is None else bias.to(dtype)
        result: Tensor = _Convolve.apply(inputs, weight, bias, sides)  # type: ignore[no-untyped-call]
        return result


class _Convolve(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(inputs: Tensor, weight: Tensor, bias: Tensor | None, sides: Any) -> Tensor:
        return torch.conv2d(inputs, weight, bias, padding=sides)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[0], inputs[1])
        ctx.sides = inputs[3]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        inputs, weight = ctx.saved_tensors
        gradient, sides = gradients[0].contiguous(), list(ctx.sides)
        wants_inputs, wants_weight, wants_bias, _ = ctx.needs_input_grad
        by_inputs = by_weight = by_bias = None
        if wants_inputs:
            by_inputs, _, _ = torch.ops.aten._slow_conv2d_backward(
                gradient, inputs.contiguous(), weight, weight.shape[2:], [1, 1], sides, [True, False, False]
            )
        if wants_weight or wants_bias:
            _, by_weight, by_bias = torch.ops.aten.convolution_backward(
                gradient,
                inputs,
                weight,
                [weight.shape[0]],
                [1, 1],
                sides,
                [1, 1],
                False,
                [0, 0],
                1,
                [False, wants_weight, wants_bias],
            )
        return by_inputs, by_weight, by_bias, None
