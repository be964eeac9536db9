"""diagnose(): is training across domains for this data? Counts, and a few short trainings of plain nets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossgrad.advice import (
    Advice,
    DomainGap,
    Findings,
    Move,
    MovedExamples,
    ToldApart,
    advise,
    compose,
    confounding,
    within_labels,
)
from crossgrad.data import DomainDataset, held_out_folds
from crossgrad.defaults import default_net, default_settings
from crossgrad.errors import NonFiniteLossError, SettingsError
from crossgrad.evaluation import probabilities
from crossgrad.experiments.estimate import step_seconds
from crossgrad.experiments.run_training import Trained, train_method
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.global_state import torch_threads
from crossgrad.methods.base import example_losses
from crossgrad.perturb import Step, example_norms, input_gradient
from crossgrad.significance import estimate, paired_t
from crossgrad.training import Stretch

MOST_STEPS = 500
"""Of each training where no other number is asked for; fewer where the benchmark itself is trained for fewer."""

MOST_FOLDS = 6
"""Trainings with domains held out: each domain of up to six, five folds of domains above."""

SIZES = (0.05, 0.1, 0.2)
"""Of calibrated steps, whose pictures are drawn for the second."""

GALLERY_EXAMPLES = 6
MOST_MOVED = 512
"""Unseen examples that are moved."""

Watch = Callable[[int, int, int], None]
"""Called with the number of trainings done, the steps done of the one that goes on, and the steps of each."""


def watch_nothing(done: int, step: int, max_steps: int) -> None:
    """The watch of a diagnosis that nobody watches."""


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What was found, what follows, and pictures where inputs are pictures."""

    findings: Findings
    advice: Advice
    moved: MovedExamples | None


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


def carry_out_diagnosis(plan: Plan, *, watch: Watch = watch_nothing) -> Diagnosis:
    """Train what is planned, and tell what was found.

    Args, Raises: as `diagnose`.
    """
    dataset, used, run = plan.dataset, plan.used, plan.template
    untold = _untold(plan)
    done = 0

    def watched(stretch: Stretch) -> None:
        watch(done, stretch.step, run.settings.max_steps)

    told_apart: ToldApart | None = None
    moves: tuple[Move, ...] = ()
    shown: MovedExamples | None = None
    with torch_threads(run.settings.threads):
        measured = []
        for label_run in plan.label_runs:
            try:
                measured.append(_inside_and_outside(used, label_run, watched))
            except NonFiniteLossError as error:
                untold.append(f"A label net's training failed: {error}.")
            done += 1
        gap = _gap(measured, used) if measured else None
        if measured and gap is None:
            untold.append(
                "No domain has both unseen examples and labels that other domains train: what ERM loses on an unseen "
                "domain cannot be measured."
            )
        if plan.domain_run is not None:
            try:
                told_apart, moves, shown = _tell_domains(used, plan.domain_run, watched)
            except NonFiniteLossError as error:
                untold.append(f"The domain net's training failed: {error}.")
            else:
                if told_apart is None:
                    untold.append("No domain has two examples, one to train on and one to measure on.")
    findings = Findings(
        dataset=dataset.name,
        composition=compose(
            dataset.labels.numpy(),
            dataset.domains.numpy(),
            label_names=dataset.label_names,
            domain_names=dataset.domain_names,
        ),
        confounding=confounding(dataset.labels.numpy(), dataset.domains.numpy(), seed=run.seed),
        told_apart=told_apart,
        gap=gap,
        moves=moves,
        untold=tuple(untold),
        left_out=plan.left_out,
        net=run.net,
        max_steps=run.settings.max_steps,
        seed=run.seed,
    )
    return Diagnosis(findings, advise(findings), shown)


def diagnose(
    dataset: DomainDataset,
    *,
    max_steps: int | None = None,
    seed: int = 0,
    net: str | None = None,
    watch: Watch = watch_nothing,
    **settings: Any,
) -> Diagnosis:
    """Tell whether training across domains may help on this data, from counts and a few short trainings.

    A label net is trained by ERM without some domains, several times over, and what it loses on them is measured: each
    domain's accuracy where it was trained on, minus its accuracy where it was held out. A domain net is trained on all
    domains and measured on examples it has not seen. Test domains of a benchmark's own split are counted, and neither
    trained nor measured on.

    Args:
        dataset: any; what cannot be told of it is said.
        max_steps: of each training; by default 500, fewer where the benchmark is trained for fewer.
        seed: of everything random.
        net: as `compare` takes it.
        watch: follows the trainings.
        **settings: by the names of `Settings`.

    Raises:
        SettingsError: a setting is unknown or out of range.

    Example:
        >>> from crossgrad.data import open_dataset
        >>> diagnosis = diagnose(open_dataset("digits"), max_steps=5)
        >>> len(diagnosis.findings.gap.by_domain)
        6
    """
    plan = plan_diagnosis(dataset, max_steps=max_steps, seed=seed, net=net, **settings)
    return carry_out_diagnosis(plan, watch=watch)


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


def _untold(plan: Plan) -> list[str]:
    n_domains, n_labels = len(plan.used.domain_names), len(plan.used.label_names)
    beside = " beside the test domains" if plan.left_out else ""
    untold = []
    if n_domains == 1:
        untold.append(f"There is one domain{beside}: there are no differences between domains to train against.")
    elif n_domains == 2:
        untold.append(
            f"There are two domains{beside}: with one held out a single one is left to train on, so that what is lost "
            "on unseen domains cannot be measured, and no method can be compared."
        )
    if n_labels == 1:
        untold.append("There is one label: there is nothing to classify.")
    return untold


