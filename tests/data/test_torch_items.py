import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from crossgrad import DomainDataset
from crossgrad.building import build_method
from crossgrad.data import ImageDecoding
from crossgrad.errors import DataError, SettingsError
from crossgrad.training import fit
from small import vectors


class Pictures(Dataset):
    """Coloured Pillow images of several sizes, or grey ones."""

    def __init__(self, n: int = 12, *, mode: str = "RGB") -> None:
        self.n, self.mode, self.asked = n, mode, []

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[Image.Image, int, str]:
        self.asked.append(index)
        pixels = np.random.RandomState(index).randint(0, 256, (8 + index, 9, 3)).astype(np.uint8)
        return Image.fromarray(pixels).convert(self.mode), index % 3, f"album {index % 2}"


def test_training_on_a_tensor_dataset_gives_the_weights_of_the_same_arrays_to_the_bit() -> None:
    eager = vectors()
    lazy = DomainDataset.from_torch(TensorDataset(eager.inputs, eager.labels, eager.domains), name="vectors")
    weights = []
    for dataset in (eager, lazy):
        method = build_method("crossgrad", net="mlp", input_shape=(5,), n_labels=3, n_domains=4, fields={}, seed=0)
        optimizer = torch.optim.Adam(method.parameters())
        fit(method, dataset, optimizer=optimizer, max_steps=5, batch_size=8, seed=0)
        weights.append(method.state_dict())
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=0)


def test_pillow_images_are_fitted_as_files_are() -> None:
    pictures = Pictures()
    dataset = DomainDataset.from_torch(pictures, name="albums", image_size=10)
    assert dataset.decoding == ImageDecoding(10, 3)
    assert dataset.inputs.in_unit_range
    for index in (0, 11):
        expected = torch.from_numpy(dataset.decoding.decode(pictures[index][0]))
        assert torch.equal(dataset.inputs[index], expected)
    assert DomainDataset.from_torch(Pictures(mode="L"), name="albums").inputs.shape == (12, 1, 32, 32)
    assert DomainDataset.from_torch(Pictures(mode="L"), name="albums", channels=3).inputs.shape == (12, 3, 32, 32)


def test_labels_and_domains_that_are_given_are_not_read() -> None:
    pictures = Pictures(400)
    labels = np.arange(400) % 2
    dataset = DomainDataset.from_torch(pictures, name="albums", labels=labels, domains=["a", "b"] * 200)
    assert len(set(pictures.asked)) <= 101  # those that stand for all in the fingerprint
    assert (dataset.label_names, dataset.domain_names) == (("0", "1"), ("a", "b"))
    own = DomainDataset.from_torch(pictures, name="albums", labels=labels)
    assert (own.label_names, own.domain_names) == (("0", "1"), ("album 0", "album 1"))


def test_items_may_be_inputs_alone_where_labels_and_domains_are_given() -> None:
    inputs = list(torch.arange(6).float()[:, None])
    dataset = DomainDataset.from_torch(inputs, name="numbers", labels=[0, 1] * 3, domains=[0, 0, 1, 1, 2, 2])
    assert dataset.inputs[:].flatten().tolist() == [0, 1, 2, 3, 4, 5]


def test_arrays_are_read_as_from_arrays_reads_them() -> None:
    images = np.random.RandomState(0).randint(0, 256, (6, 5, 7, 3)).astype(np.uint8)
    columns = {"labels": [0, 1] * 3, "domains": [0, 0, 1, 1, 2, 2], "name": "images"}
    eager = DomainDataset.from_arrays(images, **columns)
    lazy = DomainDataset.from_torch(list(images), **columns)
    assert torch.equal(lazy.inputs[:], eager.inputs)
    assert lazy.inputs.in_unit_range
    assert not DomainDataset.from_torch(list(images.astype(np.float32)), **columns).inputs.in_unit_range


