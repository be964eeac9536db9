"""Inputs that somebody else's dataset gives one by one, as images or arrays."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from crossgrad.data.image_decoding import ImageDecoding
from crossgrad.data.inputs import check_not_masked, read_inputs
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.data.telling import Tell, telling
from crossgrad.errors import DataError, SettingsError

DEFAULT_IMAGE_SIZE = 32
FINGERPRINTED = 100
"""Inputs, evenly spread, that stand for all in a fingerprint: nothing but reading all of them tells more."""


@dataclass(frozen=True, eq=False)
class ItemInputs:
    """A source of inputs: one Pillow image or array each.

    Args:
        get: gives the image or array of an index; pickled for workers.
        n: how many there are.
        decoding: of images; None for arrays, which are read as `read_inputs` reads them.
        input_shape: of every input.
        in_unit_range: images are, and arrays of uint8.
        fingerprint: from some of the inputs.
    """

    get: Callable[[int], Any]
    n: int
    decoding: ImageDecoding | None
    input_shape: tuple[int, ...]
    in_unit_range: bool
    fingerprint: str

    def __len__(self) -> int:
        return self.n

    def read(self, index: int) -> NDArray[np.float32]:
        """One input.

        Raises:
            DataError: it cannot be read, or is of another kind or shape than the first; names its index.
        """
        value = self.get(index)
        try:
            values = _as_input(value, self.decoding)
        except DataError as error:
            raise DataError(f"example {index}: {error}") from error
        if values.shape != self.input_shape:
            raise DataError(f"example {index} has shape {values.shape}, the first one {self.input_shape}")
        if self.in_unit_range and not _is_in_unit_range(value):
            raise DataError(f"example {index} is no image and not uint8, as the first one is")
        return values


def item_inputs(
    get: Callable[[int], Any], n: int, *, image_size: int | None, channels: int | None, workers: int, tell: Tell
) -> tuple[LazyInputs, ImageDecoding | None]:
    """Inputs that a function gives by their index, and how they are decoded if they are images.

    Args:
        get: gives a Pillow image or an array; pickled for workers.
        n: how many there are, at least 1.
        image_size: of Pillow images: height and width of the inputs, in pixels; None: 32.
        channels: of Pillow images: 1, 3, or None: 3 if any image has colour, for which they are looked through up to
            the first that has.
        workers: processes that read ahead.
        tell: told how far it is.

    Raises:
        DataError: no inputs, or one that is looked at cannot be read.
        SettingsError: an image size or channels for arrays, or out of range.
    """
    if workers < 0:
        raise SettingsError(f"workers is at least 0, not {workers}")
    if n == 0:
        raise DataError("the dataset is empty")
    first = get(0)
    decoding = None
    if isinstance(first, Image.Image):
        decoding = ImageDecoding(
            DEFAULT_IMAGE_SIZE if image_size is None else image_size, 3 if channels is None else channels
        )
        if channels is None:
            in_colour = (decoding.has_colour(get(index)) for index in telling(range(n), "images are grey", tell))
            decoding = replace(decoding, channels=3 if any(in_colour) else 1)
    elif image_size is not None or channels is not None:
        raise SettingsError(f"image size and channels are for images, and these inputs are {type(first).__name__}")
    shape = _as_input(first, decoding).shape
    source = ItemInputs(get, n, decoding, shape, _is_in_unit_range(first), fingerprint="")
    digest = hashlib.sha256(repr((n, decoding)).encode())
    for index in np.unique(np.linspace(0, n - 1, FINGERPRINTED).astype(int)).tolist():
        digest.update(source.read(index).tobytes())
    return LazyInputs(replace(source, fingerprint=digest.hexdigest()), torch.arange(n), workers), decoding


def _as_input(value: Any, decoding: ImageDecoding | None) -> NDArray[np.float32]:
    if isinstance(value, Image.Image) and decoding is not None:
        return decoding.decode(value)
    if isinstance(value, Mapping | str | bytes | Image.Image):
        raise DataError(f"its input is {type(value).__name__}; give an array, as torch and NumPy have them")
    check_not_masked(value)
    return read_inputs(np.asarray(value)[None])[0].numpy()


def _is_in_unit_range(value: Any) -> bool:
    return isinstance(value, Image.Image) or (np.asarray(value).dtype == np.uint8 and np.asarray(value).ndim >= 2)
