"""From what is asked for to a sweep's plan; everything that cannot work is refused here, before anything is trained."""

import json
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from crossgrad.building import known, method_name
from crossgrad.data import (
    DomainDataset,
    check_dataset,
    default_protocol,
    held_out_folds,
    left_out_domains,
    random_split,
    validation_folds,
)
from crossgrad.defaults import default_net, default_settings
from crossgrad.errors import DataError, RecordError, SettingsError
from crossgrad.experiments.budget import fit
from crossgrad.experiments.estimate import step_seconds
from crossgrad.experiments.grids import Dimension, check_grid, paper_grid, points, random_points
from crossgrad.experiments.optuna_studies import rung_steps
from crossgrad.experiments.settings import Settings
from crossgrad.selection import WAYS, Point, Validation, validations
from crossgrad.sweeping.plan_file import read_plan
from crossgrad.sweeping.plans import Sweep

SEARCHES = ("grid", "random", "halving")
FIRST_SEED = 100
"""Of a sweep; comparisons count theirs from 0."""


def plan_sweep(
    dataset: DomainDataset,
    *,
    output: Path | str,
    method: str = "crossgrad",
    grid: Sequence[Dimension] | None = None,
    search: str = "grid",
    trials: int | None = None,
    select: str = "held-out",
    hold_out: str | None = None,
    seeds: Sequence[int] = (FIRST_SEED,),
    net: str | None = None,
    fields: Mapping[str, Any] | None = None,
    budget: float | None = None,
    jobs: int = 1,
    overwrite: bool = False,
    **settings: Any,
) -> Sweep:
    """Plan a sweep and refuse, before anything is trained, what cannot work.

    Args, Raises: as `sweep`.
    """
    name = method_name(method)
    known("search", search, SEARCHES)
    known("way to select", select, list(WAYS))
    grid = paper_grid(name) if grid is None else list(grid)
    check_grid(name, grid)
    if jobs < 1:
        raise SettingsError(f"jobs is at least 1, not {jobs!r}")
    numbers = tuple(dict.fromkeys(operator.index(seed) for seed in seeds))
    if not numbers:
        raise SettingsError("no seeds to run; name at least one")
    if search == "halving" and any("max_steps" in dimension.names for dimension in grid):
        raise SettingsError("halving decides how many steps a candidate is trained; max_steps cannot be in its grid")
    if (search == "random") != (trials is not None) and search != "halving":
        raise SettingsError("--search random needs --trials, how many points to draw; a grid is searched whole")
    drawn = random_points(grid, trials) if trials is not None else points(grid)
    protocol = hold_out or default_protocol(dataset)
    of_all = Settings.of(default_settings(dataset) | settings).for_method(name, fields or {})
    sweep = Sweep(
        dataset=dataset,
        method=name,
        net=net or default_net(dataset),
        settings=of_all,
        points=tuple(drawn),
        validations=tuple(_validations(dataset, protocol, select, of_all)),
        seeds=numbers,
        select=select,
        search=search,
        folder=Path(output),
        step_seconds={},
        dropped="",
        asked=json.loads(
            json.dumps(
                {
                    "dataset": dataset.name,
                    "method": name,
                    "net": net or default_net(dataset),
                    "grid": [[dimension.names, dimension.values] for dimension in grid],
                    "search": search,
                    "trials": trials,
                    "select": select,
                    "hold_out": protocol,
                    "seeds": numbers,
                    "settings": of_all.to_json(),
                    "budget_seconds": budget,
                }
            )
        ),
    )
    check_dataset(dataset)
    # Values out of range and nets that do not take such inputs are told here, and too few domains to train on.
    for point in sweep.points:
        try:
            run = sweep.runs_of(point, sweep.validations[:1], 0)[0]
        except SettingsError as error:
            if search != "halving":
                raise
            first, *_ = rung_steps(of_all.max_steps)
            raise SettingsError(f"halving trains every candidate for {first} steps at first: {error}") from error
        run.build(dataset)
    sweep = replace(sweep, step_seconds=_measure(sweep))
    if budget is None:
        return sweep
    earlier = None if overwrite else read_plan(sweep.folder)
    if earlier is not None and earlier["asked"] == sweep.asked:
        # Another measurement of the time would keep other candidates, and make finished runs those of another plan.
        kept = tuple(point for point in sweep.points if json.loads(json.dumps(point)) in earlier["points"])
        seeds = tuple(seed for seed in sweep.seeds if seed in earlier["seeds"])
        if not (kept and seeds):
            raise RecordError(f"the plan in {str(sweep.folder)!r} keeps no candidate of this sweep; give --overwrite")
        return replace(sweep, points=kept, seeds=seeds, dropped=earlier["dropped"])
    return _fitted(sweep, budget, jobs)


def _validations(dataset: DomainDataset, protocol: str, select: str, settings: Settings) -> list[Validation]:
    folds, kept = held_out_folds(dataset, protocol), left_out_domains(dataset, protocol)
    inner = [kept] if kept else []
    if select == "held-out" and len(folds) == 1 and not kept:
        remaining = [name for name in dataset.domain_names if name not in folds[0]]
        inner = validation_folds(dataset, folds[0], default_protocol(remaining))
    found = validations(dataset.domain_names, folds, select, kept_for_validation=kept, inner_folds=inner)
    for each in found:
        n_left = len(dataset.domain_names) - len(each.held_out) - len(each.left_out)
        if n_left < 2:
            raise DataError(
                f"with {len(each.held_out)} domains held out and {len(each.left_out)} left out, {n_left} of "
                f"{len(dataset.domain_names)} would be left to train on; fewer than two. Hold out fewer, or give "
                "--select training, which needs no validation domains"
            )
        if each.place == "in_domain":
            _check_unseen(dataset, each, settings.in_domain_fraction)
    return found


def _check_unseen(dataset: DomainDataset, validation: Validation, fraction: float) -> None:
    parts = random_split(dataset, in_domain_fraction=fraction, seed=0, left_out=validation.left_out)
    if len(parts.in_domain) == 0:
        raise SettingsError(
            f"an in_domain_fraction of {fraction:g} keeps no examples of the training domains to choose by; give a "
            "larger one"
        )


def _measure(sweep: Sweep) -> dict[int, float]:
    by_size = {run.settings.batch_size: run for run in reversed(sweep.runs)}
    return {size: step_seconds([run], sweep.dataset)[sweep.method] for size, run in by_size.items()}


def _fitted(sweep: Sweep, budget: float, jobs: int) -> Sweep:
    """The sweep with as many seeds and candidates as fit in the time."""
    if not (math.isfinite(budget) and budget > 0):
        raise SettingsError(f"a budget is a finite number of seconds above 0, not {budget!r}")

    def seconds(point: Point) -> float:
        runs = replace(sweep, points=(point,), seeds=sweep.seeds[:1]).runs
        return sweep.expected_seconds(runs, jobs=1) / jobs

    fitted = fit([seconds(point) for point in sweep.points], len(sweep.seeds), budget)
    dropped = []
    if fitted.n_seeds < len(sweep.seeds):
        dropped.append(f"{len(sweep.seeds) - fitted.n_seeds} of {len(sweep.seeds)} seeds")
    if len(fitted.candidates) < len(sweep.points):
        n_dropped = len(sweep.points) - len(fitted.candidates)
        dropped.append(f"{n_dropped} of {len(sweep.points)} candidates, drawn at random (seed 0)")
    return replace(
        sweep,
        points=tuple(sweep.points[place] for place in fitted.candidates),
        seeds=sweep.seeds[: fitted.n_seeds],
        dropped=" and ".join(dropped),
    )
