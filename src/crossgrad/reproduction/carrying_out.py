"""Doing a study's runs: sweeps first, then the comparison with what they chose. All of it goes on where it stopped."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from crossgrad.comparison import Comparison, Follower, carry_out, plan
from crossgrad.data import DomainDataset
from crossgrad.experiments.estimate import step_seconds
from crossgrad.records import read_records
from crossgrad.report.packed_answers import packing
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.studies import Study
from crossgrad.sweeping import Sweep, SweepFollower, carry_out_sweep, plan_sweep

COMPARISON, SWEEPS = "comparison", "sweeps"
"""Folders in a study's folder."""


@dataclass(frozen=True)
class Cost:
    """What a study takes.

    Args:
        n_runs: trainings in all.
        n_done: of which are done.
        seconds: for the others, one at a time on this machine as it is now.
    """

    n_runs: int
    n_done: int
    seconds: float


def sweeps_of(study: Study, scale: Scale, folder: Path, dataset: DomainDataset) -> Iterator[Sweep]:
    """The plans by which the settings of a study's methods are chosen."""
    for method in study.methods:
        if method in scale.grids:
            yield plan_sweep(
                dataset,
                output=folder / study.name / SWEEPS / method,
                method=method,
                grid=scale.grids[method],
                hold_out=study.hold_out,
                net=scale.net_for(study.trunk),
                fields=scale.fields.get(method, {}),
                **scale.settings_for(study.benchmark, study.trunk),
            )


def comparison_of(
    study: Study, scale: Scale, folder: Path, dataset: DomainDataset, *, chosen: list[Path]
) -> Comparison:
    """The plan of a study's comparison, with the settings that sweeps chose; the defaults where there are none."""
    swept = {path.name for path in chosen}
    return plan(
        dataset,
        output=folder / study.name / COMPARISON,
        methods=study.methods,
        hold_out=study.hold_out,
        seeds=range(scale.n_seeds),
        net=scale.net_for(study.trunk),
        fields={
            method: fields for method, fields in scale.fields.items() if method in study.methods and method not in swept
        },
        match="passes" if study.matched else None,
        chosen=chosen,
        **scale.settings_for(study.benchmark, study.trunk),
    )


def cost_of(study: Study, scale: Scale, folder: Path, dataset: DomainDataset) -> Cost:
    """Count the runs of a study and time a few steps of each method."""
    n_runs = n_done = 0
    seconds = 0.0
    for sweep in sweeps_of(study, scale, folder, dataset):
        done = sweep.records()
        to_do = [run for run in sweep.runs if run.key(dataset) not in done]
        n_runs, n_done = n_runs + len(sweep.runs), n_done + len(sweep.runs) - len(to_do)
        seconds += sweep.expected_seconds(to_do, jobs=1)
    # Which settings will be chosen does not change which runs there are, nor by much how long they take.
    comparison = comparison_of(study, scale, folder, dataset, chosen=[])
    file = comparison.folder / "records.jsonl"
    records = read_records(file) if file.exists() else []
    there = {(record["method"], tuple(record["held_out"]), record["seed"]) for record in records}
    left = [run for run in comparison.runs if (run.method, run.held_out, run.seed) not in there]
    by_method = step_seconds(left, dataset) if left else {}
    seconds += sum(by_method[run.method] * run.n_steps for run in left)
    return Cost(n_runs + len(comparison.runs), n_done + len(comparison.runs) - len(left), seconds)


def carry_out_study(
    study: Study,
    scale: Scale,
    folder: Path,
    dataset: DomainDataset,
    *,
    jobs: int | None,
    engine: str = "local",
    address: str | None = None,
    command: str = "",
    following: Callable[[], AbstractContextManager[Follower | None]] = nullcontext,
    following_sweep: Callable[[], AbstractContextManager[SweepFollower | None]] = nullcontext,
) -> None:
    """Do what is not done yet of a study.

    Args:
        study: in `folder`/its name.
        scale: of its runs.
        folder: of all studies of that scale.
        dataset: that `study.open` gave.
        jobs: runs at once; None where a cluster decides.
        engine: "local" or "ray".
        address: of a running Ray cluster.
        command: that asked for it, for the records.
        following: makes who follows the comparison, for as long as it runs.
        following_sweep: likewise, for each sweep.
    """
    chosen = []
    for sweep in sweeps_of(study, scale, folder, dataset):
        with following_sweep() as sweep_follower:
            carry_out_sweep(sweep, engine=engine, address=address, jobs=jobs, command=command, follower=sweep_follower)
        chosen.append(sweep.folder)
    comparison = comparison_of(study, scale, folder, dataset, chosen=chosen)
    with packing(comparison.folder), following() as follower:
        carry_out(comparison, engine=engine, address=address, jobs=jobs, command=command, follower=follower)
