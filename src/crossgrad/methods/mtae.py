"""D-MTAE: features learnt by rebuilding an input as it would look in other domains, then a classifier on them."""

from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from crossgrad._types import Batch, Classes, Inputs, Logits
from crossgrad.errors import SettingsError
from crossgrad.methods.base import Method, accuracy, check_features, example_losses


@final
class MTAE(Method):
    """The denoising multi-task autoencoder, in two phases.

    In the first, the label net's features of a corrupted input are decoded, by the decoder of another example's domain,
    to that example: one of the same label, drawn from the batch anew at every step (domains first, so that each is as
    likely as the others; the example itself among them). The loss is the mean squared error over all values. In the
    second, the last layer is trained on the features to classify.

    Args:
        label_net: with `features(inputs)`, its last hidden layer, and `classify(features)`, its logits.
        decoders: from features to (batch, n_domains * size of an input): a decoder a domain.
        corruption: probability that a value of the input is zeroed before it is encoded, in [0, 1).
        fine_tune: in the second phase train the whole label net, not the last layer alone.

    Raises:
        SettingsError: a value is out of range.
        TypeError: the label net has no `features` and `classify`.

    Example:
        >>> from crossgrad.nets import headed
        >>> label_net = headed(nn.Flatten(), input_shape=(4,), n_classes=3, hidden=(8, 8))
        >>> method = MTAE(label_net, nn.Linear(8, 2 * 4))
        >>> batch = Batch(torch.randn(8, 4), torch.arange(8) % 3, torch.arange(8) % 2)
        >>> method.phase = 0
        >>> sorted(method.backward(batch))
        ['reconstruction_loss']

    Reference:
        Ghifary et al., "Domain Generalization for Object Recognition with Multi-task Autoencoders", ICCV 2015,
        algorithm 1 (D-MTAE). They encode by one layer of units, weigh by an L2 penalty (here: the optimiser's) and
        classify by a linear SVM; here the encoder is the label net and the classifier is its last layer.
    """

    N_PHASES: ClassVar[int] = 2
    phase: int = 1

    def __init__(
        self, label_net: nn.Module, decoders: nn.Module, *, corruption: float = 0.3, fine_tune: bool = False
    ) -> None:
        super().__init__()
        if not 0 <= corruption < 1:
            raise SettingsError(f"corruption is a probability in [0, 1), not {corruption!r}")
        check_features("MTAE", label_net)
        self.label_net: Any = label_net
        self.decoders = decoders
        self.corruption = corruption
        self.fine_tune = fine_tune

    @property
    def passes(self) -> float:
        return (1 + (1 if self.fine_tune else 1 / 3)) / 2  # of both phases; the second may need no backward

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        inputs = batch.inputs.detach()
        if self.phase == 0:
            loss = self._reconstruction_loss(inputs, batch.labels, batch.domains)
            results = {"reconstruction_loss": loss.detach()}
        else:
            with torch.set_grad_enabled(self.fine_tune):
                features = self.label_net.features(inputs)
            logits = self.label_net.classify(features)
            loss = example_losses(logits, batch.labels).mean()
            results = {"label_loss": loss.detach(), "label_accuracy": accuracy(logits, batch.labels)}
        loss.backward()  # type: ignore[no-untyped-call]
        return results

    def forward(self, inputs: Inputs) -> Logits:
        logits: Tensor = self.label_net(inputs)
        return logits

    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        return {}

    def _reconstruction_loss(self, inputs: Tensor, labels: Tensor, domains: Tensor) -> Tensor:
        partners = draw_partners(labels, domains)
        kept = torch.rand_like(inputs) >= self.corruption
        decoded = self.decoders(self.label_net.features(inputs * kept))
        by_domain = decoded.view(len(inputs), -1, inputs[0].numel())
        rebuilt = by_domain[torch.arange(len(inputs), device=inputs.device), domains[partners]]
        return nn.functional.mse_loss(rebuilt, inputs[partners].flatten(1))


def draw_partners(labels: Classes, domains: Classes) -> Classes:
    """For each example one of its label: of a domain drawn evenly from those that have the label, then evenly of those.

    Example:
        >>> draw_partners(torch.tensor([0, 1, 2]), torch.tensor([0, 0, 1]))  # nobody else has its label
        tensor([0, 1, 2])
    """
    same_label = labels[:, None] == labels
    same_domain = (domains[:, None] == domains).to(torch.float32)
    # How many of the row's label are in the column's domain: dividing by it makes domains equally likely.
    crowd = same_label.to(torch.float32) @ same_domain
    return torch.multinomial(same_label / crowd.clamp(min=1), 1).squeeze(1)
