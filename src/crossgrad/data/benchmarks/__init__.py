"""The benchmarks by name."""

from crossgrad.data.benchmarks.benchmark import Benchmark
from crossgrad.data.benchmarks.digits import DIGITS, DIGITS_OVERLAPPING
from crossgrad.data.benchmarks.rotated_mnist import ROTATED_MNIST
from crossgrad.data.benchmarks.synthetic_speakers import SYNTHETIC_SPEAKERS

BENCHMARKS: dict[str, Benchmark] = {
    "digits": DIGITS,
    "digits-overlapping": DIGITS_OVERLAPPING,
    "rotated_mnist": ROTATED_MNIST,
    "synthetic_speakers": SYNTHETIC_SPEAKERS,
}

__all__ = ["BENCHMARKS", "Benchmark"]
