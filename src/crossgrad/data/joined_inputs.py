"""Inputs of two kinds in a row, in memory or read when they are needed."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from crossgrad.data.lazy_inputs import LazyInputs


def joined(
    first: Float[Tensor, " n *shape"] | LazyInputs, second: Float[Tensor, " m *shape"] | LazyInputs
) -> Float[Tensor, " both *shape"] | LazyInputs:
    """The first inputs, then the second: a tensor where both are, else read when they are needed.

    Example:
        >>> joined(torch.zeros(2, 1), torch.ones(1, 1)).tolist()
        [[0.0], [0.0], [1.0]]
    """
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return torch.cat([first, second])
    workers = max(part.workers for part in (first, second) if isinstance(part, LazyInputs))
    source = JoinedInputs(*(part.numpy() if isinstance(part, Tensor) else part for part in (first, second)))
    return LazyInputs(source, torch.arange(len(source)), workers)


@dataclass(frozen=True, eq=False)
class JoinedInputs:
    """A source of inputs: those of two others, of which one may be in memory. Arrays, since workers are sent it."""

    first: NDArray[np.float32] | LazyInputs
    second: NDArray[np.float32] | LazyInputs

    @property
    def input_shape(self) -> tuple[int, ...]:
        """That of both."""
        return tuple(self.first.shape[1:])

    @property
    def in_unit_range(self) -> bool:
        """Where it is known of both."""
        return all(
            part.in_unit_range if isinstance(part, LazyInputs) else bool(part.min() >= 0 and part.max() <= 1)
            for part in (self.first, self.second)
        )

    @property
    def fingerprint(self) -> str:
        """Of both, in their order."""
        digest = hashlib.sha256()
        for part in (self.first, self.second):
            digest.update(part.fingerprint.encode() if isinstance(part, LazyInputs) else part.tobytes())
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def read(self, index: int) -> NDArray[np.float32]:
        """One input of the first, or behind those of the second."""
        part, place = (self.first, index) if index < len(self.first) else (self.second, index - len(self.first))
        return np.asarray(part[place])
