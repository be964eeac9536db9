"""What a dataset is trained with where nothing else is asked for."""

from typing import Any

from crossgrad.data import BENCHMARKS, Benchmark, DomainDataset
from crossgrad.data.split_checks import SMALLEST_IMAGE


def default_net(dataset: DomainDataset) -> str:
    """The benchmark's net where the dataset is one, else lenet for images and spectra, conv1d for signals of (channels,
    time), mlp for everything else and for images that are smaller than those nets take.
    """
    if benchmark := benchmark_of(dataset):
        return benchmark.net
    if min(dataset.inputs.shape[2:], default=0) < SMALLEST_IMAGE or dataset.inputs.ndim > 4:
        return "mlp"
    return "lenet" if dataset.inputs.ndim == 4 else "conv1d"


def default_settings(dataset: DomainDataset) -> dict[str, Any]:
    """The benchmark's settings where the dataset is one; none else."""
    benchmark = benchmark_of(dataset)
    return dict(benchmark.settings) if benchmark else {}


def benchmark_of(dataset: DomainDataset) -> Benchmark | None:
    """The benchmark that a dataset is; none where it is one's own data, under whatever name."""
    return BENCHMARKS[dataset.benchmark] if dataset.benchmark else None
