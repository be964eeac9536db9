"""Numbers brought to mean 0 and standard deviation 1."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


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
    def fit(cls, inputs: Float[Tensor, " n *shape"]) -> "Standardisation":
        """Take the statistics of inputs, over all but their second dimension; what is constant gets std 1.

        Args:
            inputs: of the training examples, shape (n, features) or (n, channels, *shape), n at least 1.

        Example:
            >>> standard = Standardisation.fit(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
            >>> standard.apply(torch.tensor([[3.0, 6.0]]))
            tensor([[1., 1.]])
        """
        others = [axis for axis in range(inputs.ndim) if axis != 1]
        variance, mean = torch.var_mean(inputs.double(), dim=others, correction=0)
        constant = inputs.amax(dim=others) == inputs.amin(dim=others)
        std = variance.sqrt().float()
        return cls(mean.float(), torch.where(constant | (std == 0), 1.0, std))

    @classmethod
    def identity(cls) -> "Standardisation":
        """The one that changes nothing, for inputs in [0, 1] that shall stay there."""
        return cls(torch.zeros(1), torch.ones(1))

    def apply(self, inputs: Float[Tensor, " n *shape"]) -> Float[Tensor, " n *shape"]:
        """Standardise inputs, shape (n, features) or (n, channels, *shape), on whichever device they are."""
        shape = (-1, *(1 for _ in inputs.shape[2:]))
        return (inputs - self.mean.to(inputs).view(shape)) / self.std.to(inputs).view(shape)

    def invert(self, inputs: Float[Tensor, "n *shape"]) -> Float[Tensor, "n *shape"]:
        """Bring standardised inputs back to their own units."""
        shape = (-1, *(1 for _ in inputs.shape[2:]))
        return inputs * self.std.to(inputs).view(shape) + self.mean.to(inputs).view(shape)

    def to_json(self) -> dict[str, list[float]]:
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_json(cls, value: dict[str, list[float]]) -> "Standardisation":
        return cls(torch.tensor(value["mean"]), torch.tensor(value["std"]))
