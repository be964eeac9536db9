"""Pictures of what a trained method does to inputs."""

from typing import Any

import numpy as np

from crossgrad._types import Batch
from crossgrad.data import DomainDataset, Standardisation
from crossgrad.experiments.sounds import sounds
from crossgrad.experiments.watched import examples_in_turn
from crossgrad.methods import Method

EXAMPLES = 8


def gallery(method: Method, scaling: Standardisation, train: DomainDataset) -> dict[str, Any]:
    """A few training inputs, the domains in turn, as they are, as the trained method moves them, and as both sound."""
    if train.inputs.ndim != 4:
        return {}
    chosen = train.subset(examples_in_turn(train, EXAMPLES))
    method.eval()  # nothing trains it any more
    device = next(method.parameters()).device
    inputs = chosen.inputs[:]  # read, where they are lazy
    batch = Batch(scaling.apply(inputs), chosen.labels, chosen.domains)
    moved = method.perturbed(Batch(*(tensor.to(device) for tensor in batch)))
    if not moved:
        return {}
    arrays = {name: scaling.invert(values.cpu()).numpy() for name, values in moved.items()}
    return {
        "inputs": inputs.numpy(),
        "labels": np.array([train.label_names[index] for index in chosen.labels.tolist()]),
        "domains": np.array([train.domain_names[index] for index in chosen.domains.tolist()]),
        **arrays,
        **sounds(train, inputs.numpy(), arrays),
    }
