"""What a method is: it owns its nets and turns a batch into the parameter gradients of one training step."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from crossgrad._types import UNLABELLED, Batch, Classes, Inputs, Logits
from crossgrad.errors import SettingsError
from crossgrad.global_state import generators_alone
from crossgrad.perturb import example_norms, mean_over
from crossgrad.processes import ALONE, Processes

_NO_CLASS = torch.iinfo(torch.int64).min
"""Torch leaves -100 out of a loss without a word unless told to leave out another."""


class Method(nn.Module, ABC):
    """A way to train a label net. The loop owns optimisers, devices and steps; a method owns nets and losses.

    Attributes:
        progress: share of training done, in [0, 1], set by the loop before each step. Only methods with a schedule
            read it (DANN); 1, where no loop sets it, is the schedule's end.
        phase: of training, from 0 to N_PHASES - 1, set by the loop; only methods of several phases read it (MTAE). The
            last, where no loop sets it. `progress` is that of the phase.
        processes: that train together, set by the loop; a batch is this process's share of the whole one.
    """

    N_PHASES: ClassVar[int] = 1
    TAKES_UNLABELLED: ClassVar[bool] = False
    """Whether a batch may have UNLABELLED examples: of use to whoever has a net that tells domains. Label losses and
    label accuracies are then means over the labelled ones."""
    progress: float = 1.0
    phase: int = 0
    processes: Processes = ALONE

    @property
    def passes(self) -> float:
        """What a step costs, in forward and backward passes of a net: ERM's is 1, a forward alone a third."""
        return 1.0

    @abstractmethod
    def backward(self, batch: Batch) -> dict[str, Tensor]:
        """Accumulate the gradients of one training step in the parameters' `.grad`.

        Every loss is a mean over the batch. The caller's tensors, the nets' modes and `requires_grad` stay as they
        are.

        Args:
            batch: inputs (batch, *shape), labels (batch,), domains (batch,) among the training domains.

        Returns:
            Detached scalars: losses; the shares of the inputs as they came that are given their own label
            ("label_accuracy") and, where a net tells domains, their own domain ("domain_accuracy"); for methods that
            move inputs the mean size of the perturbation in input units ("perturbation_l2", "perturbation_linf",
            beside "input_l2"). Sizes are those that the label net's inputs would be moved by: over all examples,
            UNLABELLED ones included, and before CrossGrad's mixing "examples" draws which are moved. What is told of
            labels is left out where no example of the batch, all processes' together, has one.
        """

    @abstractmethod
    def forward(self, inputs: Inputs) -> Logits:
        """Label logits, (batch, n_labels)."""

    @abstractmethod
    def perturbed(self, batch: Batch) -> dict[str, Tensor]:
        """The inputs as `backward` would move them now, touching no parameter's `.grad` and no state.

        The batch is a whole one: no other process is asked about it.

        Returns:
            "domain_perturbed": moved along the domain loss's gradient; "label_perturbed": along the label loss's;
            each (batch, *shape). Empty for methods that move nothing.
        """


def example_losses(logits: Logits, classes: Classes) -> Tensor:
    """Cross-entropy of each example, (batch,). Every example has a class.

    Raises:
        IndexError: a class is none of the logits'; UNLABELLED is none, and neither is torch's own mark, -100.
    """
    return cross_entropy(logits, classes, reduction="none", ignore_index=_NO_CLASS)


def label_losses(logits: Logits, labels: Classes) -> Tensor:
    """Cross-entropy of each example, (batch,); 0 for UNLABELLED ones, without a gradient.

    Example:
        >>> label_losses(torch.tensor([[0.0, 0.0], [9.0, 0.0]]), torch.tensor([0, UNLABELLED]))
        tensor([0.6931, 0.0000])
    """
    return cross_entropy(logits, labels, reduction="none", ignore_index=UNLABELLED)


def n_labelled(labels: Classes, processes: Processes = ALONE) -> float:
    """What a sum over the labelled examples is divided by for their mean.

    Of several processes: this one's share, by its examples, of all that have a label. The means of processes, each
    counted by its examples, are the whole batch's mean then, whoever's the labelled examples are.

    Args:
        labels: of this process's examples.
        processes: of the whole batch; all call this.

    Example:
        >>> n_labelled(torch.tensor([2, UNLABELLED, 0]))
        2
    """
    own = int((labels != UNLABELLED).sum())
    if processes.size == 1:
        return own
    labelled, n = processes.sum(torch.tensor([own, len(labels)])).tolist()
    return float(labelled * len(labels) / n)


def measured(results: dict[str, Tensor], n: float) -> dict[str, Tensor]:
    """What a step tells: nothing of labels where none of the whole batch's examples has one.

    A mean over none is no zero, which would count in the means over steps.

    Args:
        results: by the names that `Method.backward` gives them.
        n: as `n_labelled` counts, so it is 0 in all processes or in none.

    Example:
        >>> measured({"label_loss": torch.tensor(0.0), "domain_loss": torch.tensor(0.7)}, 0)
        {'domain_loss': tensor(0.7000)}
    """
    return results if n else {name: value for name, value in results.items() if "label_" not in name}


