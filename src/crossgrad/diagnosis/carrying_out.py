"""Training what a diagnosis planned, and putting together what was found."""

from collections.abc import Callable
from dataclasses import dataclass

from crossgrad.advice import Advice, Findings, Move, MovedExamples, ToldApart, advise, compose, confounding
from crossgrad.diagnosis.domains_told_apart import tell_domains
from crossgrad.diagnosis.planning import Plan
from crossgrad.diagnosis.unseen_domains import gap_of, inside_and_outside
from crossgrad.errors import NonFiniteLossError
from crossgrad.global_state import torch_threads
from crossgrad.training import Stretch

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
                measured.append(inside_and_outside(used, label_run, watched))
            except NonFiniteLossError as error:
                untold.append(f"A label net's training failed: {error}.")
            done += 1
        gap = gap_of(measured, used) if measured else None
        if measured and gap is None:
            untold.append(
                "No domain has both unseen examples and labels that other domains train: what ERM loses on an unseen "
                "domain cannot be measured."
            )
        if plan.domain_run is not None:
            try:
                told_apart, moves, shown = tell_domains(used, plan.domain_run, watched)
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
