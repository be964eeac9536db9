"""The batch that every method takes, the errors every module raises, and the names of tensor shapes."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor

Inputs = Float[Tensor, "batch *shape"]
"""Inputs of a batch: any shape behind the batch dimension; the units of every step and perturbation."""

Classes = Int[Tensor, " batch"]
"""Labels or domains of a batch, as indices from 0."""

Logits = Float[Tensor, "batch classes"]
"""Unnormalised log-probabilities."""


class Batch(NamedTuple):
    """Examples of several domains, the unit of training.

    Args:
        inputs: floating point, shape (batch, *shape).
        labels: int64 in [0, n_labels), shape (batch,).
        domains: int64 in [0, n_domains), shape (batch,); indices among the *training* domains.
    """

    inputs: Inputs
    labels: Classes
    domains: Classes


class CrossGradError(Exception):
    """Base of the errors that this package raises for what it was given."""


class DataError(CrossGradError, ValueError):
    """The data cannot be used as it is; the message quotes it and says what to do."""


class SettingsError(CrossGradError, ValueError):
    """A setting is unknown, out of range, or does not go with another."""


class NonFiniteLossError(CrossGradError, ArithmeticError):
    """A loss became infinite or NaN; training stopped at that step, before the parameters were updated."""


class ModelError(CrossGradError, ValueError):
    """A saved model cannot be read: missing, truncated, altered, or written by a newer version."""
