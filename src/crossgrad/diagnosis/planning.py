"""What a diagnosis trains: on which examples, and without which domains."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from crossgrad.data import DomainDataset, held_out_folds
from crossgrad.defaults import default_net, default_settings
from crossgrad.errors import SettingsError
from crossgrad.experiments.estimate import step_seconds
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings

MOST_STEPS = 500
"""Of each training where no other number is asked for; fewer where the benchmark itself is trained for fewer."""

MOST_FOLDS = 6
"""Trainings with domains held out: each domain of up to six, five folds of domains above."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be trained, before it is.

    Attributes:
        dataset: diagnosed.
        used: its examples but for those of the test domains of its own split, which nothing here looks at.
        left_out: those test domains.
        domain_run: training of the domain net, on all of the domains used; None where there is one domain.
        label_runs: trainings of the label net, each with a fold of domains held out; none where there are fewer than
            three domains, or one label.
        template: what all trainings have in common.
    """

    dataset: DomainDataset
    used: DomainDataset
    left_out: tuple[str, ...]
    domain_run: Run | None
    label_runs: tuple[Run, ...]
    template: Run

    @property
    def n_runs(self) -> int:
        return len(self.label_runs) + (self.domain_run is not None)


def plan_diagnosis(
    dataset: DomainDataset,
    *,
    max_steps: int | None = None,
    seed: int = 0,
    net: str | None = None,
    **settings: Any,
) -> Plan:
    """Plan a diagnosis.

    Args, Raises: as `diagnose`.
    """
    left_out = dataset.domain_split.test if dataset.domain_split else ()
    used = _without(dataset, left_out)
    defaults = default_settings(dataset)
    steps = min(MOST_STEPS, defaults.get("max_steps", MOST_STEPS)) if max_steps is None else max_steps
    run = Run(
        held_out=(),
        method="erm",
        net=net or default_net(dataset),
        seed=seed,
        settings=Settings.of(defaults | settings | {"max_steps": steps}),
    )
    n_domains = len(used.domain_names)
    folds = []
    if n_domains >= 3 and len(used.label_names) > 1:
        folds = held_out_folds(used.domain_names, "each" if n_domains <= MOST_FOLDS else "5")
    if not 0 <= seed < 2**32:
        raise SettingsError(f"a seed is a whole number from 0 to 4294967295, not {seed!r}")
    return Plan(
        dataset=dataset,
        used=used,
        left_out=left_out,
        domain_run=run if n_domains > 1 else None,
        label_runs=tuple(replace(run, held_out=fold) for fold in folds),
        template=run,
    )


def run_seconds(plan: Plan) -> float:
    """Seconds of one training, from a few timed steps."""
    run = (*plan.label_runs, plan.template)[0]
    return step_seconds([run], plan.used)["erm"] * run.settings.max_steps


def _without(dataset: DomainDataset, left_out: tuple[str, ...]) -> DomainDataset:
    """The examples of all other domains, domains without any forgotten."""
    names = [name for name in dataset.domain_names if name not in left_out]
    kept = torch.isin(dataset.domains, torch.tensor([dataset.domain_names.index(name) for name in names]))
    subset = dataset.subset(kept)
    present, domains = np.unique(subset.domains.numpy(), return_inverse=True)
    return replace(
        subset,
        domains=torch.from_numpy(domains.astype(np.int64)),
        domain_names=tuple(dataset.domain_names[index] for index in present),
        domain_split=None,
    )
