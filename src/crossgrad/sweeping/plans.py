"""A sweep's plan: its candidates, the runs that judge them, and what those runs' records say."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from crossgrad.data import DomainDataset
from crossgrad.experiments.grids import settings_at
from crossgrad.experiments.optuna_studies import REDUCTION, rung_steps
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.records import Record, read_records
from crossgrad.selection import ALL_DOMAINS, Fold, Point, Validation, validation_accuracy
from crossgrad.significance import Estimate


@dataclass(frozen=True)
class Sweep:
    """A sweep's plan.

    Attributes:
        dataset: chosen on.
        method: name in METHODS.
        net: trained.
        settings: of all candidates, the method's fields with them, before a point changes them.
        points: the candidates.
        validations: what is trained for each of them, and what of it counts.
        seeds: of each training.
        select: key of `selection.WAYS`.
        search: one of SEARCHES.
        folder: where records, artefacts and the choice lie.
        step_seconds: measured time of a training step, by batch size.
        dropped: what did not fit in the time, in words; "" where all did.
        asked: everything that determines the plan, but for the measured time.
    """

    dataset: DomainDataset
    method: str
    net: str
    settings: Settings
    points: tuple[Point, ...]
    validations: tuple[Validation, ...]
    seeds: tuple[int, ...]
    select: str
    search: str
    folder: Path
    step_seconds: Mapping[int, float]
    dropped: str
    asked: Mapping[str, Any]

    @property
    def folds(self) -> tuple[Fold, ...]:
        """Of test domains that settings are chosen for, and last that of a model trained on all domains."""
        return (*dict.fromkeys(validation.fold for validation in self.validations), ALL_DOMAINS)

    @property
    def n_rungs(self) -> int:
        """Lengths of training that a candidate may have; one but for halving."""
        return len(rung_steps(self.settings.max_steps)) if self.search == "halving" else 1

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All that may be trained, seeds outermost; halving ends without some of them."""
        found = {
            self._identity(run): run
            for seed in self.seeds
            for rung in range(self.n_rungs)
            for point in self.points
            for run in self.runs_of(point, self.validations, rung, seeds=[seed])
        }
        return tuple(found.values())

    def runs_of(
        self, point: Point, of: Sequence[Validation], rung: int, *, seeds: Sequence[int] | None = None
    ) -> list[Run]:
        """One candidate's runs on a rung, a run for each validation and seed; some are the same run."""
        settings = settings_at(point, self.method, self.settings)
        if self.search == "halving":
            settings = replace(settings, max_steps=rung_steps(settings.max_steps)[rung])
        return [
            Run(
                held_out=validation.held_out,
                method=self.method,
                net=self.net,
                seed=seed,
                settings=settings,
                left_out=validation.left_out,
                select="oracle" if self.select == "oracle" else "none",
            )
            for seed in (self.seeds if seeds is None else seeds)
            for validation in of
        ]

    def validations_for(self, fold: Fold) -> list[Validation]:
        """What counts in the choice for a fold."""
        return [validation for validation in self.validations if fold in (ALL_DOMAINS, validation.fold)]

    def accuracy(self, point: Point, fold: Fold, rung: int, records: Mapping[str, Record]) -> Estimate | None:
        """How good a candidate is for a fold; None where it was not trained so far."""
        of = self.validations_for(fold)
        runs = self.runs_of(point, of, rung)
        keys = [run.key(self.dataset) for run in runs]
        if not all(key in records for key in keys):
            return None
        return validation_accuracy(
            [(validation, records[key]) for validation, key in zip(of * len(self.seeds), keys, strict=True)]
        )

    def expected_seconds(self, runs: Sequence[Run], *, jobs: int) -> float:
        """About how long runs take; of halving, if a third of the candidates goes on at every rung."""
        last = rung_steps(self.settings.max_steps)
        total = 0.0
        for run in runs:
            rung = last.index(run.settings.max_steps) if self.search == "halving" else 0
            total += self.step_seconds[run.settings.batch_size] * run.n_steps / REDUCTION**rung
        return total / max(1, min(jobs, len(runs)))

    def records(self) -> dict[str, Record]:
        """Of the runs that are done, by key."""
        file = self.folder / "records.jsonl"
        return {record["key"]: record for record in read_records(file)} if file.exists() else {}

    @staticmethod
    def _identity(run: Run) -> str:
        return json.dumps([run.held_out, run.left_out, run.seed, run.settings.to_json()])
