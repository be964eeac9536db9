"""What a dataset is trained with where nothing else is asked for."""

from typing import Any

from crossgrad.data import BENCHMARKS, Benchmark, DomainDataset


def default_net(dataset: DomainDataset) -> str:
    """The benchmark's net where the dataset is one, else lenet for images and spectra, mlp for everything else."""
    if benchmark := benchmark_of(dataset):
        return benchmark.net
    is_image = dataset.inputs.ndim == 4 and min(dataset.inputs.shape[2:]) >= 8
    return "lenet" if is_image else "mlp"


def default_settings(dataset: DomainDataset) -> dict[str, Any]:
    """The benchmark's settings where the dataset is one; none else."""
    benchmark = benchmark_of(dataset)
    return dict(benchmark.settings) if benchmark else {}


def benchmark_of(dataset: DomainDataset) -> Benchmark | None:
    """The benchmark that a dataset is; none where it is one's own data, under whatever name."""
    return BENCHMARKS[dataset.benchmark] if dataset.benchmark else None
