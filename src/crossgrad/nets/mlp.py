"""A net for vectors, and for anything else seen as one."""

import math
from collections.abc import Sequence
from typing import ClassVar, final

from torch import nn

from crossgrad._types import Features, Inputs


@final
class MLP(nn.Module):
    """One layer of 256 units with ReLU over the flattened input; hidden layers of 128 and 64 follow.

    Args:
        input_shape: of one input, any.
    """

    HIDDEN: ClassVar = (128, 64)

    def __init__(self, input_shape: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(input_shape), 256), nn.ReLU())

    def forward(self, inputs: Inputs) -> Features:
        features: Features = self.layers(inputs)
        return features
