"""The benchmarks by name."""

from crossgrad.data.benchmarks.benchmark import Benchmark
from crossgrad.data.benchmarks.digits import DIGITS

BENCHMARKS: dict[str, Benchmark] = {"digits": DIGITS}

__all__ = ["BENCHMARKS", "Benchmark"]
