"""What scikit-learn calls samples, X, y and weights, as a dataset of several domains."""

from collections.abc import Collection
from os import PathLike
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from sklearn.utils import check_array
from torch import Tensor

from crossgrad.data import Decoding, DomainDataset, LazyInputs
from crossgrad.data.inputs import read_inputs
from crossgrad.data.media import read_media
from crossgrad.data.naming import check_none_is_missing, name_indices
from crossgrad.data.telling import tell_nobody
from crossgrad.errors import DataError

NAME = "samples"
"""Of the dataset."""


def are_paths(X: Any) -> bool:
    """Whether samples are files: a sequence of paths, and no data frame, whose columns have names too.

    Example:
        >>> are_paths(["a.png", "b.png"]), are_paths("a.png"), are_paths([[1.0, 2.0]])
        (True, False, False)
    """
    if isinstance(X, str | Tensor) or not isinstance(X, Collection) or getattr(X, "ndim", 1) != 1:
        return False
    return len(X) > 0 and all(isinstance(path, str | PathLike) for path in X)


def read_weights(sample_weight: Any) -> NDArray[np.float64]:
    """Weights as numbers.

    Args:
        sample_weight: an array or sequence of n numbers, at least 0, not all of them 0.

    Raises:
        ValueError: it is not.
    """
    weights: NDArray[np.float64] = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, ensure_non_negative=True, input_name="sample_weight"
    )
    if weights.ndim != 1:
        raise DataError(f"sample_weight has one number a sample, not the shape {weights.shape}")
    if not weights.any():
        raise DataError("every sample_weight is zero: there is nothing to train on")
    return weights


def read_labels(y: Any) -> Any:
    """Labels for scikit-learn's checks: what pandas holds as whole numbers or booleans that may be missing, as NumPy's.

    Those checks would make floats of them. Whatever else came is given back as it is.

    Raises:
        DataError: one is missing.

    Example:
        >>> import pandas as pd
        >>> read_labels(pd.Series([7, 8], dtype="Int64")).dtype
        dtype('int64')
    """
    if isinstance(y, list) or getattr(y, "ndim", None) == 1:
        check_none_is_missing(y, what="y")
    dtype = getattr(getattr(y, "dtype", None), "numpy_dtype", None)  # pandas' own types have it
    return y.to_numpy(dtype=dtype) if getattr(dtype, "kind", "") in ("i", "u", "b") else y


def samples_dataset(
    values: NDArray[Any],
    labels: NDArray[Any],
    domains: Any,
    weights: NDArray[np.float64] | None,
    *,
    signals: bool,
) -> tuple[DomainDataset, NDArray[Any]]:
    """Make a dataset of those samples that have a weight.

    Args:
        values: real numbers (n, ...), or n paths, an array of objects.
        labels: n strings, whole numbers or booleans.
        domains: n strings or whole numbers; None: all are of one domain.
        weights: n numbers, at least 0; None: all alike.
        signals: values of three dimensions are (n, channels, time) and no grey images.

    Returns:
        The dataset, and the classes: the labels of its indices, sorted, of the type that they came in.

    Raises:
        DataError: one class, or as `DomainDataset.from_arrays`.

    Example:
        >>> dataset, classes = samples_dataset(
        ...     np.eye(3), np.array([7, 8, 7]), ["a", "b", "b"], np.array([1.0, 2.0, 0.0]), signals=False
        ... )
        >>> dataset.labels.tolist(), classes, dataset.weights
        ([0, 1], array([7, 8]), tensor([1., 2.], dtype=torch.float64))
    """
    kept = np.arange(len(labels)) if weights is None else np.flatnonzero(weights)
    classes, label_indices = np.unique(labels[kept], return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"y has one class, {classes.tolist()[0]!r}: there is nothing to tell apart")
    _, label_names = name_indices(classes, what="labels")
    every = ["all"] * len(labels) if domains is None else domains
    domain_indices, domain_names = name_indices(every, what="domains")
    inputs: Tensor | LazyInputs
    decoding: Decoding | None = None
    if values.dtype == object:
        inputs, decoding = _read_files(values[kept].tolist())
    else:
        inputs = read_inputs(values[kept], signals=signals)
    dataset = DomainDataset(
        inputs,
        torch.from_numpy(label_indices),
        domain_indices[torch.from_numpy(kept)],
        label_names,
        domain_names,
        NAME,
        decoding,
        weights=None if weights is None else _unequal(weights[kept]),
    )
    return dataset, classes


def _unequal(weights: NDArray[np.float64]) -> Float[Tensor, " n"] | None:
    """None where all are equal: then they change nothing, to the bit."""
    return None if np.ptp(weights) == 0 else torch.from_numpy(weights)


def _read_files(paths: list[str]) -> tuple[Tensor | LazyInputs, Decoding | None]:
    """As `open_dataset` reads them where nothing else is asked for."""
    dataset = read_media(
        paths,
        [NAME] * len(paths),
        [NAME] * len(paths),
        relative=paths,
        name=NAME,
        image_size=None,
        channels=None,
        features=None,
        seconds=None,
        skip_unreadable=False,
        memory=None,
        workers=0,
        tell=tell_nobody,
    )
    return dataset.inputs, dataset.decoding
