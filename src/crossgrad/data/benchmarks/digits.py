"""Handwritten digits at six angles: scikit-learn's 1,797 real digits, nothing to download."""

import json
import math
from functools import partial
from importlib.resources import files

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad.data.benchmarks.benchmark import Benchmark
from crossgrad.data.dataset import DomainDataset

ROTATION_DEGREES = (0, 15, 30, 45, 60, 75)
"""The domains: how far a digit is turned, anti-clockwise."""

_SIZE = 16
_DRAWN_SIZE = 8
_SCALE = _SIZE / (_DRAWN_SIZE * math.sqrt(2))  # a square's diagonal just fits, so no angle cuts a corner
_MARGIN = 4  # blank pixels around the drawing, so that the spline fades out instead of ending


def load_digits(*, overlapping: bool = False) -> DomainDataset:
    """Load the digits, enlarged and rotated by one cubic spline.

    Args:
        overlapping: False: each digit at one angle only, every class spread evenly over the angles, so that
            a held-out domain holds digits never seen; 1,797 examples. True: every digit at every angle, the
            design of Ghifary et al. (2015); 10,782 examples, angle by angle.

    Returns:
        Inputs in [0, 1], shape (n, 1, 16, 16); labels "0" to "9"; domains "0", "15", ..., "75" (degrees).

    Example:
        >>> load_digits().inputs.shape, load_digits().domain_names
        (torch.Size([1797, 1, 16, 16]), ('0', '15', '30', '45', '60', '75'))
    """
    from sklearn import datasets  # half a second, for which those who never load the digits need not wait

    bunch = datasets.load_digits()
    drawings, labels = bunch.images / 16, bunch.target
    if overlapping:
        chosen = np.tile(np.arange(len(labels)), len(ROTATION_DEGREES))
        domains = np.repeat(np.arange(len(ROTATION_DEGREES)), len(labels))
    else:
        chosen, domains = np.arange(len(labels)), _spread(labels)
    rotated = [_rotate(drawings[i], ROTATION_DEGREES[d]) for i, d in zip(chosen, domains, strict=True)]
    return DomainDataset(
        torch.from_numpy(np.stack(rotated)[:, None]),
        torch.from_numpy(labels[chosen].astype(np.int64)),
        torch.from_numpy(domains.astype(np.int64)),
        label_names=tuple(str(digit) for digit in range(10)),
        domain_names=tuple(str(angle) for angle in ROTATION_DEGREES),
        name="digits-overlapping" if overlapping else "digits",
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

DIGITS = Benchmark(
    name="digits",
    description="1,797 handwritten digits (scikit-learn), 16x16, at six angles from 0 to 75 degrees",
    load=load_digits,
    net="conv2",
    settings=SETTINGS,
    chosen=json.loads(files(__package__).joinpath("digits_chosen.json").read_text(encoding="utf-8")),
)

DIGITS_OVERLAPPING = Benchmark(
    name="digits-overlapping",
    description="the same digits, each at every angle (10,782 examples), the design of Ghifary et al.",
    load=partial(load_digits, overlapping=True),
    net="conv2",
    settings=SETTINGS,
)
