"""From a trunk to a label net or a domain net: hidden layers and logits on top of any features."""

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from crossgrad._types import Features, Inputs, Logits

DomainFeatures = Float[Tensor, "batch domain_features"]
"""The paper's g, as a label net is given it."""


@final
class HeadedNet(nn.Module):
    """A trunk, hidden layers with ReLU, and a linear layer to the logits.

    The last hidden layer is what `features` gives: of a domain net it is the paper's g; of a label net it is what
    DANN confuses. Where domain features are taken, they join the trunk's output. With two hidden layers that is
    the output of the last but two hidden layer, where the paper concatenates g.

    Build one with `headed`, which finds the trunk's number of features.
    """

    def __init__(self, trunk: nn.Module, *, widths: Sequence[int], n_classes: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.trunk = trunk
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.output = nn.Linear(widths[-1], n_classes)
        self.dropout = nn.Dropout(dropout)

    def features(self, inputs: Inputs, domain_features: DomainFeatures | None = None) -> Features:
        """The last hidden layer's output, (batch, n_features)."""
        values: Tensor = self.trunk(inputs).flatten(1)
        if domain_features is not None:
            values = torch.cat([values, domain_features], dim=1)
        for layer in self.hidden:
            values = torch.relu(layer(values))
        return values

    def classify(self, features: Features) -> Logits:
        """Logits from the last hidden layer's output; dropout lies between the two."""
        logits: Tensor = self.output(self.dropout(features))
        return logits

    def forward(self, inputs: Inputs, domain_features: DomainFeatures | None = None) -> Logits:
        return self.classify(self.features(inputs, domain_features))


def headed(
    trunk: nn.Module,
    *,
    input_shape: Sequence[int],
    n_classes: int,
    hidden: Sequence[int],
    n_domain_features: int = 0,
    dropout: float = 0.0,
) -> HeadedNet:
    """Put hidden layers and logits on a trunk.

    Args:
        trunk: from inputs (batch, *input_shape) to features of any shape (batch, ...), which are flattened.
        input_shape: of one input, without the batch dimension.
        n_classes: labels of a label net, domains of a domain net.
        hidden: widths of the hidden layers, at least one; the last is the number of features.
        n_domain_features: width of g where the net is called with it, else 0.
        dropout: probability of zeroing a feature before the logits, in [0, 1).

    Example:
        >>> from crossgrad.nets import LeNet
        >>> net = headed(LeNet((1, 16, 16)), input_shape=(1, 16, 16), n_classes=10, hidden=(256, 128))
        >>> net(torch.zeros(2, 1, 16, 16)).shape, net.features(torch.zeros(2, 1, 16, 16)).shape
        (torch.Size([2, 10]), torch.Size([2, 128]))
    """
    width = n_features(trunk, input_shape) + n_domain_features
    return HeadedNet(trunk, widths=(width, *hidden), n_classes=n_classes, dropout=dropout)


@torch.no_grad()
def n_features(trunk: nn.Module, input_shape: Sequence[int]) -> int:
    """How many features a trunk gives for an input of a shape, found by running it once on zeros."""
    modes = [(module, module.training) for module in trunk.modules()]
    trunk.eval()  # batch statistics must not see the zeros
    try:
        features = trunk(torch.zeros(1, *input_shape))
    finally:
        for module, training in modes:
            module.training = training
    return int(features.flatten(1).shape[1])