def clean_backward(
    losses: Tensor, *leaves: Tensor, weight: float, n: float | None = None, retain_graph: bool = False
) -> tuple[Tensor, ...]:
    """One backward pass for two purposes: the parameters' gradients and the leaves' own.

    Adds the gradient of weight * mean(losses) to the parameters and frees the graph (unless `retain_graph`). With
    weight 0 no parameter's `.grad` is touched.

    Args:
        losses: one an example, (batch,).
        leaves: inputs that losses were computed from, without a `.grad` yet, (batch, *shape) each.
        weight: of the clean loss in the net's objective, in [0, 1].
        n: losses that the mean is over, where the others are zero (`n_labelled`); None: all.
        retain_graph: keep the graph, for one more backward through a part of it.

    Returns:
        For each leaf the gradient of each example's own loss; empty, (0,), where the leaf does not require one.
    """
    if weight > 0:
        n = len(losses) if n is None else n
        (weight * mean_over(losses, n)).backward(retain_graph=retain_graph)  # type: ignore[no-untyped-call]
        # An example's own loss counts weight / n times in what was just differentiated.
        scale = n / weight
        return tuple(leaf.new_empty(0) if leaf.grad is None else leaf.grad * scale for leaf in leaves)
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    found = iter(torch.autograd.grad(losses.sum(), wanted, retain_graph=retain_graph) if wanted else ())
    return tuple(next(found) if leaf.requires_grad else leaf.new_empty(0) for leaf in leaves)


@torch.no_grad()
def accuracy(logits: Logits, classes: Classes, n: float | None = None) -> Tensor:
    """Share of the examples whose own class has the largest logit, in float32 whatever the logits' precision.

    With `n`, of those that have a class, as `n_labelled` counts them.

    Example:
        >>> accuracy(torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0]]), torch.tensor([0, 1, 1]))
        tensor(0.6667)
    """
    return mean_over((logits.argmax(1) == classes).to(torch.float32), len(classes) if n is None else n)


@contextmanager
def state_kept(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Put back what passes in training mode change: a module's buffers and torch's generators, the device's included.

    Gradients can be had within, whatever the caller has turned off.

    Buffers are batch statistics of the nets and running means of calibrated steps.
    """
    kept = [
        (each, name, buffer, buffer.clone())
        for each in module.modules()
        for name, buffer in each.named_buffers(recurse=False)
    ]
    try:
        with torch.enable_grad(), generators_alone(device):
            yield
    finally:
        with torch.no_grad():
            for each, name, buffer, value in kept:
                setattr(each, name, buffer)  # a pass may have put another tensor in its place
                if not torch.equal(buffer, value):  # an expanded one never changes, and nothing can be copied to it
                    buffer.copy_(value)


@torch.no_grad()
def perturbation_sizes(perturbation: Tensor, inputs: Tensor) -> dict[str, Tensor]:
    """Mean norms over the batch of a perturbation and of the inputs it is added to, in input units."""
    return {
        "perturbation_l2": example_norms(perturbation, "l2").mean(),
        "perturbation_linf": example_norms(perturbation, "linf").mean(),
        "input_l2": example_norms(inputs, "l2").mean(),
    }


def check_weight(name: str, weight: float) -> None:
    """Refuse a share outside [0, 1].

    Raises:
        SettingsError: quotes the name and the value.
    """
    if not 0 <= weight <= 1:
        raise SettingsError(f"{name} is a share in [0, 1], not {weight!r}")


def check_apart(label_net: nn.Module, domain_net: nn.Module) -> None:
    """Refuse two nets that have a parameter in common: each is trained by losses of its own.

    Raises:
        SettingsError: they do.
    """
    own = {id(parameter) for parameter in label_net.parameters()}
    if any(id(parameter) in own for parameter in domain_net.parameters()):
        raise SettingsError("label_net and domain_net have parameters in common; give each its own (copy.deepcopy)")


def check_features(method: str, label_net: nn.Module) -> None:
    """Refuse a label net whose last hidden layer cannot be had apart from its logits.

    Raises:
        TypeError: it lacks `features` or `classify`.
    """
    if not (hasattr(label_net, "features") and hasattr(label_net, "classify")):
        raise TypeError(
            f"{method} needs a label net with features(inputs) and classify(features); "
            f"{type(label_net).__name__} lacks them: see crossgrad.nets.headed"
        )


def check_domain_features(domain_net: nn.Module) -> None:
    """Refuse a domain net whose last hidden layer, g, cannot be had apart from its logits.

    Raises:
        TypeError: it lacks `features` or `classify`.
    """
    if not (hasattr(domain_net, "features") and hasattr(domain_net, "classify")):
        raise TypeError(
            "condition needs a domain net with features(inputs) and classify(features); "
            f"{type(domain_net).__name__} lacks them: see crossgrad.nets.headed"
        )
