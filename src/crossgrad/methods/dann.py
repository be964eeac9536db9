"""DANN: features from which the domain cannot be told, by gradient reversal; the paper's "DAN"."""

import math
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from crossgrad._types import Batch, Inputs, Logits
from crossgrad.errors import SettingsError
from crossgrad.methods.base import (
    Method,
    accuracy,
    check_features,
    example_losses,
    label_losses,
    measured,
    n_labelled,
)
from crossgrad.perturb import mean_over


@final
class DANN(Method):
    """Domain-adversarial training: the label net's last hidden layer is trained against a domain classifier.

    The domain head descends its own loss; the label net's layers below it ascend that loss, times a strength that
    grows over training as 2 / (1 + exp(-rate * progress)) - 1 (Ganin's schedule).

    An unlabelled example counts for the domain alone, as all of the target domain's do in Ganin's own setting.

    Args:
        label_net: with `features(inputs)`, its last hidden layer, and `classify(features)`, its logits.
        domain_head: from those features to domain logits.
        reversal: the strength at the schedule's end, >= 0; at 0 the label net is trained as by ERM.
        schedule_rate: how soon the strength is reached, > 0; Ganin's 10 reaches 0.99 of it at half time.

    Raises:
        SettingsError: a value is out of range.
        TypeError: the label net has no `features` and `classify`.

    Example:
        >>> from crossgrad.nets import headed
        >>> label_net = headed(nn.Flatten(), input_shape=(4,), n_classes=3, hidden=(8, 8))
        >>> method = DANN(label_net, nn.Linear(8, 2))
        >>> batch = Batch(torch.randn(8, 4), torch.arange(8) % 3, torch.arange(8) % 2)
        >>> sorted(method.backward(batch))
        ['domain_accuracy', 'domain_loss', 'label_accuracy', 'label_loss']

    Reference:
        Ganin et al., "Domain-Adversarial Training of Neural Networks", JMLR 17, 2016, section 4.3 and 5.2.2.
    """

    TAKES_UNLABELLED: ClassVar[bool] = True

    def __init__(
        self,
        label_net: nn.Module,
        domain_head: nn.Module,
        *,
        reversal: float = 1.0,
        schedule_rate: float = 10.0,
    ) -> None:
        super().__init__()
        if not 0 <= reversal < math.inf:
            raise SettingsError(f"reversal is a finite number >= 0, not {reversal!r}")
        if not 0 < schedule_rate < math.inf:
            raise SettingsError(f"schedule_rate is a finite number > 0, not {schedule_rate!r}")
        check_features("DANN", label_net)
        self.label_net: Any = label_net
        self.domain_head = domain_head
        self.reversal = reversal
        self.schedule_rate = schedule_rate

    @property
    def strength(self) -> float:
        """Of the reversal at the present `progress`."""
        return self.reversal * (2 / (1 + math.exp(-self.schedule_rate * self.progress)) - 1)

    def backward(self, batch: Batch) -> dict[str, Tensor]:
        features = self.label_net.features(batch.inputs.detach())
        label_logits = self.label_net.classify(features)
        n = n_labelled(batch.labels, self.processes)
        label_loss = mean_over(label_losses(label_logits, batch.labels), n)
        reversed_features = _ReverseGradient.apply(features, self.strength)  # type: ignore[no-untyped-call]
        domain_logits = self.domain_head(reversed_features)
        domain_loss = example_losses(domain_logits, batch.domains).mean()
        (label_loss + domain_loss).backward()  # type: ignore[no-untyped-call]
        results = {
            "label_loss": label_loss.detach(),
            "domain_loss": domain_loss.detach(),
            "label_accuracy": accuracy(label_logits, batch.labels, n),
            "domain_accuracy": accuracy(domain_logits, batch.domains),
        }
        return measured(results, n)

    def forward(self, inputs: Inputs) -> Logits:
        logits: Tensor = self.label_net(inputs)
        return logits

    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        return {}


class _ReverseGradient(torch.autograd.Function):
    """The identity whose gradient is multiplied by -strength."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return -ctx.strength * gradients[0], None
