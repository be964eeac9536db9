"""What has no label is beside a dataset, joins what a training draws from, and is in no split."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crossgrad._types import UNLABELLED
from crossgrad.data import (
    DomainDataset,
    LazyInputs,
    open_dataset,
    random_split,
    split,
    training_set,
    training_subset,
    with_unlabelled,
)
from crossgrad.data.joined_inputs import joined
from crossgrad.data.new_files import new_inputs_at
from crossgrad.errors import DataError
from crossgrad.training.sampling import batches
from small import images, save_arrays, save_pictures, vectors


def whole(dataset: DomainDataset) -> DomainDataset:
    return training_set(dataset, random_split(dataset, in_domain_fraction=0, seed=0))


def test_no_split_has_unlabelled_inputs_or_depends_on_them() -> None:
    plain = vectors()
    both = with_unlabelled(plain, torch.zeros(40, 5), domain="shed")
    assert (len(both), both.domain_names) == (len(plain), plain.domain_names)
    parts, own = (
        split(both, ["den"], in_domain_fraction=0.2, seed=1),
        split(plain, ["den"], in_domain_fraction=0.2, seed=1),
    )
    for name in ("train", "in_domain", "out_of_domain"):
        assert torch.equal(getattr(parts, name), getattr(own, name))
    assert int(both.labels.min()) >= 0


def test_the_training_set_is_the_training_examples_and_behind_them_what_has_no_label() -> None:
    dataset = with_unlabelled(vectors(), torch.full((10, 5), 7.0), domain="shed")
    parts = split(dataset, ["barn"], in_domain_fraction=0.2, seed=0)
    train, labelled = training_set(dataset, parts), training_subset(dataset, parts)
    n = len(labelled)
    assert train.domain_names == ("attic", "cellar", "den", "shed")
    for name in ("inputs", "labels", "domains"):
        assert torch.equal(getattr(train, name)[:n], getattr(labelled, name))
    assert (train.inputs[n:] == 7).all()
    assert train.labels[n:].tolist() == [UNLABELLED] * 10
    assert train.domains[n:].tolist() == [3] * 10
    assert train.weights is None
    assert train.unlabelled is None


def test_without_any_the_training_set_is_the_training_subset() -> None:
    dataset = vectors()
    parts = split(dataset, ["barn"], in_domain_fraction=0.2, seed=0)
    train = training_set(dataset, parts)
    assert train.fingerprint == training_subset(dataset, parts).fingerprint
    assert train.partly_labelled is False


def test_a_name_of_a_training_domain_makes_them_one_domain() -> None:
    train = whole(with_unlabelled(vectors(), torch.zeros(10, 5), domain="barn"))
    assert train.domain_names == vectors().domain_names
    assert train.domains[96:].tolist() == [1] * 10


def test_a_held_out_domains_name_is_that_of_a_training_domain_then() -> None:
    dataset = with_unlabelled(vectors(), torch.zeros(10, 5), domain="barn")
    train = training_set(dataset, split(dataset, ["barn"], in_domain_fraction=0, seed=0))
    assert train.domain_names == ("attic", "cellar", "den", "barn")
    assert set(train.labels[train.domains == 3].tolist()) == {UNLABELLED}


@pytest.mark.parametrize(("n", "expected"), [(32, 0.25), (96, 0.5), (2000, 0.5)])
def test_they_are_drawn_as_all_others_but_no_more_than_half_of_a_batch(n: int, expected: float) -> None:
    train = whole(with_unlabelled(vectors(), torch.zeros(n, 5)))
    drawn = batches(train, batch_size=50, seed=0)
    share = np.mean([float((next(drawn).labels == UNLABELLED).float().mean()) for _ in range(200)])
    assert share == pytest.approx(expected, abs=0.01)


def test_weights_of_samples_stay_and_unlabelled_ones_weigh_as_the_mean() -> None:
    weights = torch.linspace(1, 3, 96, dtype=torch.float64)
    train = whole(with_unlabelled(replace(vectors(), weights=weights), torch.zeros(5, 5)))
    assert train.weights is not None
    assert torch.equal(train.weights[:96], weights)
    assert train.weights[96:].tolist() == pytest.approx([2.0] * 5)


def test_an_unlabelled_input_is_its_own_variant() -> None:
    dataset = replace(images(12), variants=torch.rand(12, 2, 1, 8, 8))
    train = whole(with_unlabelled(dataset, torch.full((3, 1, 8, 8), 0.5)))
    assert train.variants is not None
    assert train.variants.shape == (15, 2, 1, 8, 8)
    assert (train.variants[12:] == 0.5).all()


def test_one_labelled_domain_is_enough_where_the_unlabelled_are_another() -> None:
    dataset = vectors()
    one = dataset.subset(dataset.domains == 0)
    assert whole(with_unlabelled(one, torch.zeros(8, 5))).domain_names == ("attic", "unlabelled")
    for given in (one, with_unlabelled(one, torch.zeros(8, 5), domain="attic")):
        with pytest.raises(DataError, match="fewer than two domains are left to train on"):
            whole(given)


def test_they_are_in_the_fingerprint_and_without_them_it_is_as_it_was() -> None:
    plain = vectors()
    found = {
        with_unlabelled(plain, torch.full((2, 5), value), domain=name).fingerprint
        for value in (0.0, 1.0)
        for name in ("shed", "hut")
    }
    assert len({plain.fingerprint, *found}) == 5
    assert plain.fingerprint == replace(plain, unlabelled=None).fingerprint


def test_labels_are_missing_in_what_is_for_training_alone() -> None:
    with pytest.raises(DataError, match="labels has indices from -1"):
        replace(vectors(), labels=torch.full((96,), UNLABELLED))


@pytest.mark.parametrize(
    ("inputs", "more", "message"),
    [
        (torch.zeros(3, 4), {}, r"inputs have shape \(4,\), the model takes \(5,\)"),
        (torch.full((3, 5), torch.nan), {}, "NaN"),
        (torch.zeros(0, 5), {}, "no unlabelled inputs were given"),
        ([], {}, "no unlabelled inputs were given"),
        (["a.png"], {}, "cannot read files"),
        (torch.zeros(3, 5), {"domain": " "}, "needs a name, not ' '"),
    ],
)
def test_what_cannot_join_is_told(inputs: Any, more: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        with_unlabelled(vectors(), inputs, **more)


def test_they_join_once_and_one_path_is_no_sequence() -> None:
    both = with_unlabelled(vectors(), np.zeros((3, 5)))
    with pytest.raises(DataError, match="has unlabelled inputs already, of 'unlabelled'"):
        with_unlabelled(both, np.zeros((3, 5)))
    with pytest.raises(TypeError, match="a sequence of paths"):
        with_unlabelled(vectors(), "a.png")


def test_files_are_read_as_the_datasets_are_now_or_when_they_are_needed(tmp_path: Path) -> None:
    save_pictures(tmp_path / "known")
    new = [str(file) for file in save_pictures(tmp_path / "new", domains=1, seed=5)]
    at_once = open_dataset(str(tmp_path / "known"), image_size=16)
    when_needed = open_dataset(str(tmp_path / "known"), image_size=16, memory=0)
    one, other = (whole(with_unlabelled(dataset, new, domain="shed")) for dataset in (at_once, when_needed))
    assert isinstance(one.inputs, torch.Tensor)
    assert isinstance(other.inputs, LazyInputs)
    assert torch.equal(other.inputs[:], one.inputs)
    assert torch.equal(other.labels, one.labels)
    assert one.inputs.shape[0] == len(at_once) + len(new)
    arrays = whole(with_unlabelled(when_needed, one.inputs[-2:], domain="shed"))
    assert torch.equal(arrays.inputs[-2:], one.inputs[-2:])
    assert isinstance(arrays.inputs, LazyInputs)
    assert arrays.inputs.in_unit_range


def test_no_option_is_advised_that_leaves_no_unlabelled_file_out(tmp_path: Path) -> None:
    save_pictures(tmp_path / "known")
    new = [str(file) for file in save_pictures(tmp_path / "new", domains=1)]
    Path(new[1]).write_bytes(b"nonsense")
    when_needed, at_once = (open_dataset(str(tmp_path / "known"), memory=memory) for memory in (0, None))
    with pytest.raises(DataError, match="cannot read image") as caught:
        whole(with_unlabelled(when_needed, new)).inputs[:]
    with pytest.raises(DataError) as other:
        with_unlabelled(at_once, new)
    assert str(caught.value) == str(other.value)
    assert "skip" not in str(other.value)


def test_joined_lazy_inputs_know_what_they_are_of(tmp_path: Path) -> None:
    save_pictures(tmp_path / "known")
    inputs = open_dataset(str(tmp_path / "known"), image_size=16, memory=0).inputs
    found = [joined(inputs, torch.full((2, 1, 16, 16), value)) for value in (0.5, 2.0)]
    assert [part.in_unit_range for part in found if isinstance(part, LazyInputs)] == [True, False]
    assert len({part.fingerprint for part in found if isinstance(part, LazyInputs)}) == 2


def test_paths_are_files_folders_of_files_or_an_archive(tmp_path: Path) -> None:
    files = save_pictures(tmp_path / "pictures", domains=2)
    (tmp_path / "pictures" / "notes.txt").write_text("")
    assert new_inputs_at([tmp_path / "pictures"]) == sorted(map(str, files))
    assert new_inputs_at([files[3], tmp_path / "pictures" / "attic"]) == [
        str(files[3]),
        *sorted(str(file) for file in files if "attic" in file.parts),
    ]
    archive = save_arrays(vectors(), tmp_path / "vectors.npz")
    inputs = new_inputs_at([archive])
    assert isinstance(inputs, torch.Tensor)
    assert inputs.shape == (96, 5)
    (tmp_path / "empty").mkdir()
    for paths, message in (
        ([archive, files[0]], "is an archive: give it alone"),
        ([tmp_path / "absent"], "no such file or folder"),
        ([tmp_path / "empty"], "no images and no audio files"),
    ):
        with pytest.raises(DataError, match=message):
            new_inputs_at(paths)
