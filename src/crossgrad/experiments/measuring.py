"""What a trained method is worth: the numbers of its record, and the artefacts that lie beside it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from crossgrad.data import DomainDataset, Split, training_subset
from crossgrad.evaluation import accuracies, probabilities
from crossgrad.experiments.gallery import gallery
from crossgrad.experiments.mistakes import mistakes
from crossgrad.experiments.run_training import Trained
from crossgrad.experiments.watched import LOG
from crossgrad.folders import folder_made_whole


def measure(trained: Trained, dataset: DomainDataset, parts: Split, *, log: Path, artefacts: Path) -> dict[str, Any]:
    """Measure a trained method on the examples that a split keeps for that.

    Args:
        trained: by the split's training examples.
        dataset: that is split.
        parts: of the dataset.
        log: of the training, which goes with the artefacts where there is one.
        artefacts: folder of predictions, worst mistakes, history and pictures; made whole, in place of what is there.

    Returns:
        What the run's record says of it.

    Raises:
        RecordError: the artefacts cannot be written.
    """
    method, scaling, history = trained.method, trained.scaling, trained.history
    outside, inside = dataset.subset(parts.out_of_domain), dataset.subset(parts.in_domain)
    trained_on = dataset.subset(parts.train)
    # Nothing is outside where settings are chosen by the training domains alone.
    outside_probabilities = probabilities(method, scaling.apply(outside.inputs)) if len(outside) else None
    with folder_made_whole(artefacts) as folder:
        if outside_probabilities is not None:
            np.savez(
                folder / "predictions.npz",
                example=parts.out_of_domain.numpy(),
                domain=np.array([dataset.domain_names[i] for i in outside.domains.tolist()]),
                label=outside.labels.numpy(),
                probabilities=outside_probabilities.numpy(),
            )
            np.savez(folder / "mistakes.npz", **mistakes(outside, parts.out_of_domain, outside_probabilities))
        (folder / "history.json").write_text(json.dumps({"steps": history.steps, **history.values}))
        if pictures := gallery(method, scaling, training_subset(dataset, parts)):
            np.savez(folder / "gallery.npz", **pictures)
        if log.exists():  # what could not be written was said
            shutil.copyfile(log, folder / LOG)

    perturbation = None
    if "perturbation_l2" in history.means:
        perturbation = {
            "l2": history.means["perturbation_l2"],
            "linf": history.means["perturbation_linf"],
            "input_l2": history.means["input_l2"],
        }
    return {
        "out_of_domain": accuracies(outside_probabilities, outside) if outside_probabilities is not None else None,
        "in_domain": accuracies(probabilities(method, scaling.apply(inside.inputs)), inside) if len(inside) else None,
        "training": accuracies(probabilities(method, scaling.apply(trained_on.inputs)), trained_on),
        "losses": {"first": _losses(history.first), "last": _losses(history.last)},
        "perturbation": perturbation,
    }


def _losses(values: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if name.endswith("_loss")}
