"""The benchmarks by name."""

from crossgrad.data.benchmarks.benchmark import Benchmark
from crossgrad.data.benchmarks.digits import DIGITS, DIGITS_OVERLAPPING

BENCHMARKS: dict[str, Benchmark] = {"digits": DIGITS, "digits-overlapping": DIGITS_OVERLAPPING}

__all__ = ["BENCHMARKS", "Benchmark"]
