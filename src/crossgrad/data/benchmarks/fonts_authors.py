"""The paper's first task as its authors released it: three arrays of characters in fonts of Google Fonts."""

import hashlib
import math
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossgrad.data.arrays import ARRAY_DAMAGE
from crossgrad.data.benchmarks.benchmark import Benchmark, Facts
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.domain_split import random_domain_split
from crossgrad.data.raw_files import RawFile
from crossgrad.errors import DataError, DataWarning

_SIZE = 32
_EXAMPLES = 13_718
_IMAGES, _LABELS, _DOMAINS = "all_images.npy", "all_labels.npy", "all_domains.npy"
_IMAGES_BLOB = "981cf7d1f14f2e69f880a997099f44bb83781cff"
"""What git calls the content of the authors' all_images.npy: the one checksum of it that is published."""

_SOURCE = (
    "https://raw.githubusercontent.com/vihari/crossgrad/1ec6bd647beda7a0275f57a7124cb55bf510d9da/data/gfonts/{name}"
)


def load_fonts_authors(*, folder: Path | None = None) -> DomainDataset:
    """Load the authors' own arrays.

    Their repository does not say which character a label is, nor which font a domain, so both keep their numbers.

    Args:
        folder: that holds all_images.npy, all_labels.npy and all_domains.npy. None: where they are put for this
            benchmark.

    Returns:
        Inputs in [0, 1], shape (n, 1, 32, 32); labels and domains by their numbers, with 10 % of the domains to
        validate and 25 % to test.

    Raises:
        DataError: files are missing, damaged, or hold other things than 32x32 images and integers.

    Warns:
        DataWarning: the images are not those that the authors released.

    Reference:
        Shankar et al., "Generalizing Across Domains via Cross-Gradient Training", ICLR 2018, section 4; the arrays are
        in the folder data/gfonts of github.com/vihari/crossgrad.
    """
    place = FONTS_AUTHORS.files[0].place.parent if folder is None else folder
    images, labels, domains = (_read(place / name) for name in (_IMAGES, _LABELS, _DOMAINS))
    _check_images(images, place / _IMAGES)
    if (blob := _git_blob(place / _IMAGES)) != _IMAGES_BLOB:
        warnings.warn(
            f"{str(place / _IMAGES)!r} is not the authors' file: it is git's blob {blob}, theirs {_IMAGES_BLOB}",
            DataWarning,
            stacklevel=2,
        )
    for what, values in (("labels", labels), ("domains", domains)):
        if values.dtype.kind not in "iu":
            raise DataError(f"{what} in {str(place)!r} must be integers, but have dtype {values.dtype}")
    inputs = images.reshape(-1, 1, _SIZE, _SIZE).astype(np.float32) / 255
    dataset = DomainDataset.from_arrays(inputs, labels, domains, name="fonts_authors")
    return replace(dataset, domain_split=random_domain_split(dataset.domain_names, validation=0.1, test=0.25))


def _read(place: Path) -> NDArray[Any]:
    if not place.is_file():
        raise DataError(f"no such file: {str(place)!r}")
    try:
        # Mapped, so that the header's shape is held to the file's length before any memory is taken.
        return np.array(np.lib.format.open_memmap(place, mode="r"))
    except (ValueError, *ARRAY_DAMAGE) as error:
        raise DataError(f"{str(place)!r} is damaged, or no array of numbers in NumPy's format: {error}") from error


def _check_images(images: NDArray[Any], place: Path) -> None:
    if images.ndim < 2 or math.prod(images.shape[1:]) != _SIZE**2:
        raise DataError(f"{str(place)!r} must hold images of 32x32, but has shape {images.shape}")
    if images.dtype.kind not in "uif":
        raise DataError(f"{str(place)!r} must hold numbers, but has dtype {images.dtype}")
    low, high = images.min(initial=0), images.max(initial=0)
    if not (low >= 0 and 1 < high <= 255):  # NaN is refused too
        raise DataError(f"{str(place)!r} must hold pixels from 0 to 255, but they go from {low} to {high}")


def _git_blob(place: Path) -> str:
    content = place.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _file(name: str, n_bytes: int) -> RawFile:
    return RawFile(f"fonts_authors/{name}", sha256=None, n_bytes=n_bytes)


FONTS_AUTHORS = Benchmark(
    name="fonts_authors",
    description="letters and digits in 109 handwriting fonts: the arrays that the paper's authors released",
    load=load_fonts_authors,
    net="lenet",
    settings={"max_steps": 2000, "batch_size": 64},
    licence="none stated: the repository shares it 'for educational purpose only'",
    facts=Facts(labels=36, domains=109, examples=_EXAMPLES, input_shape=(1, _SIZE, _SIZE)),
    # The bytes of the arrays, without their headers; of the images, as uint8.
    files=(
        _file(_IMAGES, _EXAMPLES * _SIZE**2),
        _file(_LABELS, _EXAMPLES * 8),
        _file(_DOMAINS, _EXAMPLES * 8),
    ),
    how="Put "
    + ", ".join(_SOURCE.format(name=name) for name in (_IMAGES, _LABELS, _DOMAINS))
    + " into {root}/fonts_authors, under these names.",
)
