"""Rotated MNIST as it was published: 1,000 handwritten digits, each at six angles."""

import numpy as np
import torch

from crossgrad.data.array_pickle import read_array_pickle
from crossgrad.data.benchmarks.benchmark import Benchmark, Facts
from crossgrad.data.benchmarks.digits import ROTATION_DEGREES
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.gzip_files import read_gzip
from crossgrad.data.raw_files import RawFile
from crossgrad.errors import DataError

_SIZE = 16

_FILE = RawFile(
    "rotated_mnist/MNIST_6rot.pkl.gz",
    sha256="20434234326b03ce40e9da8513d38ef985c10d53a7abc2fb43f58d20fd10f49b",
    n_bytes=3_852_536,
    urls=(
        "https://raw.githubusercontent.com/ghif/mtae/cee4bcd2df685f27b606a77eb92647a30b03a28c/MNIST_6rot.pkl.gz",
        "https://github.com/ghif/mtae/raw/cee4bcd2df685f27b606a77eb92647a30b03a28c/MNIST_6rot.pkl.gz",
    ),
)


def load_rotated_mnist() -> DomainDataset:
    """Load the file of Ghifary et al. (2015), on which the paper's MNIST results were measured.

    The same 1,000 digits of MNIST, 100 a class, are at every angle: those of a held-out angle were seen at the other
    angles. Pictures are stored row by row from the top left, as one reads them, and turn anti-clockwise. Those at 45
    degrees lie half a pixel to the left and above; those at 75 degrees are blurred, interpolated more than once.

    Returns:
        Inputs in [0, 1], shape (6000, 1, 16, 16), angle by angle in one order of the digits; labels "0" to "9"; domains
        "0", "15", ..., "75" (degrees).

    Raises:
        DataError: the file is missing, damaged, or holds something else; whether it is the published one, `data
            prepare` tells.

    Reference:
        Ghifary, Kleijn, Zhang and Balduzzi, "Domain Generalization for Object Recognition with Multi-task
        Autoencoders", ICCV 2015, arXiv 1508.07680.
    """
    place = _FILE.place
    angles = read_array_pickle(read_gzip(place, most_bytes=100_000_000), name=str(place))
    expected = [((1000, _SIZE**2), "float64"), ((1000,), "int64")]
    if [[(array.shape, array.dtype.name) for array in angle] for angle in angles] != [expected] * len(ROTATION_DEGREES):
        raise DataError(f"{str(place)!r} is not the file of Ghifary et al.: it holds arrays of other shapes or types")
    inputs = np.concatenate([pixels for pixels, _ in angles]).reshape(-1, 1, _SIZE, _SIZE)
    labels = np.concatenate([digits for _, digits in angles])
    if not (inputs.min() >= 0 and inputs.max() <= 1):  # nor NaN
        raise DataError(f"{str(place)!r} is not the file of Ghifary et al.: it holds pixels outside of [0, 1]")
    return DomainDataset(
        torch.from_numpy(inputs.astype(np.float32)),
        torch.from_numpy(labels),
        torch.arange(len(ROTATION_DEGREES)).repeat_interleave(1000),
        label_names=tuple(str(digit) for digit in range(10)),
        domain_names=tuple(str(angle) for angle in ROTATION_DEGREES),
        name="rotated_mnist",
    )


ROTATED_MNIST = Benchmark(
    name="rotated_mnist",
    description="1,000 digits of MNIST at six angles: the file of Ghifary et al. that the paper used",
    load=load_rotated_mnist,
    net="conv2",
    settings={"max_steps": 1000, "batch_size": 32},
    licence="CC BY-SA 3.0 (MNIST, of which it is made; the file itself came without a licence)",
    facts=Facts(labels=10, domains=6, examples=6000, input_shape=(1, 16, 16)),
    files=(_FILE,),
)
