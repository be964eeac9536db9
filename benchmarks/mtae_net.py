"""The encoder of Ghifary et al. (2015): one layer of 500 units on the pixels, for `--net mtae_net:encoder`."""

from collections.abc import Sequence

from torch import nn


def encoder(input_shape: Sequence[int]) -> nn.Module:
    """No trunk of its own; the layer is the hidden layer that crossgrad puts on it."""
    return nn.Flatten()


encoder.HIDDEN = (500,)  # type: ignore[attr-defined]
