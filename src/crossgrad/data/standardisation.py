"""Numbers brought to mean 0 and standard deviation 1."""

import functools
import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import torch
from jaxtyping import Float
from torch import Tensor

from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.data.reading import read_in_order
from crossgrad.errors import DataError

PART = 512
"""Lazy inputs that are read at once for their statistics."""


@dataclass(frozen=True, eq=False)
class Standardisation:
    """Inputs brought to mean 0 and standard deviation 1, by the statistics of the training inputs alone.

    Args:
        mean: float32, shape (features,) for vectors, (channels,) for images; (1,) goes with everything.
        std: likewise, positive.
    """

    mean: Float[Tensor, " c"]
    std: Float[Tensor, " c"]

    @classmethod
    def fit(
        cls, inputs: Float[Tensor, " n *shape"] | LazyInputs, weights: Float[Tensor, " n"] | None = None
    ) -> "Standardisation":
        """Take the statistics of inputs, over all but their second dimension; what is constant gets std 1.

        Args:
            inputs: of the training examples, shape (n, features) or (n, channels, *shape), n at least 1. Lazy ones are
                read once, in parts, which changes float64 sums by their rounding.
            weights: how much each example counts, above 0; None: all alike.

        Example:
            >>> standard = Standardisation.fit(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
            >>> standard.apply(torch.tensor([[3.0, 6.0]]))
            tensor([[1., 1.]])
        """
        parts = [inputs] if isinstance(inputs, Tensor) else read_in_order(inputs, PART)
        size = len(inputs) if isinstance(inputs, Tensor) else PART
        counts = itertools.repeat(None) if weights is None else torch.split(weights, size)
        found = functools.reduce(_Moments.joined, map(_Moments.of, parts, counts))
        std = found.variance.sqrt().float()
        return cls(found.mean.float(), torch.where((found.high == found.low) | (std == 0), 1.0, std))

    @classmethod
    def identity(cls) -> "Standardisation":
        """The one that changes nothing, for inputs in [0, 1] that shall stay there."""
        return cls(torch.zeros(1), torch.ones(1))

    @overload
    def apply(self, inputs: Float[Tensor, " n *shape"]) -> Float[Tensor, " n *shape"]: ...

    @overload
    def apply(self, inputs: LazyInputs) -> LazyInputs: ...

    def apply(self, inputs: Float[Tensor, " n *shape"] | LazyInputs) -> Float[Tensor, " n *shape"] | LazyInputs:
        """Standardise inputs, shape (n, features) or (n, channels, *shape), on whichever device they are.

        Lazy ones are standardised whenever they are read.
        """
        if isinstance(inputs, LazyInputs):
            return inputs.then(self.apply)
        shape = (-1, *(1 for _ in inputs.shape[2:]))
        return (inputs - self.mean.to(inputs).view(shape)) / self.std.to(inputs).view(shape)

    def invert(self, inputs: Float[Tensor, "n *shape"]) -> Float[Tensor, "n *shape"]:
        """Bring standardised inputs back to their own units."""
        shape = (-1, *(1 for _ in inputs.shape[2:]))
        return inputs * self.std.to(inputs).view(shape) + self.mean.to(inputs).view(shape)

    def to_json(self) -> dict[str, list[float]]:
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_json(cls, value: Any) -> "Standardisation":
        """What `to_json` gave, as a standardisation again.

        Raises:
            DataError: its numbers are not of one shape, or not finite, or a deviation is not positive.
        """
        mean, std = (torch.tensor(value[name], dtype=torch.float32) for name in ("mean", "std"))
        if mean.ndim != 1 or mean.shape != std.shape:
            raise DataError(f"means have shape {tuple(mean.shape)}, deviations {tuple(std.shape)}")
        if not bool((mean.isfinite() & std.isfinite() & (std > 0)).all()):
            raise DataError("means and deviations are finite, and deviations positive; these are not")
        return cls(mean, std)


class _Moments(NamedTuple):
    """What is known of inputs of a weight in all, by feature or channel; in float64."""

    n: float
    mean: Tensor
    variance: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, inputs: Tensor, weights: Tensor | None) -> "_Moments":
        others = [axis for axis in range(inputs.ndim) if axis != 1]
        low, high = inputs.amin(dim=others), inputs.amax(dim=others)
        if weights is None:
            variance, mean = torch.var_mean(inputs.double(), dim=others, correction=0)
            return cls(len(inputs), mean, variance, low, high)
        values = inputs.double().flatten(2) if inputs.ndim > 2 else inputs.double()[..., None]
        shares = (weights / weights.sum() / values.shape[2]).double().to(values.device).view(-1, 1, 1)
        mean = (shares * values).sum((0, 2))
        variance = (shares * (values - mean[:, None]) ** 2).sum((0, 2))
        return cls(float(weights.sum()), mean, variance, low, high)

    def joined(self, other: "_Moments") -> "_Moments":
        """Of both together (Chan, Golub and LeVeque, 1979): no sum of squares, which would cancel."""
        n = self.n + other.n
        share, between = other.n / n, other.mean - self.mean
        return _Moments(
            n,
            self.mean + share * between,
            self.variance + share * (other.variance - self.variance) + share * (1 - share) * between**2,
            torch.minimum(self.low, other.low),
            torch.maximum(self.high, other.high),
        )
