"""One suite over every benchmark."""

import pytest
import torch

from crossgrad.data.benchmarks import BENCHMARKS

every_benchmark = pytest.mark.parametrize("name", BENCHMARKS)


@every_benchmark
def test_a_benchmark_is_listed_under_its_own_name(name):
    assert BENCHMARKS[name].name == name
    assert "\n" not in BENCHMARKS[name].description


@every_benchmark
def test_a_benchmark_is_the_same_at_every_load(name):
    assert BENCHMARKS[name].load().fingerprint == BENCHMARKS[name].load().fingerprint


@every_benchmark
def test_a_benchmark_holds_every_label_and_domain_it_names(name):
    dataset = BENCHMARKS[name].load()
    assert dataset.name == name
    assert torch.isfinite(dataset.inputs).all()
    assert set(dataset.labels.tolist()) == set(range(len(dataset.label_names)))
    assert set(dataset.domains.tolist()) == set(range(len(dataset.domain_names)))
