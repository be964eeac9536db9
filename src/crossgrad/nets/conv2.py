"""The net of two convolutions that Motiian et al. use for digits, and the paper for rotated MNIST."""

from collections.abc import Sequence
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor, nn

from crossgrad._types import Inputs
from crossgrad.errors import SettingsError
from crossgrad.nets.channels import divided
from crossgrad.nets.input_conv import InputConv2d


@final
class Conv2(nn.Module):
    """Two convolutions 3x3 of 32 channels with ReLU, then maximum pooling 2x2; hidden layers of 120 and 84.

    Args:
        input_shape: (channels, height, width), both at least 6.
        divisor: of the numbers of channels.

    Raises:
        SettingsError: inputs are not images, or smaller than 6x6.

    Reference:
        Motiian et al., "Unified Deep Supervised Domain Adaptation and Generalization", ICCV 2017, section 5.3.
    """

    HIDDEN: ClassVar = (120, 84)
    CHANNELS: ClassVar = (32, 32)

    def __init__(self, input_shape: Sequence[int], *, divisor: int = 1) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape[1:]) < 6:
            raise SettingsError(
                f"conv2 takes images of (channels, height, width), at least 6x6, not {tuple(input_shape)}"
            )
        first, second = divided(self.CHANNELS, divisor)
        self.layers = nn.Sequential(
            InputConv2d(input_shape[0], first, 3),
            nn.ReLU(),
            nn.Conv2d(first, second, 3),
            nn.MaxPool2d(2),  # the maximum of ReLUs is the ReLU of the maximum, which is a quarter of the work
            nn.ReLU(),
        )

    def forward(self, inputs: Inputs) -> Float[Tensor, "batch channels rows columns"]:
        features: Tensor = self.layers(inputs)
        return features
