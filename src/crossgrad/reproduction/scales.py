"""How much of the paper's budget is spent: what differs between a test, two cores' nights, and the paper itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crossgrad.experiments.grids import CALIBRATED_BASE, PAPER_MULTIPLES, Dimension, paper_grid
from crossgrad.experiments.optimisations import OPTIMISATIONS
from crossgrad.methods import PRESETS


@dataclass(frozen=True)
class Scale:
    """A budget.

    Args:
        what: it is, in words.
        settings: of every run, by the names of `Settings`; before the benchmark's own.
        by_benchmark: likewise, for one benchmark, before `settings`.
        by_net: likewise, for one net, before both.
        divisors: by net, of its numbers of channels; nets without one keep theirs.
        fields: of methods, before what is chosen from their grids.
        n_seeds: of the comparisons.
        grids: by method, from which its settings are chosen on validation domains; methods without one keep their
            defaults.
    """

    what: str
    settings: Mapping[str, Any]
    n_seeds: int
    grids: Mapping[str, list[Dimension]]
    by_benchmark: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    by_net: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    divisors: Mapping[str, int] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: _FIELDS)

    def settings_for(self, benchmark: str, net: str) -> dict[str, Any]:
        """What runs on a benchmark with a net are trained with, where it is not the benchmark's own."""
        return {**self.settings, **self.by_benchmark.get(benchmark, {}), **self.by_net.get(net, {})}

    def net_for(self, net: str, *, divisor: int = 1) -> str:
        """A net by its name with as many channels as the scale affords, divided by `divisor` once more.

        Example:
            >>> cpu = SCALES["cpu"]
            >>> cpu.net_for("lenet"), cpu.net_for("lenet", divisor=4), cpu.net_for("conv2")
            ('lenet/2', 'lenet/8', 'conv2')
        """
        divisor *= self.divisors.get(net, 1)
        return net if divisor == 1 else f"{net}/{divisor}"


_STEPS = tuple(f"calibrated:{CALIBRATED_BASE * multiple:g}" for multiple in PAPER_MULTIPLES)
_BOTH_STEPS = ("domain_gradient_step", "label_gradient_step")

_PART_OF_THE_GRID = {
    "dann": [Dimension(("reversal",), (0.1, 0.3, 1.0))],
    "label_grad": [Dimension(("label_gradient_step",), _STEPS)],
    "crossgrad": [Dimension(_BOTH_STEPS, _STEPS)],
    "hybrid": [Dimension(_BOTH_STEPS, _STEPS)],
}

_SPEECH = ("speech", "speech_lithuanian", "synthetic_speakers")

_WHOLE_GRID = {
    "dann": [Dimension(("reversal",), (0.03, 0.1, 0.3, 1.0))],
    "label_grad": paper_grid("label_grad"),
    "crossgrad": paper_grid("crossgrad"),
    "hybrid": _PART_OF_THE_GRID["hybrid"],
}

_FIELDS: dict[str, dict[str, Any]] = {
    "crossgrad": PRESETS["paper"],
    "label_grad": {"label_gradient_step": f"calibrated:{CALIBRATED_BASE}"},
    "hybrid": dict.fromkeys(_BOTH_STEPS, f"calibrated:{CALIBRATED_BASE}"),
}
"""CrossGrad as the paper has it, g concatenated; calibrated steps for all that move inputs."""

SCALES = {
    "quick": Scale(
        "some steps, to see that everything runs: its numbers mean nothing",
        {"max_steps": 20, "batch_size": 16},
        n_seeds=2,
        grids={},
    ),
    "cpu": Scale(
        "what two cores can do in some nights: the benchmarks' own short training with narrower nets; the paper's "
        "step sizes, the middle one of its weights (0.5)",
        {},
        n_seeds=5,
        grids=_PART_OF_THE_GRID,
        by_benchmark={"fonts": {"max_steps": 1000, "batch_size": 32}},
        # After so few steps weights move faster than batch normalisation's running statistics follow: an average of
        # both over steps fits together.
        by_net={"resnet": {"average": 0.99}},
        divisors={"lenet": 2, "resnet": 2, "keyword": 4},
    ),
    "paper": Scale(
        "the paper's optimisers and its whole grid, with 50,000 steps of 32 as its authors' code has; meant for a GPU",
        {**OPTIMISATIONS["paper"], "max_steps": 50_000, "batch_size": 32, "device": "auto"},
        n_seeds=5,
        grids=_WHOLE_GRID,
        by_benchmark=dict.fromkeys(_SPEECH, OPTIMISATIONS["paper-speech"]),
    ),
}
"""By the names that --scale takes."""
