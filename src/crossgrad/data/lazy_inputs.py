"""Inputs that are read when they are needed, for data larger than memory."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

Indices = Int[Tensor, " m"] | Bool[Tensor, " n"] | NDArray[Any] | Sequence[int] | slice
"""Which of n inputs, in which order."""


@runtime_checkable
class Source(Protocol):
    """Where inputs are read from, one at a time. It is pickled for the processes that read.

    Attributes:
        input_shape: of every input.
        in_unit_range: whether all values are known to be in [0, 1].
        fingerprint: text that is another one when inputs are others.
    """

    @property
    def input_shape(self) -> tuple[int, ...]: ...

    @property
    def in_unit_range(self) -> bool: ...

    @property
    def fingerprint(self) -> str: ...

    def __len__(self) -> int: ...

    def read(self, index: int) -> NDArray[np.float32]:
        """One input, the same values every time."""


@dataclass(frozen=True, eq=False)
class LazyInputs:
    """Inputs (n, *shape) of which those that are indexed are read, as a float32 tensor of their own.

    Args:
        source: of the inputs.
        indices: of those meant, in their order, among the source's; int64, shape (n,).
        workers: processes that read ahead where many inputs are read one batch after another; 0: none do.
        functions: what is done to inputs (m, *shape) that were read, one function after another; each keeps the
            shape and treats every input by itself. They are pickled for the workers.

    Example:
        >>> class Squares:
        ...     input_shape, in_unit_range, fingerprint = (1,), False, "squares"
        ...
        ...     def __len__(self):
        ...         return 1_000_000_000
        ...
        ...     def read(self, index):
        ...         return np.array([index**2], dtype=np.float32)
        >>> inputs = LazyInputs(Squares(), torch.tensor([7, 8, 9]))
        >>> inputs.shape, inputs[1:].tolist(), inputs.take([0]).then(torch.sqrt)[:].tolist()
        (torch.Size([3, 1]), [[64.0], [81.0]], [[7.0]])
    """

    source: Source
    indices: Int[Tensor, " n"]
    workers: int = 0
    functions: tuple[Callable[[Tensor], Tensor], ...] = ()

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def shape(self) -> torch.Size:
        """(n, *shape), as a tensor's."""
        return torch.Size((len(self), *self.source.input_shape))

    @property
    def ndim(self) -> int:
        """Dimensions, that of the examples included."""
        return len(self.shape)

    @property
    def device(self) -> torch.device:
        """Where inputs are when they are read."""
        return torch.device("cpu")

    @property
    def in_unit_range(self) -> bool:
        """Whether all values are known to be in [0, 1]."""
        return self.source.in_unit_range and not self.functions

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits of the source's fingerprint and of the indices."""
        digest = hashlib.sha256(self.source.fingerprint.encode())
        digest.update(self.indices.numpy().tobytes())
        return digest.hexdigest()[:16]

    def __getitem__(self, indices: Indices | int) -> Float[Tensor, "..."]:
        """Read the inputs at these indices; inputs[:] reads all."""
        wanted = self.indices[indices]
        if wanted.ndim == 0:
            return self[[int(indices)]][0]  # type: ignore[arg-type]  # an int, by the dimension
        if len(wanted) == 0:
            return torch.zeros(0, *self.source.input_shape)
        inputs = torch.from_numpy(np.stack([self.source.read(index) for index in wanted.tolist()]))
        for function in self.functions:
            inputs = function(inputs)
        return inputs

    def take(self, indices: Indices) -> "LazyInputs":
        """Those at these indices, without reading any."""
        return replace(self, indices=self.indices[indices])

    def then(self, function: Callable[[Tensor], Tensor]) -> "LazyInputs":
        """The same inputs with this done to them whenever they are read."""
        return replace(self, functions=(*self.functions, function))
