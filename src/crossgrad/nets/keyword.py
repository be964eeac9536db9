"""The convolutional net for spoken keywords: Sainath and Parada's, as in TensorFlow's tutorial on audio recognition."""

from collections.abc import Sequence
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor, nn

from crossgrad._types import Inputs
from crossgrad.errors import SettingsError
from crossgrad.nets.channels import divided
from crossgrad.nets.input_conv import InputConv2d


@final
class Keyword(nn.Module):
    """Convolution of 8 bands by 20 frames, ReLU, maximum pooling 2x2, convolution of 4 bands by 10 frames, ReLU.

    64 channels each; zeros around keep the convolutions' results as large as their inputs. In the tutorial the labels'
    logits follow at once; Sainath and Parada have a layer of 128 units between, as here, since the domain net's g is
    what a last hidden layer gives.

    Args:
        input_shape: (channels, bands, frames), at least 8 bands and 20 frames; the paper's are (1, 40, 98).
        divisor: of the numbers of channels.

    Raises:
        SettingsError: inputs are not of that kind, or smaller.

    Reference:
        Sainath and Parada, "Convolutional Neural Networks for Small-footprint Keyword Spotting", Interspeech 2015
        (cnn-trad-fpool3); model "conv" of TensorFlow's tutorial "Simple Audio Recognition", 2017.
    """

    HIDDEN: ClassVar = (128,)
    CHANNELS: ClassVar = (64, 64)

    def __init__(self, input_shape: Sequence[int], *, divisor: int = 1) -> None:
        super().__init__()
        if len(input_shape) != 3 or input_shape[1] < 8 or input_shape[2] < 20:
            raise SettingsError(
                "keyword takes spectrograms of (channels, bands, frames), at least 8 bands and 20 frames, not "
                f"{tuple(input_shape)}"
            )
        first, second = divided(self.CHANNELS, divisor)
        # An even kernel needs one more row of zeros at one end than at the other. The maximum of ReLUs is the ReLU of
        # the maximum, which is a quarter of the work.
        self.layers = nn.Sequential(
            *(nn.ZeroPad2d((9, 10, 3, 4)), InputConv2d(input_shape[0], first, (8, 20))),
            *(nn.MaxPool2d(2, ceil_mode=True), nn.ReLU()),
            *(nn.ZeroPad2d((4, 5, 1, 2)), nn.Conv2d(first, second, (4, 10)), nn.ReLU()),
        )

    def forward(self, inputs: Inputs) -> Float[Tensor, "batch channels bands frames"]:
        features: Tensor = self.layers(inputs)
        return features
