"""Doing a sweep's runs, and choosing by their records."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

import numpy as np

from crossgrad.errors import RecordError
from crossgrad.experiments.chosen import Choice, Chosen, write_chosen
from crossgrad.experiments.engine import Perform, check_engine, opened_engine
from crossgrad.experiments.following import FollowerOf, Nobody
from crossgrad.experiments.grids import SWEPT_SETTINGS, settings_at
from crossgrad.experiments.optuna_studies import successive_halving
from crossgrad.experiments.runs import Run
from crossgrad.folders import CHOICE, PLAN, claim_folder, lock_folder
from crossgrad.records import Record
from crossgrad.selection import WAYS, Candidate, Fold
from crossgrad.significance import Estimate
from crossgrad.sweeping.plan_file import read_plan, write_plan
from crossgrad.sweeping.plans import Sweep

Train = Callable[[Sequence[Run]], None]
"""Does those of the runs that have no record yet."""

SweepFollower = FollowerOf[Sweep]
"""Who follows a sweep."""


def carry_out_sweep(
    sweep: Sweep,
    *,
    engine: str = "local",
    address: str | None = None,
    jobs: int | None = None,
    checkpoint_every: int | None = None,
    overwrite: bool = False,
    command: str = "",
    follower: SweepFollower | None = None,
) -> list[Candidate]:
    """Do the runs of a plan that are not done yet, choose, and write the choice.

    Args, Raises, Returns: as `sweep`.
    """
    check_engine(engine, address=address, jobs=jobs, checkpoint_every=checkpoint_every)
    follower = follower or Nobody()
    planned = {run.key(sweep.dataset): run for run in sweep.runs}
    read_plan(sweep.folder)  # refuses a file of that name that is somebody else's
    with lock_folder(sweep.folder):
        claim_folder(sweep.folder, keys=set(planned), overwrite=overwrite, begun=(PLAN, "runs"))
        write_plan(sweep)
        records = sweep.records()
        follower.plan(sweep, [run for key, run in planned.items() if key not in records])

        def train(runs: Sequence[Run], perform: Perform) -> None:
            wanted = dict.fromkeys(run.key(sweep.dataset) for run in runs)
            with closing(perform([planned[key] for key in wanted if key not in records])) as new:
                for record in new:
                    records[record["key"]] = record
                    follower.finish(record)

        with opened_engine(
            sweep.dataset,
            sweep.folder,
            engine=engine,
            address=address,
            jobs=jobs,
            command=command,
            checkpoint_every=checkpoint_every,
            follow=follower.advance,
        ) as perform:
            if sweep.search != "halving":
                train(list(planned.values()), perform)
                finalists = {fold: list(range(len(sweep.points))) for fold in sweep.folds}
            else:
                finalists = dict(_halve(sweep, records, lambda runs: train(runs, perform)))
        candidates = _judge(sweep, records, finalists)
        write_chosen(sweep.folder / CHOICE, _chosen(sweep, candidates))
    return candidates


def _halve(sweep: Sweep, records: Mapping[str, Record], train: Train) -> Iterator[tuple[Fold, list[int]]]:
    """For each fold the candidates that came through; one study a fold, since to stop a candidate is to choose too."""
    # In the grid's order neighbours would compete with neighbours.
    order = np.random.RandomState(0).permutation(len(sweep.points)).tolist()
    for fold in sweep.folds:

        def accuracy(candidate: int, rung: int, fold: Fold = fold) -> float:
            point = sweep.points[order[candidate]]
            train(sweep.runs_of(point, sweep.validations_for(fold), rung))
            found = sweep.accuracy(point, fold, rung, records)
            return found.value if found else 0.0

        through = successive_halving(len(order), sweep.n_rungs, accuracy)
        yield fold, sorted(order[candidate] for candidate in through)


def _judge(sweep: Sweep, records: Mapping[str, Record], finalists: Mapping[Fold, Sequence[int]]) -> list[Candidate]:
    """Every candidate's accuracies, and for each fold the best of its finalists; of equals the first."""
    last = sweep.n_rungs - 1
    accuracies: list[dict[Fold, Estimate | None]] = [
        {fold: sweep.accuracy(point, fold, last, records) if place in finalists[fold] else None for fold in sweep.folds}
        for place, point in enumerate(sweep.points)
    ]

    def value(place: int, fold: Fold) -> float:
        found = accuracies[place][fold]
        return found.value if found else -math.inf

    best = {fold: max(finalists[fold], key=lambda place: value(place, fold)) for fold in sweep.folds}
    return [
        Candidate(point, accuracies[place], tuple(fold for fold in sweep.folds if best[fold] == place))
        for place, point in enumerate(sweep.points)
    ]


def _chosen(sweep: Sweep, candidates: Sequence[Candidate]) -> Chosen:
    choices = {}
    for candidate in candidates:
        chosen = settings_at(candidate.point, sweep.method, sweep.settings)
        # What was a candidate's is told where it is a default too: a benchmark may have another one.
        told = {name: getattr(chosen, name) for name in candidate.point if name in SWEPT_SETTINGS}
        settings = chosen.to_json() | told
        method_fields = settings.pop("fields")
        settings.pop("device", None)  # a choice is for every machine
        for fold in candidate.chosen_for:
            found = candidate.accuracies[fold]
            if found is None:
                raise RecordError(f"no records of the candidate chosen for {fold}")
            choices[fold] = Choice(fold, settings, method_fields, found.value, found.standard_error)
    n_points, n_seeds = len(sweep.points), len(sweep.seeds)
    how = (
        f"highest {WAYS[sweep.select]}; search: {sweep.search} of {n_points} candidates, {n_seeds} seeds"
        f"{f'; for lack of time without {sweep.dropped}' if sweep.dropped else ''}"
    )
    return Chosen(
        method=sweep.method,
        dataset=sweep.dataset.name,
        net=sweep.net,
        select=sweep.select,
        how=how,
        choices=tuple(choices[fold] for fold in sweep.folds),
        fingerprint=sweep.dataset.fingerprint,
    )
