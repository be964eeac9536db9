"""From a training to the model that it leaves, with the card that tells people of it."""

import warnings
from typing import Any

import torch

from crossgrad.building import without_folders
from crossgrad.data import DomainDataset, Split, training_subset
from crossgrad.errors import TrainingWarning
from crossgrad.evaluation import accuracies, probabilities
from crossgrad.experiments.performing import versions
from crossgrad.experiments.run_training import Trained
from crossgrad.experiments.runs import Run
from crossgrad.model import Model
from crossgrad.processes import ALONE, Processes
from crossgrad.training import Stretch, Watch


def warning(watch: Watch) -> Watch:
    """A watch that says what is wrong with the training as a TrainingWarning, and then watches."""

    def watched(stretch: Stretch) -> None:
        for sentence in stretch.warnings.values():
            warnings.warn(sentence, TrainingWarning, stacklevel=2)
        watch(stretch)

    return watched


def trained_model(
    dataset: DomainDataset, parts: Split, run: Run, trained: Trained, *, processes: Processes = ALONE
) -> Model:
    """The model that a training leaves, on the CPU.

    Args:
        dataset: that it was trained on.
        parts: of the dataset; what did not train is measured on.
        run: what was trained.
        trained: what it left.
        processes: that measure together; each calls this alike.
    """
    card = _card(dataset, parts, run, trained, processes)
    return Model(
        method=trained.method.eval().cpu(),
        label_names=dataset.label_names,
        input_shape=tuple(dataset.inputs.shape[1:]),
        scaling=trained.scaling,
        decoding=dataset.decoding,
        building=without_folders(trained.building),
        card=card,
    )


def _card(dataset: DomainDataset, parts: Split, run: Run, trained: Trained, processes: Processes) -> dict[str, Any]:
    """What model.json tells people; the domains' names come from the data, so do their counts."""

    def measured(examples: DomainDataset) -> dict[str, Any] | None:
        if len(examples) == 0:
            return None
        inputs = trained.scaling.apply(examples.inputs)
        return accuracies(probabilities(trained.method, inputs, processes=processes), examples)

    subset = training_subset(dataset, parts)
    counts = torch.bincount(subset.domains, minlength=len(subset.domain_names)).tolist()
    of_domains = dict(zip(subset.domain_names, counts, strict=True))
    if (more := dataset.unlabelled) is not None:
        of_domains[more.domain] = of_domains.get(more.domain, 0) + len(more)
    return {
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "method": run.method,
        "net": run.net,
        "seed": run.seed,
        "select": run.select,
        "settings": run.settings.to_json(),
        "training_domains": of_domains,
        **({} if more is None else {"unlabelled": more.to_json()}),
        "losses": {name: value for name, value in trained.history.last.items() if not name.endswith("_accuracy")},
        "in_domain": measured(dataset.subset(parts.in_domain)),
        "out_of_domain": measured(dataset.subset(parts.out_of_domain)),
        "versions": versions(),
    }
