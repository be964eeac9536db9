"""The "2-block ResNet" of the paper's table 5."""

from collections.abc import Sequence
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from crossgrad._types import Features, Inputs
from crossgrad.errors import SettingsError
from crossgrad.nets.channels import divided
from crossgrad.nets.input_conv import InputConv2d


@final
class ResidualBlock(nn.Module):
    """Two convolutions 3x3 with batch normalisation, added to the input, then ReLU.

    Where the block changes the size, the first convolution has stride 2, and the input is brought to the same shape
    by a convolution 1x1 (option B of He et al., section 3.3).

    Args:
        in_channels: of the input.
        out_channels: of the result.
        stride: 1 keeps rows and columns, 2 halves them.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int) -> None:
        super().__init__()
        # A bias before batch normalisation would be taken off again by it.
        self.residual = nn.Sequential(
            *(nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False), nn.BatchNorm2d(out_channels)),
            nn.ReLU(),
            *(nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels)),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(
        self, inputs: Float[Tensor, "batch channels rows columns"]
    ) -> Float[Tensor, "batch out_channels out_rows out_columns"]:
        return torch.relu(self.shortcut(inputs) + self.residual(inputs))


@final
class ResNet(nn.Module):
    """A convolution, pooling, two residual blocks of 64 and 128 channels, and the mean over all places.

    The paper says "a 2-block ResNet (He et al., 2016)" and no more. Read here as He et al.'s plan with one block in
    each of two stages: the stem of their nets (for images of 32x32: 3x3 instead of 7x7 with stride 2), their basic
    blocks, the second of which halves the image and doubles the channels, their global average pooling.

    The clean and the perturbed inputs of a step are normalised by their own batches' statistics, and both enter the
    running ones.

    Args:
        input_shape: (channels, height, width), both at least 8.
        divisor: of the numbers of channels.

    Raises:
        SettingsError: inputs are not images, or smaller than 8x8.

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
    """

    HIDDEN: ClassVar = (256, 128)
    CHANNELS: ClassVar = (64, 128)

    def __init__(self, input_shape: Sequence[int], *, divisor: int = 1) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape[1:]) < 8:
            raise SettingsError(
                f"resnet takes images of (channels, height, width), at least 8x8, not {tuple(input_shape)}"
            )
        first, second = divided(self.CHANNELS, divisor)
        self.layers = nn.Sequential(
            *(InputConv2d(input_shape[0], first, 3, padding=1, bias=False), nn.BatchNorm2d(first)),
            *(nn.MaxPool2d(2), nn.ReLU()),
            ResidualBlock(first, first, stride=1),
            ResidualBlock(first, second, stride=2),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        )

    def forward(self, inputs: Inputs) -> Features:
        features: Features = self.layers(inputs)
        return features
