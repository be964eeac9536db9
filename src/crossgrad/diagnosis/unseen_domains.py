"""What ERM loses on domains that it has not seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from crossgrad.advice import DomainGap
from crossgrad.data import DomainDataset
from crossgrad.evaluation import probabilities
from crossgrad.experiments.run_training import Trained, train_method
from crossgrad.experiments.runs import Run
from crossgrad.significance import estimate, paired_t
from crossgrad.training import Watch


@dataclass(frozen=True)
class Measured:
    """One training with domains held out: accuracies by domain."""

    accuracy: float
    inside: Mapping[str, float]
    outside: Mapping[str, float]


def inside_and_outside(dataset: DomainDataset, run: Run, watch: Watch) -> Measured:
    parts = run.split(dataset)
    trained = train_method(dataset, parts, run, watch)
    # A label that is never trained on is lost whatever the domain; it tells of the data's gaps, not of its domains.
    learned = torch.isin(dataset.labels[parts.out_of_domain], dataset.labels[parts.train])
    inside, outside = (_right(trained, dataset, indices) for indices in (parts.in_domain, parts.out_of_domain[learned]))
    every = [value for values in inside.values() for value in values]
    return Measured(
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


def gap_of(measured: Sequence[Measured], dataset: DomainDataset) -> DomainGap | None:
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
