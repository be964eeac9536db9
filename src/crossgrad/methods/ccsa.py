"""CCSA: features of one label are pulled together across domains, those of different labels pushed apart."""

import math
from typing import Any, final

import torch
from torch import Tensor, nn

from crossgrad._types import Batch, Classes, Features, Inputs, Logits
from crossgrad.errors import SettingsError
from crossgrad.methods.base import Method, accuracy, check_features, check_weight, example_losses


@final
class CCSA(Method):
    """Classification and contrastive semantic alignment.

    The objective is (1 - w) J_l + w (alignment + separation) over the pairs of examples of different domains in the
    batch: alignment is the mean of ||g - g'||^2 / 2 over pairs of one label, separation the mean of
    max(0, margin - ||g - g'||)^2 / 2 over pairs of different labels. g is the label net's last hidden layer. All pairs
    of the batch count; Motiian et al. draw pairs of the whole data beforehand, at most three of different labels for
    one of the same.

    Args:
        label_net: with `features(inputs)`, its last hidden layer, and `classify(features)`, its logits.
        alignment_weight: w, the paper's gamma, in [0, 1]; at 0 the label net is trained as by ERM.
        margin: how far apart features of different labels are pushed, > 0, in units of g.

    Raises:
        SettingsError: a value is out of range.
        TypeError: the label net has no `features` and `classify`.

    Example:
        >>> from crossgrad.nets import headed
        >>> label_net = headed(nn.Flatten(), input_shape=(4,), n_classes=3, hidden=(8, 8))
        >>> batch = Batch(torch.randn(8, 4), torch.arange(8) % 3, torch.arange(8) % 2)
        >>> sorted(CCSA(label_net).backward(batch))
        ['alignment_loss', 'label_accuracy', 'label_loss', 'separation_loss']

    Reference:
        Motiian et al., "Unified Deep Supervised Domain Adaptation and Generalization", ICCV 2017, equations 6 to 8 and
        section 3.3 (domain generalization).
    """

    def __init__(self, label_net: nn.Module, *, alignment_weight: float = 0.25, margin: float = 1.0) -> None:
        super().__init__()
        check_weight("alignment_weight", alignment_weight)
        if not 0 < margin < math.inf:
            raise SettingsError(f"margin is a finite number > 0, not {margin!r}")
        check_features("CCSA", label_net)
        self.label_net: Any = label_net
        self.alignment_weight = alignment_weight
        self.margin = margin

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        features = self.label_net.features(batch.inputs.detach())
        logits = self.label_net.classify(features)
        label_loss = example_losses(logits, batch.labels).mean()
        # Squares of differences keep the inputs' precision where the nets' passes have a lower one.
        precise = features.to(batch.inputs.dtype)
        alignment, separation = contrast(precise, batch.labels, batch.domains, margin=self.margin)
        weight = self.alignment_weight
        ((1 - weight) * label_loss + weight * (alignment + separation)).backward()  # type: ignore[no-untyped-call]
        return {
            "label_loss": label_loss.detach(),
            "label_accuracy": accuracy(logits, batch.labels),
            "alignment_loss": alignment.detach(),
            "separation_loss": separation.detach(),
        }

    def forward(self, inputs: Inputs) -> Logits:
        logits: Tensor = self.label_net(inputs)
        return logits

    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        return {}


def contrast(features: Features, labels: Classes, domains: Classes, *, margin: float) -> tuple[Tensor, Tensor]:
    """Alignment and separation over all pairs of examples of different domains; 0 where there are no such pairs.

    Example:
        >>> features = torch.tensor([[0.0], [3.0], [0.5]])
        >>> contrast(features, torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), margin=1.0)
        (tensor(4.5000), tensor(0.1250))
    """
    first, second = torch.triu_indices(len(features), len(features), offset=1, device=features.device)
    across = domains[first] != domains[second]
    first, second = first[across], second[across]
    squares = (features[first] - features[second]).square().sum(1)
    same = labels[first] == labels[second]
    # A distance of zero has no gradient: the floor keeps the square root's finite.
    distances = squares[~same].clamp(min=torch.finfo(features.dtype).tiny).sqrt()
    alignment = squares[same].sum() / (2 * max(1, int(same.sum())))
    separation = (margin - distances).clamp(min=0).square().sum() / (2 * max(1, int((~same).sum())))
    return alignment, separation
