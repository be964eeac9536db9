"""Inputs that came as an array: read as float32, images channels first."""

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, from_numpy

from crossgrad.errors import DataError

_CHANNELS = (1, 3, 4)


def read_inputs(inputs: Any, *, signals: bool = False) -> Float[Tensor, " n *shape"]:
    """Read an array of n inputs as a float32 tensor that shares nothing with it.

    Vectors (n, features) stay as they are. Three dimensions are grey images (n, height, width) and get a
    channel: (n, 1, height, width). Four are images: with 1, 3 or 4 in the last place and not in the second
    they are (n, height, width, channels) and are turned to (n, channels, height, width); with 1, 3 or 4 in
    both places, the reading that makes the images square counts; all others are channels first already.
    More dimensions stay. Values stay too, but for uint8 of three or more dimensions, which is divided by 255.

    Args:
        inputs: real numbers, shape (n, ...).
        signals: three dimensions are (n, channels, time), and everything stays as it is, values of any type included.

    Raises:
        DataError: empty, one-dimensional, objects or text, ragged, NaN or infinite, or channels that may be
            first or last; or values that a mask hides.

    Example:
        >>> read_inputs(np.full((5, 8, 8, 3), 255, dtype=np.uint8)).shape
        torch.Size([5, 3, 8, 8])
    """
    check_not_masked(inputs)
    try:
        array = np.asarray(inputs)
    except ValueError as error:
        raise DataError("inputs must all have one shape; these are ragged") from error
    if array.dtype.kind not in "buif":
        raise DataError(f"inputs must be real numbers, but has dtype {array.dtype}")
    if array.ndim < 2:
        raise DataError(f"inputs must have shape (n, features) or (n, ...), but has shape {array.shape}")
    if array.size == 0:
        raise DataError(f"inputs is empty: its shape is {array.shape}")
    with np.errstate(over="ignore"):  # a float64 too large for float32 becomes infinite, and is told below
        numbers = np.array(array if signals else _channels_first(array), dtype=np.float32, order="C")
    _check_finite(numbers)
    if array.dtype == np.uint8 and array.ndim >= 3 and not signals:
        numbers /= 255
    return from_numpy(numbers)


def check_not_masked(inputs: Any) -> None:
    """Refuse values that a mask hides: without it they would be as good as any.

    Raises:
        DataError: says how many.
    """
    if np.ma.is_masked(inputs):
        n_masked = np.count_nonzero(np.ma.getmaskarray(inputs))
        raise DataError(
            f"inputs has {n_masked} masked values; give them values by .filled(...), or leave out their examples"
        )


def _channels_first(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 3:
        return array[:, None]
    if array.ndim == 4 and _channels_are_last(array.shape):
        return np.moveaxis(array, 3, 1)
    return array


def _channels_are_last(shape: tuple[int, ...]) -> bool:
    _, second, third, last = shape
    if second not in _CHANNELS or last not in _CHANNELS:
        return last in _CHANNELS
    square_if_first, square_if_last = third == last, second == third
    if square_if_first == square_if_last and (second, third, last) != (1, 1, 1):
        raise DataError(
            f"inputs has shape {shape}, whose channels may be in the second place or in the last; make it "
            "plain by padding the images, or make a DomainDataset directly, channels first"
        )
    return square_if_last


def _check_finite(numbers: NDArray[Any]) -> None:
    finite = np.isfinite(numbers.reshape(len(numbers), -1))
    if finite.all():
        return
    bad = np.flatnonzero(~finite.all(axis=1))
    raise DataError(
        f"inputs has {np.count_nonzero(~finite)} NaN or infinite values (as float32) in {len(bad)} of "
        f"{len(numbers)} examples, the first at index {bad[0]}"
    )
