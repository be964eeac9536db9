"""What a training draws its batches from: a split's training examples, and with them what has no label."""

from collections.abc import Sequence
from dataclasses import replace
from os import fspath
from typing import Any

import torch
from jaxtyping import Float, Shaped
from numpy.typing import NDArray
from torch import Tensor

from crossgrad._types import UNLABELLED
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.joined_inputs import joined
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.data.new_inputs import are_files, decode, files_when_needed, read_new_inputs
from crossgrad.data.splits import Split, training_subset
from crossgrad.data.unlabelled import UNLABELLED_DOMAIN, Unlabelled
from crossgrad.errors import DataError


def with_unlabelled(
    dataset: DomainDataset,
    inputs: Shaped[Tensor, "m *shape"] | NDArray[Any] | Sequence[Any],
    *,
    domain: str = UNLABELLED_DOMAIN,
) -> DomainDataset:
    """Have inputs without labels train with a dataset, as examples of one more domain.

    Args:
        dataset: without such inputs; its examples, labels and domains stay as they are.
        inputs: as `Model.predict` takes them: a tensor or array in the units of the dataset's, or paths where the
            dataset was read from files, which are read when the dataset's are: now, or when they are needed.
        domain: their domain's name. Where it is one of the dataset's they are of that domain.

    Raises:
        DataError: no inputs, or of another shape than the dataset's, or not to be read; a blank name; or the dataset
            has some already.
        TypeError: one path instead of a sequence of paths.

    Example:
        >>> wards = DomainDataset.from_arrays([[0.0], [1.0]], [0, 1], ["A", "B"], name="wards")
        >>> both = with_unlabelled(wards, [[0.5], [0.7], [0.9]], domain="C")
        >>> len(both), len(both.unlabelled), both.domain_names
        (2, 3, ('A', 'B'))
    """
    if dataset.unlabelled is not None:
        raise DataError(f"{dataset.name!r} has unlabelled inputs already, of {dataset.unlabelled.domain!r}")
    if not domain.strip():
        raise DataError(f"the domain of unlabelled inputs needs a name, not {domain!r}")
    shape, decoding = dataset.inputs.shape[1:], dataset.decoding
    found: Tensor | LazyInputs
    if isinstance(dataset.inputs, LazyInputs) and decoding is not None and are_files(inputs):
        paths = [fspath(path) for path in inputs]
        decode(paths[0], shape, decoding)  # of the other kind of files already the first cannot be read
        found = files_when_needed(paths, decoding, workers=dataset.inputs.workers)
    else:
        found = read_new_inputs(inputs, input_shape=shape, decoding=decoding)
    if len(found) == 0:
        raise DataError("no unlabelled inputs were given")
    return replace(dataset, unlabelled=Unlabelled(found, domain))


def training_set(dataset: DomainDataset, split: Split) -> DomainDataset:
    """The training examples of a split, then the dataset's unlabelled inputs, labelled UNLABELLED.

    Their domain comes behind those of the training examples, unless it is one of them. They are drawn as all other
    examples are; but where they are more than these, all together as often as these, so that any number of them leaves
    half of what is drawn with labels.

    Args:
        dataset: that is split.
        split: of the dataset.

    Returns:
        What `training_subset` gives, where there are no unlabelled inputs.

    Example:
        >>> wards = DomainDataset.from_arrays([[0.0], [1.0], [2.0]], [0, 1, 0], ["A", "B", "B"], name="wards")
        >>> parts = Split((), torch.arange(3), in_domain=torch.arange(0), out_of_domain=torch.arange(0))
        >>> train = training_set(with_unlabelled(wards, [[7.0]] * 4, domain="C"), parts)
        >>> train.labels.tolist(), train.domains.tolist(), train.weights.tolist()
        ([0, 1, 0, -1, -1, -1, -1], [0, 1, 1, 2, 2, 2, 2], [1.0, 1.0, 1.0, 0.75, 0.75, 0.75, 0.75])
    """
    train = training_subset(dataset, split)
    more = dataset.unlabelled
    if more is None:
        return train
    names = train.domain_names if more.domain in train.domain_names else (*train.domain_names, more.domain)
    variants = train.variants
    if variants is not None:
        alike = more.inputs[:].unsqueeze(1).expand(-1, variants.shape[1], *[-1] * (variants.ndim - 2))
        variants = torch.cat([variants, alike])
    return replace(
        train,
        inputs=joined(train.inputs, more.inputs),
        labels=torch.cat([train.labels, torch.full((len(more),), UNLABELLED)]),
        domains=torch.cat([train.domains, torch.full((len(more),), names.index(more.domain))]),
        domain_names=names,
        variants=variants,
        weights=_weights(train, len(more)),
        files=None,
        unlabelled=None,
        partly_labelled=True,
    )


def _weights(train: DomainDataset, n_unlabelled: int) -> Float[Tensor, " n"] | None:
    share = min(1.0, len(train) / n_unlabelled)
    if train.weights is None and share == 1:
        return None
    weights = torch.ones(len(train), dtype=torch.float64) if train.weights is None else train.weights
    return torch.cat([weights, torch.full((n_unlabelled,), share * float(weights.mean()), dtype=weights.dtype)])