def test_the_fingerprint_changes_with_inputs_and_labels() -> None:
    inputs = torch.arange(12.0)[:, None]
    columns = {"labels": [0, 1] * 6, "domains": [0, 1, 2] * 4, "name": "numbers"}
    one = DomainDataset.from_torch(list(inputs), **columns).fingerprint
    assert one == DomainDataset.from_torch(list(inputs.clone()), **columns).fingerprint
    assert one != DomainDataset.from_torch(list(inputs + 1), **columns).fingerprint
    assert one != DomainDataset.from_torch(list(inputs), **columns | {"labels": [1, 0] * 6}).fingerprint


class Stream(IterableDataset):
    def __iter__(self):
        return iter([(torch.zeros(1), 0, 0)])


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (Stream(), "Stream has no length or no items by index.* map-style"),
        ([], "is empty"),
        ([(torch.zeros(2), 0)] * 4, r"item 0 is tuple of 2, not \(input, label, domain\)"),
        ([{"input": 0.0, "label": 1}] * 4, r"item 0 is dict of 2, not"),
        ([({"pixels": 0}, 0, 0)] * 4, "its input is dict; give an array"),
        ([(torch.tensor([float("nan")]), 0, 0)] * 4, "inputs has 1 NaN"),
        ([(torch.zeros(2), 0.5, 0)] * 4, "labels must be strings or integers, but entry 0 is 0.5"),
    ],
)
def test_what_cannot_be_used_is_refused_when_it_is_opened(items, message) -> None:
    with pytest.raises(DataError, match=message):
        DomainDataset.from_torch(items, name="items")


@pytest.mark.parametrize(
    ("another", "message"),
    [
        (torch.zeros(3), r"example 150 has shape \(3,\), the first one \(2,\)"),
        (torch.tensor([1.0, float("inf")]), "example 150: inputs has 1 NaN or infinite"),
        ("text", "example 150: its input is str"),
    ],
)
def test_an_input_unlike_the_first_is_told_by_its_index_when_it_is_read(another, message) -> None:
    items = [torch.zeros(2)] * 300
    items[150] = another
    dataset = DomainDataset.from_torch(items, name="items", labels=[0, 1] * 150, domains=[0, 1] * 150)
    with pytest.raises(DataError, match=message):
        dataset.inputs[[149, 150]]


def test_no_channels_at_all_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"channels must be 1 \(grey\) or 3 \(colour\), but is 0"):
        DomainDataset.from_torch(Pictures(mode="L"), name="albums", channels=0)


def test_masked_values_are_told() -> None:
    items = [np.ma.array([1.0, 2.0], mask=[False, n == 0]) for n in range(4)]
    with pytest.raises(DataError, match=r"inputs has 1 masked values; give them values by \.filled"):
        DomainDataset.from_torch(items, name="items", labels=[0, 1] * 2, domains=[0, 1] * 2)


def test_an_array_among_images_is_told() -> None:
    items = [np.zeros((4, 4), dtype=np.uint8)] * 300
    items[150] = np.full((4, 4), 7.0)
    dataset = DomainDataset.from_torch(items, name="items", labels=[0, 1] * 150, domains=[0, 1] * 150)
    with pytest.raises(DataError, match="example 150 is no image and not uint8, as the first one is"):
        dataset.inputs[[150]]


def test_options_of_images_are_refused_for_arrays_and_workers_below_none() -> None:
    items = [(torch.zeros(2), 0, 0), (torch.zeros(2), 1, 1)]
    with pytest.raises(SettingsError, match="image size and channels are for images, and these inputs are Tensor"):
        DomainDataset.from_torch(items, name="items", image_size=8)
    with pytest.raises(SettingsError, match="workers is at least 0, not -1"):
        DomainDataset.from_torch(items, name="items", workers=-1)


def test_a_long_pass_over_items_tells_how_far_it_is() -> None:
    told: list[str] = []
    DomainDataset.from_torch(Pictures(300, mode="L"), name="albums", tell=told.append)
    assert told == [
        "0 of 300 items are read for their labels and domains",
        "250 of 300 items are read for their labels and domains",
        "0 of 300 images are grey",
        "250 of 300 images are grey",
    ]
