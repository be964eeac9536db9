"""LeNet as the paper changes it: three pooled convolutions instead of two, ReLU instead of tanh."""

from collections.abc import Sequence
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor, nn

from crossgrad._types import Inputs
from crossgrad.errors import SettingsError
from crossgrad.nets.channels import divided
from crossgrad.nets.input_conv import InputConv2d


@final
class LeNet(nn.Module):
    """Three times: convolution 5x5 (32, 64, 128 channels), ReLU, maximum pooling 2x2.

    Args:
        input_shape: (channels, height, width), both at least 8.
        divisor: of the numbers of channels.

    Raises:
        SettingsError: inputs are not images, or smaller than 8x8.

    Reference:
        LeCun et al., 1998, as modified in Shankar et al., 2018, section 4, which names no channels: these are ours.
    """

    HIDDEN: ClassVar = (256, 128)
    CHANNELS: ClassVar = (32, 64, 128)

    def __init__(self, input_shape: Sequence[int], *, divisor: int = 1) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape[1:]) < 8:
            raise SettingsError(
                f"lenet takes images of (channels, height, width), at least 8x8, not {tuple(input_shape)}"
            )
        first, second, third = divided(self.CHANNELS, divisor)
        # The maximum of ReLUs is the ReLU of the maximum, which is a quarter of the work.
        self.layers = nn.Sequential(
            *(InputConv2d(input_shape[0], first, 5, padding=2), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.Conv2d(first, second, 5, padding=2), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.Conv2d(second, third, 5, padding=2), nn.MaxPool2d(2), nn.ReLU()),
        )

    def forward(self, inputs: Inputs) -> Float[Tensor, "batch channels rows columns"]:
        features: Tensor = self.layers(inputs)
        return features
