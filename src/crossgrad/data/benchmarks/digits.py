"""Handwritten digits at six angles: scikit-learn's 1,797 real digits, nothing to download."""

import json
import math
from importlib.resources import files

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad.data.benchmarks.benchmark import Benchmark, Facts
from crossgrad.data.dataset import DomainDataset

ROTATION_DEGREES = (0, 15, 30, 45, 60, 75)
"""The domains of Ghifary et al. (2015): how far a digit is turned, anti-clockwise."""

_SIZE = 16
_DRAWN_SIZE = 8
_SCALE = _SIZE / (_DRAWN_SIZE * math.sqrt(2))  # a square's diagonal just fits, so no angle cuts a corner
_MARGIN = 4  # blank pixels around the drawing, so that the spline fades out instead of ending


def load_digits() -> DomainDataset:
    """Load the digits, enlarged and rotated by one cubic spline, each at one angle only.

    Every class is spread evenly over the angles, so that a held-out domain holds digits never seen; 1,797 examples.

    Returns:
        Inputs in [0, 1], shape (n, 1, 16, 16); labels "0" to "9"; domains "0", "15", ..., "75" (degrees).

    Example:
        >>> load_digits().inputs.shape, load_digits().domain_names
        (torch.Size([1797, 1, 16, 16]), ('0', '15', '30', '45', '60', '75'))
    """
    drawings, labels = _drawings()
    return _dataset(drawings, labels, np.arange(len(labels)), _spread(labels), name="digits")


def load_digits_overlapping() -> DomainDataset:
    """Load every digit at every angle, the design of Ghifary et al. (2015); 10,782 examples, angle by angle.

    Returns:
        As `load_digits`.
    """
    drawings, labels = _drawings()
    chosen = np.tile(np.arange(len(labels)), len(ROTATION_DEGREES))
    domains = np.repeat(np.arange(len(ROTATION_DEGREES)), len(labels))
    return _dataset(drawings, labels, chosen, domains, name="digits-overlapping")


def _drawings() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    from sklearn import datasets  # half a second, for which those who never load the digits need not wait

    bunch = datasets.load_digits()
    return bunch.images / 16, bunch.target.astype(np.int64)


def _dataset(
    drawings: NDArray[np.float64],
    labels: NDArray[np.int64],
    chosen: NDArray[np.int64],
    domains: NDArray[np.int64],
    *,
    name: str,
) -> DomainDataset:
    rotated = [_rotate(drawings[i], ROTATION_DEGREES[d]) for i, d in zip(chosen, domains, strict=True)]
    return DomainDataset(
        torch.from_numpy(np.stack(rotated)[:, None]),
        torch.from_numpy(labels[chosen]),
        torch.from_numpy(domains.astype(np.int64)),
        label_names=tuple(str(digit) for digit in range(10)),
        domain_names=tuple(str(angle) for angle in ROTATION_DEGREES),
        name=name,
    )


def _spread(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """An angle's index for each digit: shuffled, put in the order of classes, dealt out like cards."""
    shuffled = np.random.RandomState(0).permutation(len(labels))  # the same under every version of NumPy
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]
    domains = np.empty(len(labels), dtype=np.int64)
    domains[dealt] = np.arange(len(labels)) % len(ROTATION_DEGREES)
    return domains


def _rotate(drawing: NDArray[np.float64], degrees: int) -> NDArray[np.float32]:
    """One drawing, shape (8, 8), turned anti-clockwise about its middle and enlarged; shape (16, 16)."""
    from scipy import ndimage  # half a second likewise

    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    # From output to input, (row, column): rows point down, so this turns the picture anti-clockwise.
    inverse = np.array([[cosine, sine], [-sine, cosine]]) / _SCALE
    padded = np.pad(drawing, _MARGIN)
    offset = (padded.shape[0] - 1) / 2 - inverse @ np.full(2, (_SIZE - 1) / 2)
    turned = ndimage.affine_transform(padded, inverse, offset=offset, output_shape=(_SIZE, _SIZE), order=3)
    return np.asarray(turned.clip(0, 1), dtype=np.float32)


SETTINGS = {"max_steps": 250, "batch_size": 32}
"""Small enough for every angle, four methods and three seeds in a few minutes on two cores."""

LICENCE = "CC BY 4.0"
"""Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998."""

DIGITS = Benchmark(
    name="digits",
    description="handwritten digits of scikit-learn at six angles",
    load=load_digits,
    net="conv2",
    licence=LICENCE,
    facts=Facts(labels=10, domains=6, examples=1797, input_shape=(1, 16, 16)),
    settings=SETTINGS,
    chosen=json.loads(files(__package__).joinpath("digits_chosen.json").read_text(encoding="utf-8")),
)

DIGITS_OVERLAPPING = Benchmark(
    name="digits-overlapping",
    description="the same digits, each at every angle: the design of Ghifary et al.",
    load=load_digits_overlapping,
    net="conv2",
    licence=LICENCE,
    facts=Facts(labels=10, domains=6, examples=10782, input_shape=(1, 16, 16)),
    settings=SETTINGS,
)
