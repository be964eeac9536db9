"""A dataset of several domains: inputs, labels and domains in three tensors, and their names."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from crossgrad.data.decoding import Decoding
from crossgrad.data.domain_split import DomainSplit
from crossgrad.data.inputs import read_inputs
from crossgrad.data.naming import name_indices
from crossgrad.errors import DataError


@dataclass(frozen=True, eq=False)
class DomainDataset:
    """Labelled examples of several domains.

    Args:
        inputs: float32, shape (n, *shape); images are (n, channels, height, width), in [0, 1] when they came
            from files or as uint8.
        labels: int64 in [0, len(label_names)), shape (n,).
        domains: int64 in [0, len(domain_names)), shape (n,).
        label_names: in the order of the indices, sorted when made from names.
        domain_names: likewise.
        name: of the dataset, for records and reports.
        decoding: how files were turned into inputs; None where the inputs came as arrays.
        variants: float32, shape (n, v, *shape): v other versions of every input, one of which (or the input itself) a
            training batch takes at random; nothing is measured on them. None: no augmentation.
        domain_split: the dataset's own split of its domains, where it has one.
        benchmark: name of the benchmark that it is, in BENCHMARKS; None for one's own data.

    Raises:
        DataError: lengths, indices or names that do not go together.
    """

    inputs: Float[Tensor, " n *shape"]
    labels: Int[Tensor, " n"]
    domains: Int[Tensor, " n"]
    label_names: tuple[str, ...]
    domain_names: tuple[str, ...]
    name: str
    decoding: Decoding | None = None
    variants: Float[Tensor, "n v *shape"] | None = None
    domain_split: DomainSplit | None = None
    benchmark: str | None = None

    def __post_init__(self) -> None:
        if not self.inputs.is_floating_point():
            raise DataError(f"inputs must be floating point, but has dtype {self.inputs.dtype}")
        for what, indices, names in (
            ("labels", self.labels, self.label_names),
            ("domains", self.domains, self.domain_names),
        ):
            if indices.dtype != torch.int64:
                raise DataError(f"{what} must be int64 indices, but has dtype {indices.dtype}")
            _check_length(what, indices, self.inputs)
            if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < len(names):
                raise DataError(
                    f"{what} has indices from {int(indices.min())} to {int(indices.max())} for {len(names)} names"
                )
            if len(set(names)) < len(names):
                raise DataError(f"{what} has a name twice: {names}")
        if self.variants is not None and (
            len(self.variants) != len(self) or self.variants.shape[2:] != self.inputs.shape[1:]
        ):
            raise DataError(
                f"variants have shape {tuple(self.variants.shape)} for inputs of {tuple(self.inputs.shape)}"
            )

    @classmethod
    def from_arrays(cls, inputs: Any, labels: Any, domains: Any, *, name: str) -> "DomainDataset":
        """Make a dataset of arrays or sequences.

        Args:
            inputs: real numbers: vectors (n, features), grey images (n, height, width), or images with their
                channels first or last; `read_inputs` says exactly how each shape is read. uint8 images are
                divided by 255, everything else keeps its values.
            labels: n strings or n integers. Integers sort as numbers, strings as strings.
            domains: likewise.
            name: of the dataset, for records and reports.

        Raises:
            DataError: empty, unequal lengths, NaN or infinite inputs, inputs that are no numbers, blank or
                fractional labels or domains.

        Example:
            >>> dataset = DomainDataset.from_arrays(
            ...     [[0.0, 1.0], [2.0, 3.0]], ["cat", "dog"], [10, 9], name="pets"
            ... )
            >>> dataset.label_names, dataset.domain_names, dataset.domains.tolist()
            (('cat', 'dog'), ('9', '10'), [1, 0])
        """
        numbers = read_inputs(inputs)
        label_indices, label_names = name_indices(labels, what="labels")
        domain_indices, domain_names = name_indices(domains, what="domains")
        _check_length("labels", label_indices, numbers)
        _check_length("domains", domain_indices, numbers)
        return cls(numbers, label_indices, domain_indices, label_names, domain_names, name)

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Int[Tensor, " m"] | Bool[Tensor, " n"] | Sequence[int]) -> "DomainDataset":
        """The examples at these indices, in their order, with the same names.

        Example:
            >>> pets = DomainDataset.from_arrays([[0.0], [1.0]], ["cat", "dog"], [1, 2], name="pets")
            >>> pets.subset([1]).labels.tolist(), pets.subset([1]).label_names
            ([1], ('cat', 'dog'))
        """
        chosen = indices if isinstance(indices, Tensor) else torch.tensor(indices, dtype=torch.int64)
        return replace(
            self,
            inputs=self.inputs[chosen],
            labels=self.labels[chosen],
            domains=self.domains[chosen],
            variants=None if self.variants is None else self.variants[chosen],
        )

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits of the arrays and names."""
        shape = tuple(self.inputs.shape)
        digest = hashlib.sha256(repr((self.label_names, self.domain_names, shape)).encode())
        for tensor in (self.inputs, self.labels, self.domains, *([] if self.variants is None else [self.variants])):
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


def _check_length(what: str, indices: Tensor, inputs: Tensor) -> None:
    if len(indices) != len(inputs):
        raise DataError(f"{what} has {len(indices)} entries for {len(inputs)} inputs")
