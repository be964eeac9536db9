"""ERM at equal compute: with as many steps as make it cost what the costliest method of a comparison does."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from crossgrad.data import DomainDataset
from crossgrad.experiments.estimate import step_seconds
from crossgrad.experiments.runs import Run
from crossgrad.records import Record

MATCHED = "erm_matched"
"""The control's name in METHODS and in records."""

StepCost = Callable[[Run], float]
"""What a training step of a run costs, in any unit."""


def passes(runs: Sequence[Run], dataset: DomainDataset) -> StepCost:
    """By forward and backward passes of a net, which depend on the method's fields alone."""
    found: dict[str, float] = {}

    def cost(run: Run) -> float:
        kind = f"{run.method} {sorted(run.settings.fields.items())}"
        if kind not in found:
            found[kind] = run.build(dataset).passes
        return found[kind]

    return cost


def seconds(runs: Sequence[Run], dataset: DomainDataset) -> StepCost:
    """By the time of a few steps of each method, measured now on this machine."""
    measured = step_seconds(runs, dataset)
    return lambda run: measured[run.method]


COSTS: dict[str, Callable[[Sequence[Run], DomainDataset], StepCost]] = {"passes": passes, "seconds": seconds}
"""By what ERM can be matched."""


def with_matched(
    runs: Sequence[Run], erm: Sequence[Run], dataset: DomainDataset, *, match: str, earlier: Sequence[Record] = ()
) -> list[Run]:
    """Runs with the control behind those of each fold and seed.

    Args:
        runs: of a comparison; those of one fold and seed together.
        erm: of ERM on the same folds with the same seeds, whatever is compared.
        dataset: of the runs.
        match: name in COSTS.
        earlier: records of the same comparison, interrupted: steps that were measured then are kept, since another
            measurement would make other runs.
    """
    settled = {(tuple(r["held_out"]), r["seed"]): r["max_steps"] for r in earlier if r["method"] == MATCHED}
    cost = COSTS[match]([*runs, *erm], dataset)
    result: list[Run] = []
    for each in erm:
        beside = [run for run in runs if (run.held_out, run.seed) == (each.held_out, each.seed)]
        costliest = max(cost(run) * run.n_steps for run in beside)
        n_steps = settled.get((each.held_out, each.seed), max(1, round(costliest / cost(each))))
        result += [*beside, replace(each, method=MATCHED, settings=replace(each.settings, max_steps=n_steps))]
    return result
