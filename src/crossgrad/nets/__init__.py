"""Networks: one architecture (a trunk) a file, listed once, and the heads that make nets of them."""

from collections.abc import Callable, Sequence

from torch import nn

from crossgrad.nets.conv1d import Conv1d
from crossgrad.nets.conv2 import Conv2
from crossgrad.nets.heads import HeadedNet, headed
from crossgrad.nets.input_conv import InputConv2d
from crossgrad.nets.keyword import Keyword
from crossgrad.nets.lenet import LeNet
from crossgrad.nets.mlp import MLP
from crossgrad.nets.resnet import ResNet

NETS: dict[str, Callable[[Sequence[int]], nn.Module]] = {
    "lenet": LeNet,
    "resnet": ResNet,
    "conv2": Conv2,
    "keyword": Keyword,
    "conv1d": Conv1d,
    "mlp": MLP,
}
"""Names on the command line and in records; each makes a trunk for inputs of a shape."""

__all__ = ["MLP", "NETS", "Conv1d", "Conv2", "HeadedNet", "InputConv2d", "Keyword", "LeNet", "ResNet", "headed"]
