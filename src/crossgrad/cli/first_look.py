"""A comparison that takes hours, made small enough to be looked at first."""

from dataclasses import replace

from crossgrad.building import trunk_factory
from crossgrad.comparison import Comparison
from crossgrad.errors import SettingsError
from crossgrad.experiments.estimate import step_seconds
from crossgrad.nets import NETS

STEPS = 200
DIVISOR = 4
"""Of the net's channels, where it is one of ours that is not divided yet: a step costs about a tenth then."""


def first_look(comparison: Comparison, *, jobs: int | None) -> tuple[str, float] | None:
    """What to add to the command for a first look, and about how many seconds that takes.

    One seed, 200 steps, a quarter of the net's channels, in a folder of its own: results of other settings do not mix.
    Methods, folds and data stay as they are.

    Args:
        comparison: as it was asked for.
        jobs: runs at once.

    Returns:
        None where all of that was asked for already.
    """
    runs = comparison.runs
    first, n_seeds = runs[0], len({run.seed for run in runs})
    steps = min(run.settings.max_steps for run in runs)
    options = []
    if n_seeds > 1:
        options.append("--seeds 1")
    if steps > STEPS:
        options.append(f"--max-steps {STEPS}")
    net = first.net
    narrower = _narrower(net)
    if narrower and all(run.net == net and run.select == "none" for run in runs):  # chosen with its net
        net = narrower
        options.append(f"--net {net}")
    if not options:
        return None
    share = min(1.0, STEPS / steps)  # ERM of as much compute has more steps than the others
    shorter = [
        replace(run, net=net, settings=replace(run.settings, max_steps=max(1, round(share * run.settings.max_steps))))
        for run in runs
        if run.seed == first.seed
    ]
    by_method = step_seconds(shorter, comparison.dataset)
    seconds = sum(by_method[run.method] * run.n_steps for run in shorter)
    return " ".join([*options, "--output first-look"]), seconds / max(1, min(jobs or 1, len(shorter)))


def _narrower(net: str) -> str | None:
    """One of ours with a part of its channels; None where it has none to leave out."""
    if net not in NETS:
        return None
    narrower = f"{net}/{DIVISOR}"
    try:
        trunk_factory(narrower)
    except SettingsError:
        return None
    return narrower
