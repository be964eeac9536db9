"""What goes wrong in a training that goes on nonetheless, in words, with what to try: from its stretches alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from crossgrad.training.stretch import Stretch

FEW_EXAMPLES = 1000
"""An accuracy over fewer examples says little: guessing among ten classes, its standard error is a percentage point."""

STANDARD_ERRORS = 2.0
"""An accuracy no further above that of guessing may come of guessing; true of one that does in 98 of 100 looks."""

LONG_WAIT_SECONDS = 1.0
"""Waiting for less in all is no trouble, whatever share of the time it is."""

CERTAIN = 0.99
"""Domain accuracy on training batches from which on a domain net has next to nothing left to learn from them."""

STANDING_STILL = 1e-3
"""A perturbation's share of its input's length below which the net sees the same input twice."""

COLLAPSE = 0.1
"""What is left of the largest perturbations where they have collapsed; a step that was small from the start is none."""


@dataclass(frozen=True)
class Baseline:
    """What a training is judged against.

    Args:
        max_steps: of each of the method's phases.
        label_chance: accuracy of giving every example the most common label.
        domain_chance: likewise of domains.
        input_range: largest minus smallest value of the inputs as nets get them.
    """

    max_steps: int
    label_chance: float
    domain_chance: float
    input_range: float


def troubles(stretches: Sequence[Stretch], baseline: Baseline) -> dict[str, str]:
    """What the stretches of a training so far show to be wrong: a sentence for each trouble, by its name.

    Accuracies are those on training batches before their step. They are judged from half of a phase on, over its last
    quarter.

    Args:
        stretches: in order, at least one.
        baseline: of the training.

    Example:
        >>> waits = [
        ...     Stretch(step - 1, step, {}, seconds=2.0, waiting_seconds=1.5, n_examples=64, learning_rate=0.1)
        ...     for step in range(1, 9)
        ... ]
        >>> baseline = Baseline(max_steps=100, label_chance=0.1, domain_chance=0.1, input_range=1.0)
        >>> troubles(waits, baseline)["stalled_loader"]
        'waiting for batches takes 75 % of the time; ...'
    """
    step = stretches[-1].step
    phase_start = (step - 1) // baseline.max_steps * baseline.max_steps
    done = (step - phase_start) / baseline.max_steps
    recent = [each for each in stretches if each.step > max(phase_start, step - baseline.max_steps / 4)]
    found = {"stalled_loader": _stalled_loader(stretches), "large_perturbation": None}
    if done >= 0.1:
        found["large_perturbation"] = _large_perturbation(recent, baseline)
    if done >= 0.5:
        found["label_net_at_chance"] = _label_net_at_chance(recent, baseline)
        found["domain_net_at_chance"] = _domain_net_at_chance(recent, baseline)
        found["domain_net_certain"] = _domain_net_certain(stretches, recent, baseline)
    return {name: sentence for name, sentence in found.items() if sentence is not None}


def _stalled_loader(stretches: Sequence[Stretch]) -> str | None:
    later = stretches[1:]  # workers start in the first
    waited, seconds = sum(each.waiting_seconds for each in later), sum(each.seconds for each in later)
    if waited < LONG_WAIT_SECONDS or waited <= seconds / 2:
        return None
    return (
        f"waiting for batches takes {100 * waited / seconds:.0f} % of the time; try more workers (--workers), "
        "smaller inputs, a faster disk, or data that fits in memory"
    )


def _large_perturbation(recent: Sequence[Stretch], baseline: Baseline) -> str | None:
    size = _mean(recent, "perturbation_linf")
    if size is None or size <= baseline.input_range:
        return None
    return (
        f"perturbations are larger than the data: their largest value is {size:.3g} in the mean, and inputs range over "
        f"{baseline.input_range:.3g}; try a smaller step, or one that is held at a size, such as "
        f"calibrated:{baseline.input_range / 10:.1g}"
    )


def _label_net_at_chance(recent: Sequence[Stretch], baseline: Baseline) -> str | None:
    accuracy = _mean(recent, "label_accuracy")
    if accuracy is None or not _is_chance(accuracy, baseline.label_chance, recent):
        return None
    return (
        f"labels are still guessed after step {recent[-1].step}: accuracy on training batches is {accuracy:.3f}, and "
        f"{baseline.label_chance:.3f} is that of always giving the most common label; try another learning rate, more "
        "steps, or another net, and look whether labels and inputs belong together"
    )


def _domain_net_at_chance(recent: Sequence[Stretch], baseline: Baseline) -> str | None:
    accuracy = _mean(recent, "domain_accuracy")
    # Where no input is moved, as by DANN, a domain net at chance is no trouble: it may be what is wanted.
    if accuracy is None or _mean(recent, "perturbation_l2") is None:
        return None
    if not _is_chance(accuracy, baseline.domain_chance, recent):
        return None
    return (
        f"the domain net is dead: after step {recent[-1].step} it tells domains no better than guessing (accuracy "
        f"{accuracy:.3f} on training batches, guessing has {baseline.domain_chance:.3f}), so inputs are moved along "
        "nothing that sets domains apart; try another learning rate or more steps; if crossgrad diagnose cannot tell "
        "the domains apart either, plain training (erm) does as well"
    )


def _domain_net_certain(stretches: Sequence[Stretch], recent: Sequence[Stretch], baseline: Baseline) -> str | None:
    accuracy, moved, length = (_mean(recent, name) for name in ("domain_accuracy", "perturbation_l2", "input_l2"))
    if accuracy is None or moved is None or length is None:
        return None
    largest = max(each.means.get("perturbation_l2", 0.0) for each in stretches)
    if accuracy < CERTAIN or moved >= STANDING_STILL * length or moved >= COLLAPSE * largest:
        return None
    return (
        f"the domain net knows the domain of every training example (accuracy {accuracy:.3f}), by heart or since it is "
        f"easy to tell, and its gradients have vanished: inputs are moved by {moved:.2g}, of a length of {length:.2g}, "
        "so this is plain training by now; try steps that do not shrink with gradients (norm=l2, or "
        f"domain_gradient_step=calibrated:{baseline.input_range / 10:.1g}), weight decay, dropout, or more data"
    )


def _mean(stretches: Sequence[Stretch], name: str) -> float | None:
    """By examples; None where it is not logged."""
    logged = [each for each in stretches if name in each.means]
    if not logged:
        return None
    return sum(each.n_examples * each.means[name] for each in logged) / sum(each.n_examples for each in logged)


def _is_chance(accuracy: float, chance: float, stretches: Sequence[Stretch]) -> bool:
    """Whether guessing is right as often, within the binomial error of so many examples."""
    n = sum(each.n_examples for each in stretches)
    if n < FEW_EXAMPLES or chance >= 1:
        return False
    return accuracy <= chance + STANDARD_ERRORS * math.sqrt(chance * (1 - chance) / n)
