"""A net for signals over time: LeNet's three pooled convolutions, along one axis."""

from collections.abc import Sequence
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor, nn

from crossgrad._types import Inputs
from crossgrad.errors import SettingsError
from crossgrad.nets.channels import divided


@final
class Conv1d(nn.Module):
    """Three times: convolution over 5 moments (32, 64, 128 channels), ReLU, maximum pooling over 2.

    Channels are what is measured at a moment: accelerations along three axes, electrodes, a pen's position. The input
    gradient of a convolution along one axis costs no more than its others, so the first one is torch's own.

    Args:
        input_shape: (channels, time), at least 8 moments.
        divisor: of the numbers of channels.

    Raises:
        SettingsError: inputs are not signals, or shorter than 8 moments.

    Example:
        >>> import torch
        >>> Conv1d((3, 128))(torch.zeros(2, 3, 128)).shape
        torch.Size([2, 128, 16])
    """

    HIDDEN: ClassVar = (256, 128)
    CHANNELS: ClassVar = (32, 64, 128)
    TAKES_SIGNALS: ClassVar = True
    """Arrays (n, channels, time) are given to it as they are; to other nets they are grey images."""

    def __init__(self, input_shape: Sequence[int], *, divisor: int = 1) -> None:
        super().__init__()
        if len(input_shape) != 2 or input_shape[1] < 8:
            raise SettingsError(
                f"conv1d takes signals of (channels, time), at least 8 long, not {tuple(input_shape)}; arrays are read "
                "as such by DomainDataset.from_arrays(..., signals=True)"
            )
        first, second, third = divided(self.CHANNELS, divisor)
        # The maximum of ReLUs is the ReLU of the maximum, which is half the work.
        self.layers = nn.Sequential(
            *(nn.Conv1d(input_shape[0], first, 5, padding=2), nn.MaxPool1d(2), nn.ReLU()),
            *(nn.Conv1d(first, second, 5, padding=2), nn.MaxPool1d(2), nn.ReLU()),
            *(nn.Conv1d(second, third, 5, padding=2), nn.MaxPool1d(2), nn.ReLU()),
        )

    def forward(self, inputs: Inputs) -> Float[Tensor, "batch channels time"]:
        features: Tensor = self.layers(inputs)
        return features
