"""How the inputs of a run are scaled."""

from contextlib import closing

from torch import Tensor

from crossgrad.data import Standardisation
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.data.reading import read_in_order
from crossgrad.experiments.settings import Settings

LOOKED_AT = 64
"""Lazy inputs that are read at once to see whether they are images."""


def scaling_for(
    settings: Settings, train_inputs: Tensor | LazyInputs, weights: Tensor | None = None
) -> Standardisation:
    """The scaling that settings ask for, from training inputs (and their weights) alone."""
    if settings.scaling == "none" or (settings.scaling == "auto" and _are_images(train_inputs)):
        return Standardisation.identity()
    return Standardisation.fit(train_inputs, weights)


def _are_images(inputs: Tensor | LazyInputs) -> bool:
    """Whether inputs have the shape of images and values in [0, 1]; lazy ones are read up to the first that has not."""
    if isinstance(inputs, Tensor):
        return inputs.ndim == 4 and float(inputs.min()) >= 0 and float(inputs.max()) <= 1
    if inputs.ndim != 4 or inputs.in_unit_range:
        return inputs.ndim == 4
    with closing(read_in_order(inputs, LOOKED_AT)) as parts:
        return all(_are_images(part) for part in parts)
