"""ERM at equal compute: with as many steps as make it cost what the costliest method of a comparison does."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from crossgrad.data import DomainDataset
from crossgrad.experiments.estimate import step_seconds
from crossgrad.experiments.runs import Run

MATCHED = "erm_matched"
"""The control's name in METHODS and in records."""

WAYS = ("passes", "seconds")
"""By what ERM can be matched: forward and backward passes of a net, or the time of a step, measured on this machine."""

Measured = dict[str, Any]
"""Seconds of a step by kind of step, and what they were measured of."""


def measure(runs: Sequence[Run], dataset: DomainDataset, kept: Path) -> Measured:
    """Seconds of every kind of step, from a file where they are kept and are of the same, else measured now.

    Folds of one method may have steps of several kinds, where their settings were chosen each for itself. Steps of one
    kind are measured once, so that the luck of a measurement tells no folds apart.

    Args:
        runs: of the comparison, ERM among them.
        dataset: of the runs.
        kept: the file; nothing is written to it.
    """
    kind_of = _kinds(runs, dataset)
    first = {kind_of(run): run for run in reversed(runs)}
    subject = hashlib.sha256(json.dumps([dataset.fingerprint, sorted(first)]).encode()).hexdigest()[:16]
    before = read_measured(kept)
    if before is not None and before["subject"] == subject and before["seconds"].keys() >= first.keys():
        return before
    return {
        "subject": subject,
        "seconds": {kind: step_seconds([run], dataset)[run.method] for kind, run in sorted(first.items())},
    }


def read_measured(file: Path) -> Measured | None:
    """What an earlier comparison measured; None where there is nothing, or something else."""
    try:
        found = json.loads(file.read_bytes())
        is_ours = isinstance(found["subject"], str) and isinstance(found["seconds"], dict)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if is_ours else None


def _kinds(runs: Sequence[Run], dataset: DomainDataset) -> Callable[[Run], str]:
    """What the time of a step depends on: of a method's fields that which says how many passes it takes."""
    passes = passes_of(runs, dataset)

    def kind(run: Run) -> str:
        settings = run.settings
        where = [settings.threads, settings.precision, settings.device]
        return json.dumps([run.method, run.net, settings.domain_net, settings.batch_size, passes(run), *where])

    return kind


def _built(run: Run) -> str:
    """What the passes of a run depend on."""
    return json.dumps([run.method, run.net, run.settings.batch_size, dict(run.settings.fields)], sort_keys=True)


def passes_of(runs: Sequence[Run], dataset: DomainDataset) -> Callable[[Run], float]:
    """What a step of a run costs in passes of a net over one example."""
    found: dict[str, float] = {}
    for run in runs:
        if (built := _built(run)) not in found:
            found[built] = run.build(dataset).passes * run.settings.batch_size
    return lambda run: found[_built(run)]


def seconds_of(measured: Mapping[str, Any], runs: Sequence[Run], dataset: DomainDataset) -> Callable[[Run], float]:
    """What a step of a run costs in seconds, of the runs that were measured."""
    kind_of = _kinds(runs, dataset)
    return lambda run: float(measured["seconds"][kind_of(run)])


def with_matched(runs: Sequence[Run], erm: Sequence[Run], cost: Callable[[Run], float]) -> list[Run]:
    """Runs with the control behind those of each fold and seed.

    Args:
        runs: of a comparison.
        erm: of ERM on the same folds with the same seeds, whatever is compared.
        cost: of a step of a run.
    """
    result: list[Run] = []
    for each in erm:
        beside = [run for run in runs if (run.held_out, run.seed) == (each.held_out, each.seed)]
        n_steps = max(1, round(max(cost(run) * run.n_steps for run in beside) / cost(each)))
        result += [*beside, replace(each, method=MATCHED, settings=replace(each.settings, max_steps=n_steps))]
    return result
