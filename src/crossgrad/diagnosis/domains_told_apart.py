"""How well a net tells domains apart, and how far its gradient moves examples."""

from dataclasses import replace

import torch

from crossgrad.advice import Move, MovedExamples, ToldApart, within_labels
from crossgrad.data import DomainDataset
from crossgrad.evaluation import probabilities
from crossgrad.experiments.run_training import Trained, train_method
from crossgrad.experiments.runs import Run
from crossgrad.methods.base import example_losses
from crossgrad.perturb import Step, example_norms, input_gradient
from crossgrad.training import Watch

SIZES = (0.05, 0.1, 0.2)
"""Of calibrated steps, whose pictures are drawn for the second."""

GALLERY_EXAMPLES = 6
MOST_MOVED = 512
"""Unseen examples that are moved."""


def tell_domains(
    dataset: DomainDataset, run: Run, watch: Watch
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
