"""Inputs that come after a dataset, read as its own were."""

from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from crossgrad.data.decoding import Decoding
from crossgrad.data.file_inputs import FileInputs, fingerprint_of
from crossgrad.data.inputs import read_inputs
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.errors import DataError


def read_new_inputs(
    inputs: Any, *, input_shape: Sequence[int], decoding: Decoding | None
) -> Float[Tensor, " n *shape"]:
    """Read inputs for a model that takes others already, which were a dataset's.

    Args:
        inputs: a floating point tensor (n, *input_shape) in the units of the dataset's; or any array, read as
            `DomainDataset.from_arrays` reads one (three dimensions are signals where the dataset's inputs are); or
            paths of image or audio files where the dataset was read from such.
        input_shape: of one of the dataset's inputs.
        decoding: of the dataset's files; None for a dataset of arrays.

    Raises:
        DataError: another shape, NaN or infinite values, a file that cannot be read, or files beside arrays.
        TypeError: one path instead of a sequence of paths.

    Example:
        >>> read_new_inputs(np.zeros((2, 8, 8), np.uint8), input_shape=(1, 8, 8), decoding=None).shape
        torch.Size([2, 1, 8, 8])
    """
    values = _values(inputs, input_shape, decoding)
    if tuple(values.shape[1:]) != tuple(input_shape):
        raise DataError(f"inputs have shape {tuple(values.shape[1:])}, the model takes {tuple(input_shape)}")
    if not bool(torch.isfinite(values).all()):
        raise DataError("inputs have NaN or infinite values")
    return values


def decode(file: str, input_shape: Sequence[int], decoding: Decoding | None) -> NDArray[np.float32]:
    """Read one file as the dataset's were.

    Raises:
        DataError: it cannot be read, or the dataset was one of arrays.
    """
    return check_reads_files(input_shape, decoding).decode(file)


def check_reads_files(input_shape: Sequence[int], decoding: Decoding | None) -> Decoding:
    """The decoding of a dataset that was one of files.

    Raises:
        DataError: it was one of arrays.
    """
    if decoding is None:
        raise DataError(f"the model is trained on arrays of shape {tuple(input_shape)}, it cannot read files")
    return decoding


def files_when_needed(paths: Sequence[str], decoding: Decoding, *, workers: int) -> LazyInputs:
    """Inputs of files that are decoded when they are asked for.

    Raises:
        DataError: a file is not there.
    """
    source = FileInputs(tuple(paths), decoding, fingerprint_of(paths, paths, decoding))
    return LazyInputs(source, torch.arange(len(paths)), workers)


def are_files(inputs: Any) -> bool:
    """Whether inputs are a sequence of paths.

    Raises:
        TypeError: it is one path.
    """
    if isinstance(inputs, str | PathLike):
        raise TypeError(f"files come as a sequence of paths: [{str(inputs)!r}]")
    if isinstance(inputs, Tensor):
        return False
    return len(inputs) > 0 and all(isinstance(each, str | PathLike) for each in inputs)


def _values(inputs: Any, input_shape: Sequence[int], decoding: Decoding | None) -> Tensor:
    if isinstance(inputs, Tensor) and inputs.is_floating_point():
        return inputs.float()
    if are_files(inputs):
        return torch.from_numpy(np.stack([decode(fspath(file), input_shape, decoding) for file in inputs]))
    if len(inputs) == 0:
        return torch.zeros(0, *input_shape)
    return read_inputs(inputs, signals=len(input_shape) == 2)
