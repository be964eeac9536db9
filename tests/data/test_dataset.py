from dataclasses import replace
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch

from crossgrad import compare, diagnose, sweep, train
from crossgrad.data.dataset import DomainDataset
from crossgrad.errors import DataError


def small(**changes):
    arrays = {"inputs": np.arange(8.0).reshape(4, 2), "labels": ["a", "b", "a", "b"], "domains": [9, 9, 10, 10]}
    return DomainDataset.from_arrays(**arrays | changes, name="small")


@pytest.fixture
def unchecked_types():
    """Annotations go unchecked, as they do for a user, whom the dataset's own messages are for."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def test_arrays_become_tensors_and_sorted_names():
    dataset = small()
    assert dataset.label_names == ("a", "b")
    assert dataset.domain_names == ("9", "10")
    assert dataset.domains.tolist() == [0, 0, 1, 1]
    assert dataset.labels.dtype == dataset.domains.dtype == torch.int64
    assert dataset.decoding is None
    assert len(dataset) == 4


def test_torch_tensors_are_arrays_too():
    dataset = small(inputs=torch.ones(4, 3), labels=torch.tensor([1, 2, 1, 2]))
    assert dataset.inputs.shape == (4, 3)
    assert dataset.label_names == ("1", "2")


@pytest.mark.parametrize("what", ["labels", "domains"])
def test_unequal_lengths_are_refused_with_both_counts(what):
    with pytest.raises(DataError, match=f"{what} has 3 entries for 4 inputs"):
        small(**{what: ["x", "y", "z"]})


def test_a_subset_keeps_the_names_and_the_order_asked_for():
    part = small().subset([3, 0])
    assert part.inputs.tolist() == [[6.0, 7.0], [0.0, 1.0]]
    assert part.domains.tolist() == [1, 0]
    assert (part.label_names, part.domain_names, part.name) == (("a", "b"), ("9", "10"), "small")
    assert len(small().subset([])) == 0
    assert small().subset(torch.tensor([True, False, False, True])).labels.tolist() == [0, 1]


def test_the_fingerprint_is_of_the_arrays_and_names():
    dataset = small()
    assert dataset.fingerprint == small().fingerprint
    for other in (
        small(labels=["a", "b", "b", "b"]),
        small(domains=[8, 8, 10, 10]),
        small(inputs=np.arange(8.0).reshape(4, 2) + 1),
        small(inputs=np.arange(8.0).reshape(4, 2, 1)),
    ):
        assert other.fingerprint != dataset.fingerprint
    assert replace(dataset, name="other").fingerprint == dataset.fingerprint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": torch.zeros(4, 2, dtype=torch.int64)}, "inputs must be floating point, but has dtype torch.int64"),
        ({"labels": torch.zeros(4, dtype=torch.int32)}, "labels must be int64 indices, but has dtype torch.int32"),
        ({"domains": torch.zeros(3, dtype=torch.int64)}, "domains has 3 entries for 4 inputs"),
        ({"labels": torch.tensor([0, 1, 2, 0])}, "labels has indices from 0 to 2 for 2 names"),
        ({"domains": torch.tensor([0, -1, 0, 0])}, "domains has indices from -1 to 0 for 2 names"),
        ({"label_names": ("a", "a")}, r"labels has a name twice: \('a', 'a'\)"),
    ],
)
@pytest.mark.usefixtures("unchecked_types")
def test_parts_that_do_not_go_together_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        replace(small(), **changes)


def test_variants_go_with_their_examples_and_into_the_fingerprint():
    plain = small()
    varied = replace(plain, variants=torch.arange(24.0).reshape(4, 3, 2))
    assert torch.equal(varied.subset([3, 1]).variants, varied.variants[[3, 1]])
    assert varied.fingerprint != plain.fingerprint
    assert varied.fingerprint != replace(plain, variants=torch.ones(4, 3, 2)).fingerprint


@pytest.mark.parametrize("shape", [(3, 2, 2), (4, 2, 3)])
def test_variants_of_another_number_or_shape_are_refused(shape, unchecked_types):
    with pytest.raises(DataError, match="variants have shape"):
        replace(small(), variants=torch.zeros(shape))


def test_weights_without_a_finite_sum_are_refused() -> None:
    dataset = DomainDataset.from_arrays([[0.0]] * 4, [0, 1] * 2, [0, 0, 1, 1], name="heavy")
    with pytest.raises(DataError, match="weights as large as 1e\\+308 have no finite sum"):
        replace(dataset, weights=torch.full((4,), 1e308, dtype=torch.float64))


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("vec.npz", r"a DomainDataset is wanted, not a str: open_dataset\('vec.npz'\) gives one"),
        (Path("vec.npz"), r"not a PosixPath: open_dataset\('vec.npz'\) gives one"),
        (np.eye(3), r"not a ndarray: open_dataset\(...\) gives one"),
    ],
)
def test_what_is_no_dataset_yet_is_refused_before_anything_is_done(data, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        train(data)
    with pytest.raises(TypeError, match=message):
        compare(data, output=tmp_path / "made")
    with pytest.raises(TypeError, match=message):
        sweep(data, output=tmp_path / "made")
    with pytest.raises(TypeError, match=message):
        diagnose(data)
    assert not (tmp_path / "made").exists()
