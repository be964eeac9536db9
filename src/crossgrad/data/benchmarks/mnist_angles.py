"""MNIST's digits at angles of one's choice, made as rotated MNIST was made."""

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad.data.benchmarks.benchmark import Benchmark, Facts
from crossgrad.data.benchmarks.digits import ROTATION_DEGREES
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.gzip_files import read_gzip
from crossgrad.data.idx import read_idx
from crossgrad.data.raw_files import RawFile
from crossgrad.errors import DataError, SettingsError

_CLASSES = 10
_DRAWN_SIZE = 28
_SIZES = (16, 28)
_MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/")


def _published(name: str, sha256: str, n_bytes: int, unpacked_sha256: str) -> RawFile:
    return RawFile(
        f"mnist/{name}", sha256, n_bytes, tuple(mirror + name for mirror in _MIRRORS), unpacked_sha256=unpacked_sha256
    )


_IMAGES = _published(
    "train-images-idx3-ubyte.gz",
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    9_912_422,
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
)
_LABELS = _published(
    "train-labels-idx1-ubyte.gz",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    28_881,
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
)


def load_mnist_angles(
    *,
    angles: tuple[int, ...] = ROTATION_DEGREES,
    digits: int = 1000,
    overlapping: bool = True,
    size: int = 16,
    seed: int = 0,
) -> DomainDataset:
    """Draw digits of MNIST's training images, as many of each class, and turn them anti-clockwise.

    By default in the way of Ghifary et al. (2015), with other digits: made smaller, then turned about the middle, both
    by linear interpolation. Their pictures at 45 degrees lie half a pixel to the left and above, and those at 75
    degrees were interpolated more than once; ours are neither, so that a domain differs by its angle alone.

    Args:
        angles: degrees, the domains; at least two.
        digits: how many, all classes together; a multiple of ten, at most 54,210 (the rarest class has 5,421).
        overlapping: every digit at every angle; else each at one angle only, every class spread evenly, so that a
            held-out angle holds digits never seen.
        size: height and width in pixels, 16 or 28 (MNIST's own).
        seed: of the drawing.

    Returns:
        Inputs in [0, 1], shape (n, 1, size, size), angle by angle; n is `digits`, times the number of angles where they
        overlap. Labels "0" to "9"; domains are the angles.

    Raises:
        SettingsError: values out of range, or an angle twice.
        DataError: the files are missing, damaged, or others.
    """
    _check(angles, digits, overlapping, size)
    drawings, labels = _read_mnist()
    chosen = _drawn(labels, digits // _CLASSES, seed)
    upright = _resized(np.divide(drawings[chosen], 255, dtype=np.float32), size)
    # In the order of classes every n-th digit is dealt to an angle, which spreads each class and all of them evenly.
    dealt = [slice(None) if overlapping else slice(place, None, len(angles)) for place in range(len(angles))]
    turned = [_turned(upright[members], angle) for members, angle in zip(dealt, angles, strict=True)]
    return DomainDataset(
        torch.from_numpy(np.concatenate(turned)[:, None]),
        torch.from_numpy(np.concatenate([labels[chosen][members] for members in dealt]).astype(np.int64)),
        torch.repeat_interleave(torch.arange(len(angles)), torch.tensor([len(images) for images in turned])),
        label_names=tuple(str(digit) for digit in range(_CLASSES)),
        domain_names=tuple(str(angle) for angle in angles),
        name="mnist_angles",
    )


def _check(angles: tuple[int, ...], digits: int, overlapping: bool, size: int) -> None:
    if len(angles) < 2 or len({angle % 360 for angle in angles}) < len(angles):
        raise SettingsError(f"angles must be two or more, each another turn, not {angles}")
    if size not in _SIZES:
        raise SettingsError(f"size must be 16 or 28, not {size}")
    if digits < _CLASSES or digits % _CLASSES:
        raise SettingsError(f"digits must be a multiple of ten, as many of each class, not {digits}")
    if not overlapping and digits // _CLASSES < len(angles):
        raise SettingsError(f"{digits} digits are too few to have each class at each of {len(angles)} angles")


def _read_mnist() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The training images, shape (60000, 28, 28), and their labels."""
    return _read(_IMAGES, dimensions=3, most_bytes=50_000_000), _read(_LABELS, dimensions=1, most_bytes=100_000)


def _read(file: RawFile, *, dimensions: int, most_bytes: int) -> NDArray[np.uint8]:
    content = read_gzip(file.place, most_bytes=most_bytes)
    if hashlib.sha256(content).hexdigest() != file.unpacked_sha256:
        raise DataError(f"{str(file.place)!r} is not the file of MNIST; delete it, and it can be fetched")
    return read_idx(content, dimensions=dimensions, name=str(file.place))


def _drawn(labels: NDArray[np.uint8], per_class: int, seed: int) -> NDArray[np.int64]:
    """Indices of as many digits of each class, in the order of classes."""
    shuffled = np.random.RandomState(seed).permutation(len(labels))  # the same under every version of NumPy
    classes = [shuffled[labels[shuffled] == digit] for digit in range(_CLASSES)]
    if (fewest := min(map(len, classes))) < per_class:
        raise SettingsError(
            f"{per_class * _CLASSES} digits need {per_class} of each class; the rarest has {fewest}: at most "
            f"{fewest * _CLASSES}"
        )
    return np.concatenate([members[:per_class] for members in classes])


def _resized(images: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Square images, shape (n, 28, 28), as (n, size, size)."""
    if size == _DRAWN_SIZE:
        return images
    from scipy import ndimage  # half a second, for which those who never load this need not wait

    scale = size / _DRAWN_SIZE
    small: NDArray[np.float32] = ndimage.zoom(images, (1, scale, scale), order=1, grid_mode=True, mode="nearest")
    return small


def _turned(images: NDArray[np.float32], degrees: int) -> NDArray[np.float32]:
    """Images turned anti-clockwise about their middle; what leaves the frame is cut off, what enters is black."""
    from scipy import ndimage

    turned = ndimage.rotate(images, degrees, axes=(2, 1), reshape=False, order=1)
    return np.asarray(turned.clip(0, 1), dtype=np.float32)


MNIST_ANGLES = Benchmark(
    name="mnist_angles",
    description="MNIST's digits at angles of your choice, each at all of them or at one only",
    load=load_mnist_angles,
    net="conv2",
    settings={"max_steps": 1000, "batch_size": 32},
    licence="CC BY-SA 3.0",
    facts=Facts(labels=10, domains=6, examples=6000, input_shape=(1, 16, 16)),
    files=(_IMAGES, _LABELS),
)
