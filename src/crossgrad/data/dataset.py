"""A dataset of several domains: inputs, labels and domains in three tensors, and their names."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike, fspath
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from crossgrad._types import UNLABELLED
from crossgrad.data.decoding import Decoding
from crossgrad.data.domain_split import DomainSplit
from crossgrad.data.hugging_face import check_columns, input_cells, named_column
from crossgrad.data.inputs import read_inputs
from crossgrad.data.item_inputs import item_inputs
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.data.naming import name_indices
from crossgrad.data.telling import Tell, tell_nobody
from crossgrad.data.torch_items import FirstOf, check_map_style, labels_and_domains
from crossgrad.data.unlabelled import Unlabelled
from crossgrad.errors import DataError


@dataclass(frozen=True, eq=False)
class DomainDataset:
    """Labelled examples of several domains.

    Args:
        inputs: float32, shape (n, *shape); images are (n, channels, height, width), in [0, 1] when they came
            from files or as uint8. Or `LazyInputs` of that shape, whose indexing reads what is asked for.
        labels: int64 in [0, len(label_names)), shape (n,).
        domains: int64 in [0, len(domain_names)), shape (n,).
        label_names: in the order of the indices, sorted when made from names.
        domain_names: likewise.
        name: of the dataset, for records and reports.
        decoding: how files were turned into inputs; None where the inputs came as arrays.
        weights: float64, shape (n,), above 0: how often an example is trained on, relative to the others, and how much
            it counts where inputs are standardised; nothing is measured by them. None: all alike.
        variants: float32, shape (n, v, *shape): v other versions of every input, one of which (or the input itself) a
            training batch takes at random; nothing is measured on them. None: no augmentation.
        domain_split: the dataset's own split of its domains, where it has one.
        benchmark: name of the benchmark that it is, in BENCHMARKS; None for one's own data.
        files: n names, of the file that each input was read from; None where inputs are no files. Results do not depend
            on them.
        unlabelled: inputs without labels that train as one more domain, which `with_unlabelled` puts here. They are no
            examples of the dataset: nothing is measured on them, and no split has them.
        partly_labelled: labels may be UNLABELLED: what `training_set` gives, to be trained on and nothing else.

    Raises:
        DataError: lengths, indices or names that do not go together.
    """

    inputs: Float[Tensor, " n *shape"] | LazyInputs
    labels: Int[Tensor, " n"]
    domains: Int[Tensor, " n"]
    label_names: tuple[str, ...]
    domain_names: tuple[str, ...]
    name: str
    decoding: Decoding | None = None
    variants: Float[Tensor, "n v *shape"] | None = None
    domain_split: DomainSplit | None = None
    benchmark: str | None = None
    weights: Float[Tensor, " n"] | None = None
    files: tuple[str, ...] | None = None
    unlabelled: Unlabelled | None = None
    partly_labelled: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.inputs, Tensor) and not self.inputs.is_floating_point():
            raise DataError(f"inputs must be floating point, but has dtype {self.inputs.dtype}")
        for what, indices, names in (
            ("labels", self.labels, self.label_names),
            ("domains", self.domains, self.domain_names),
        ):
            if indices.dtype != torch.int64:
                raise DataError(f"{what} must be int64 indices, but has dtype {indices.dtype}")
            _check_length(what, indices, self.inputs)
            least = UNLABELLED if what == "labels" and self.partly_labelled else 0
            if len(indices) and not least <= int(indices.min()) <= int(indices.max()) < len(names):
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
        if self.files is not None:
            _check_length("files", self.files, self.inputs)
        if self.weights is not None:
            _check_length("weights", self.weights, self.inputs)
            if not bool((self.weights.isfinite() & (self.weights > 0)).all()):
                raise DataError("weights are finite and above 0; an example of weight 0 is to be left out")
            if not bool(self.weights.double().sum().isfinite()):
                raise DataError(
                    f"weights as large as {float(self.weights.max()):g} have no finite sum; divide all alike"
                )

    @classmethod
    def from_arrays(
        cls, inputs: Any, labels: Any, domains: Any, *, name: str, signals: bool = False
    ) -> "DomainDataset":
        """Make a dataset of arrays or sequences.

        Args:
            inputs: real numbers: vectors (n, features), grey images (n, height, width), or images with their
                channels first or last; `read_inputs` says exactly how each shape is read. uint8 images are
                divided by 255, everything else keeps its values.
            labels: n strings or n integers. Integers sort as numbers, strings as strings.
            domains: likewise.
            name: of the dataset, for records and reports.
            signals: inputs are (n, channels, time) and no grey images.

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
        numbers = read_inputs(inputs, signals=signals)
        label_indices, label_names = name_indices(labels, what="labels")
        domain_indices, domain_names = name_indices(domains, what="domains")
        _check_length("labels", label_indices, numbers)
        _check_length("domains", domain_indices, numbers)
        return cls(numbers, label_indices, domain_indices, label_names, domain_names, name)

    @classmethod
    def from_torch(
        cls,
        dataset: Any,
        *,
        name: str,
        labels: Any = None,
        domains: Any = None,
        image_size: int | None = None,
        channels: int | None = None,
        workers: int = 0,
        tell: Tell = tell_nobody,
    ) -> "DomainDataset":
        """Make a dataset of a torch Dataset, whose inputs are read when they are needed.

        Args:
            dataset: with a length and items (input, label, domain) by index; the same item every time. Inputs are
                Pillow images, or arrays or tensors as `from_arrays` takes n of them.
            name: of the dataset, for records and reports.
            labels: n strings or integers; None: each item is read once for its label and domain.
            domains: likewise. With both given, items may be inputs alone.
            image_size: of Pillow images, fitted as those of files are: height and width, in pixels; None: 32.
            channels: of Pillow images: 1, 3, or None: 3 if any has colour, for which they are read up to that one.
            workers: processes that read ahead in training; the dataset is pickled for them.
            tell: told how far it is.

        Raises:
            DataError: no length or items by index, items of another form, or as `from_arrays`.
            SettingsError: image_size or channels for what is no images.

        Example:
            >>> items = [(torch.tensor([float(index)]), index % 2, f"day {index // 2}") for index in range(6)]
            >>> dataset = DomainDataset.from_torch(items, name="days")
            >>> dataset.domain_names, dataset.inputs[[5, 0]].tolist()
            (('day 0', 'day 1', 'day 2'), [[5.0], [0.0]])
        """
        check_map_style(dataset)
        if labels is None or domains is None:
            found = labels_and_domains(dataset, tell)
            labels, domains = found[0] if labels is None else labels, found[1] if domains is None else domains
        inputs, decoding = item_inputs(
            FirstOf(dataset), len(dataset), image_size=image_size, channels=channels, workers=workers, tell=tell
        )
        label_indices, label_names = name_indices(labels, what="labels")
        domain_indices, domain_names = name_indices(domains, what="domains")
        return cls(inputs, label_indices, domain_indices, label_names, domain_names, name, decoding)

    @classmethod
    def from_hugging_face(
        cls,
        dataset: Any,
        *,
        name: str,
        input_column: str,
        label_column: str = "label",
        domain_column: str = "domain",
        image_size: int | None = None,
        channels: int | None = None,
        workers: int = 0,
        tell: Tell = tell_nobody,
    ) -> "DomainDataset":
        """Make a dataset of one split of a Hugging Face dataset, whose inputs are read when they are needed.

        Args:
            dataset: a `datasets.Dataset`.
            name: of the dataset, for records and reports.
            input_column: of images, or of arrays of one shape.
            label_column: of a ClassLabel, whose names and order are kept, or of strings or integers.
            domain_column: likewise.
            image_size: of images, fitted as those of files are: height and width, in pixels; None: 32.
            channels: of images: 1, 3, or None: 3 if any has colour, for which they are read up to that one.
            workers: processes that read ahead in training.
            tell: told how far it is.

        Raises:
            DataError: several splits, a streamed dataset, no such column, values without a name, or as `from_arrays`.
            SettingsError: image_size or channels for what is no images.
        """
        check_columns(dataset, {"input": input_column, "label": label_column, "domain": domain_column})
        cells = input_cells(dataset, input_column)
        inputs, decoding = item_inputs(
            cells, len(dataset), image_size=image_size, channels=channels, workers=workers, tell=tell
        )
        label_indices, label_names = named_column(dataset, label_column, what="labels")
        domain_indices, domain_names = named_column(dataset, domain_column, what="domains")
        return cls(inputs, label_indices, domain_indices, label_names, domain_names, name, decoding)

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
            inputs=self.inputs[chosen] if isinstance(self.inputs, Tensor) else self.inputs.take(chosen),
            labels=self.labels[chosen],
            domains=self.domains[chosen],
            variants=None if self.variants is None else self.variants[chosen],
            weights=None if self.weights is None else self.weights[chosen],
            files=self.files and tuple(self.files[index] for index in torch.arange(len(self))[chosen].tolist()),
        )

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits of the arrays and names; of lazy inputs, of what their source knows without reading."""
        shape = tuple(self.inputs.shape)
        digest = hashlib.sha256(repr((self.label_names, self.domain_names, shape)).encode())
        inputs, tensors = self.inputs, [self.labels, self.domains]
        if isinstance(inputs, Tensor):
            tensors.insert(0, inputs)
        else:
            digest.update(inputs.fingerprint.encode())
        for tensor in (*tensors, *(extra for extra in (self.variants, self.weights) if extra is not None)):
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        if self.unlabelled is not None:
            digest.update(self.unlabelled.fingerprint.encode())
        return digest.hexdigest()[:16]


def check_opened(dataset: object) -> None:
    """Refuse what is no dataset yet, such as the path of one.

    Raises:
        TypeError: it is another thing than a `DomainDataset`.

    Example:
        >>> check_opened("wards.npz")
        Traceback (most recent call last):
        TypeError: a DomainDataset is wanted, not a str: open_dataset('wards.npz') gives one
    """
    if not isinstance(dataset, DomainDataset):
        opened = repr(fspath(dataset)) if isinstance(dataset, str | PathLike) else "..."
        raise TypeError(f"a DomainDataset is wanted, not a {type(dataset).__name__}: open_dataset({opened}) gives one")


def _check_length(what: str, indices: Tensor | tuple[str, ...], inputs: Tensor | LazyInputs) -> None:
    if len(indices) != len(inputs):
        raise DataError(f"{what} has {len(indices)} entries for {len(inputs)} inputs")
