"""The batch that every method takes, and the names of tensor shapes."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor

Inputs = Float[Tensor, "batch *shape"]
"""Inputs of a batch: any shape behind the batch dimension; the units of every step and perturbation."""

Classes = Int[Tensor, " batch"]
"""Labels or domains of a batch, as indices from 0."""

UNLABELLED = -1
"""In the place of a label: there is none. Such an example tells of its domain alone."""

Logits = Float[Tensor, "batch classes"]
"""Unnormalised log-probabilities."""

Features = Float[Tensor, "batch features"]
"""What a trunk or a net's last hidden layer gives."""


class Batch(NamedTuple):
    """Examples of several domains, the unit of training.

    Args:
        inputs: floating point, shape (batch, *shape).
        labels: int64 in [0, n_labels), shape (batch,); or UNLABELLED, for methods that take unlabelled examples.
        domains: int64 in [0, n_domains), shape (batch,); indices among the *training* domains.
    """

    inputs: Inputs
    labels: Classes
    domains: Classes
