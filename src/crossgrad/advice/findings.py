"""What a diagnosis found: numbers alone, as its page, its table and its verdict take them."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from crossgrad.advice.composition import Composition
from crossgrad.advice.confounding import Confounding
from crossgrad.advice.within import WithinLabels
from crossgrad.significance import CONFIDENCE, Comparison, Estimate


@dataclass(frozen=True)
class ToldApart:
    """How well a domain net tells the domain of examples it was not trained on.

    Args:
        n_right: examples whose domain is told.
        n: examples measured on.
        chance: one over the number of domains.
        majority: share of the examples that are of the largest domain in training.
        by_domain: share of each domain's examples that are told.
        within: the same within labels; None where no label has two domains.
    """

    n_right: int
    n: int
    chance: float
    majority: float
    by_domain: dict[str, float]
    within: WithinLabels | None

    @property
    def accuracy(self) -> float:
        return self.n_right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy of this one net on further examples (Wilson's)."""
        from scipy.stats import binomtest

        found = binomtest(self.n_right, self.n).proportion_ci(CONFIDENCE, method="wilson")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class DomainGap:
    """What ERM loses on a domain by not having trained on it.

    Args:
        inside: accuracy on each domain's unseen examples by nets that trained on the domain.
        outside: accuracy on each domain by a net that did not.
        trained: accuracy on unseen examples of the training domains, over all runs.
        majority: what always giving the most frequent label would be right in.
    """

    inside: dict[str, float]
    outside: dict[str, float]
    trained: Estimate
    majority: float
    comparison: Comparison

    @property
    def by_domain(self) -> dict[str, float]:
        """Accuracy inside minus outside, of every domain that both are known of."""
        return {name: self.inside[name] - self.outside[name] for name in self.outside if name in self.inside}


@dataclass(frozen=True)
class Move:
    """What a calibrated step along the domain gradient does to unseen examples.

    Args:
        size: mean L-infinity norm of the perturbation, in the units of the net's inputs.
        l2: mean L2 norm of the perturbation.
        input_l2: mean L2 norm of the inputs.
        told: share of the moved examples whose domain the net still tells.
    """

    size: float
    l2: float
    input_l2: float
    told: float


@dataclass(frozen=True, eq=False)
class MovedExamples:
    """Unseen inputs and what a calibrated step along the domain gradient moves them to, in the inputs' own units.

    Args:
        inputs: float32, (n, channels, height, width).
        moved: likewise.
        labels: names, n of them.
        domains: likewise.
        size: of the step.
    """

    inputs: Float[NDArray[np.float32], "n channels height width"]
    moved: Float[NDArray[np.float32], "n channels height width"]
    labels: tuple[str, ...]
    domains: tuple[str, ...]
    size: float


@dataclass(frozen=True)
class Findings:
    """Everything that a diagnosis found; None for what could not be told, with the reason in `untold`.

    Args:
        dataset: its name.
        composition: examples by label and domain, of the whole dataset.
        confounding: of labels and domains.
        told_apart: what a domain net tells.
        gap: what ERM loses on unseen domains.
        moves: what steps of several sizes do.
        untold: why something is None, in sentences.
        left_out: test domains of the data's own split, on which nothing was trained or measured.
        net: that was trained.
        max_steps: of every training.
        seed: of everything random.
    """

    dataset: str
    composition: Composition
    confounding: Confounding | None
    told_apart: ToldApart | None
    gap: DomainGap | None
    moves: tuple[Move, ...]
    untold: tuple[str, ...]
    left_out: tuple[str, ...]
    net: str
    max_steps: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