@dataclass(frozen=True)
class _Measured:
    """One training with domains held out: accuracies by domain."""

    accuracy: float
    inside: Mapping[str, float]
    outside: Mapping[str, float]


def _inside_and_outside(dataset: DomainDataset, run: Run, watch: Callable[[Stretch], None]) -> _Measured:
    parts = run.split(dataset)
    trained = train_method(dataset, parts, run, watch)
    # A label that is never trained on is lost whatever the domain; it tells of the data's gaps, not of its domains.
    learned = torch.isin(dataset.labels[parts.out_of_domain], dataset.labels[parts.train])
    inside, outside = (_right(trained, dataset, indices) for indices in (parts.in_domain, parts.out_of_domain[learned]))
    every = [value for values in inside.values() for value in values]
    return _Measured(
        accuracy=fmean(every) if every else float("nan"),
        inside={name: fmean(values) for name, values in inside.items()},
        outside={name: fmean(values) for name, values in outside.items()},
    )


def _right(trained: Trained, dataset: DomainDataset, indices: Tensor) -> dict[str, list[bool]]:
    """Which examples of each domain are given their label."""
    if len(indices) == 0:
        return {}
    examples = dataset.subset(indices)
    told = probabilities(trained.method, trained.scaling.apply(examples.inputs)).argmax(1) == examples.labels
    right: dict[str, list[bool]] = {}
    for domain, is_right in zip(examples.domains.tolist(), told.tolist(), strict=True):
        right.setdefault(dataset.domain_names[domain], []).append(is_right)
    return right


def _gap(measured: list[_Measured], dataset: DomainDataset) -> DomainGap | None:
    """Each domain inside and outside, compared over domains; None where no domain has both."""
    outside = {name: value for one in measured for name, value in one.outside.items()}
    inside = {
        name: fmean(values)
        for name in dataset.domain_names
        if (values := [one.inside[name] for one in measured if name in one.inside])
    }
    gaps = [inside[name] - outside[name] for name in outside if name in inside]
    if not gaps:
        return None
    return DomainGap(
        inside=inside,
        outside=outside,
        trained=estimate([one.accuracy for one in measured if one.inside]),
        majority=float(torch.bincount(dataset.labels).max()) / len(dataset),
        comparison=paired_t(gaps),
    )


def _tell_domains(
    dataset: DomainDataset, run: Run, watch: Callable[[Stretch], None]
) -> tuple[ToldApart | None, tuple[Move, ...], MovedExamples | None]:
    """Train a net to give domains for labels, and measure and move examples it has not seen."""
    parts = run.split(dataset)
    if len(parts.in_domain) == 0:
        return None, (), None
    of_domains = replace(dataset, labels=dataset.domains, label_names=dataset.domain_names)
    trained = train_method(of_domains, parts, run, watch)
    unseen = dataset.subset(parts.in_domain)
    predicted = probabilities(trained.method, trained.scaling.apply(unseen.inputs))
    right = predicted.argmax(1) == unseen.domains
    train = dataset.subset(parts.train)
    n_domains, n_labels = len(dataset.domain_names), len(dataset.label_names)
    pairs = torch.bincount(train.labels * n_domains + train.domains, minlength=n_labels * n_domains)
    told_apart = ToldApart(
        n_right=int(right.sum()),
        n=len(unseen),
        chance=1 / n_domains,
        majority=float((unseen.domains == torch.bincount(train.domains).argmax()).double().mean()),
        by_domain={
            name: float(right[unseen.domains == index].double().mean())
            for index, name in enumerate(dataset.domain_names)
            if bool((unseen.domains == index).any())
        },
        within=within_labels(
            predicted.numpy(),
            unseen.labels.numpy(),
            unseen.domains.numpy(),
            counts=pairs.view(n_labels, n_domains).numpy(),
            seed=run.seed,
        ),
    )
    moves, shown = _move(trained, unseen)
    return told_apart, moves, shown


def _move(trained: Trained, unseen: DomainDataset) -> tuple[tuple[Move, ...], MovedExamples | None]:
    """Move unseen examples along the domain net's gradient by calibrated steps."""
    order = _domains_in_turn(unseen)
    examples = unseen.subset(order[:MOST_MOVED])
    own = examples.inputs[:]  # read, where they are lazy
    inputs = trained.scaling.apply(own)
    trained.method.eval()  # nothing trains it any more
    gradient = input_gradient(lambda moved: example_losses(trained.method(moved), examples.domains), inputs)
    moves, shown = [], None
    for size in SIZES:
        added = Step(calibrated=size)(gradient)
        told = probabilities(trained.method, inputs + added).argmax(1) == examples.domains
        moves.append(
            Move(
                size=size,
                l2=float(example_norms(added, "l2").mean()),
                input_l2=float(example_norms(inputs, "l2").mean()),
                told=float(told.double().mean()),
            )
        )
        if size == SIZES[1] and inputs.ndim == 4:
            few = slice(GALLERY_EXAMPLES)
            shown = MovedExamples(
                inputs=own[few].numpy(),
                moved=trained.scaling.invert((inputs + added)[few]).numpy(),
                labels=tuple(unseen.label_names[index] for index in examples.labels[few].tolist()),
                domains=tuple(unseen.domain_names[index] for index in examples.domains[few].tolist()),
                size=size,
            )
    return tuple(moves), shown


def _domains_in_turn(dataset: DomainDataset) -> list[int]:
    """Every example's index, one of each domain after another as long as they have some."""
    seen: dict[int, int] = {}
    turns = []
    for index, domain in enumerate(dataset.domains.tolist()):
        turns.append((seen.get(domain, 0), domain, index))
        seen[domain] = seen.get(domain, 0) + 1
    return [index for _, _, index in sorted(turns)]
