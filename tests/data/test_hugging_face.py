import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from crossgrad import DomainDataset
from crossgrad.data import ImageDecoding
from crossgrad.errors import DataError
from crossgrad.processes import ALONE
from crossgrad.training.loading import Loader
from crossgrad.training.sampling import Sampler

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the library, on its import
    import datasets


def pixels(n: int = 8) -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, (n, 8, 8, 3)).astype(np.uint8)


@pytest.fixture
def hub() -> "datasets.Dataset":
    images = [Image.fromarray(each) for each in pixels()]
    images[3] = images[3].convert("P")
    features = datasets.Features(
        {
            "photo": datasets.Image(),
            "grid": datasets.Array3D((8, 8, 3), "uint8"),
            "numbers": datasets.Sequence(datasets.Value("float32"), length=4),
            "kind": datasets.ClassLabel(names=["dog", "cat", "eel", "none"]),
            "place": datasets.Value("string"),
            "camera": datasets.Value("int64"),
        }
    )
    columns = {
        "photo": images,
        "grid": list(pixels()),
        "numbers": np.arange(32.0).reshape(8, 4).tolist(),
        "kind": [0, 1, 2] * 2 + [0, 1],
        "place": ["sea", "land"] * 4,
        "camera": [10, 9] * 4,
    }
    return datasets.Dataset.from_dict(columns, features=features)


def opened(hub: "datasets.Dataset", input_column: str, **options) -> DomainDataset:
    options = {"label_column": "kind", "domain_column": "place"} | options
    return DomainDataset.from_hugging_face(hub, name="pets", input_column=input_column, **options)


def test_images_are_fitted_as_files_are_and_class_labels_keep_their_names_and_order(hub) -> None:
    dataset = opened(hub, "photo", image_size=8)
    assert dataset.decoding == ImageDecoding(8, 3)
    assert torch.equal(dataset.inputs[0], torch.from_numpy(pixels()[0]).permute(2, 0, 1) / 255)
    assert torch.equal(dataset.inputs[3], torch.from_numpy(dataset.decoding.decode(hub[3]["photo"])))
    assert dataset.label_names == ("dog", "cat", "eel")  # none has no example
    assert dataset.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert (dataset.domain_names, dataset.domains.tolist()) == (("land", "sea"), [1, 0] * 4)


def test_arrays_are_read_by_their_columns_type(hub) -> None:
    grids = opened(hub, "grid", domain_column="camera")
    assert torch.equal(grids.inputs[:], torch.from_numpy(pixels()).permute(0, 3, 1, 2) / 255)
    assert grids.domain_names == ("9", "10")
    assert opened(hub, "numbers").inputs[1:3].tolist() == [[4, 5, 6, 7], [8, 9, 10, 11]]


def test_a_format_that_is_set_changes_nothing(hub) -> None:
    for column in ("photo", "numbers"):
        plain, formatted = opened(hub, column), opened(hub.with_format("torch"), column)
        assert torch.equal(plain.inputs[:], formatted.inputs[:])
        assert plain.fingerprint == formatted.fingerprint


def test_workers_read_the_same_batches(hub) -> None:
    found = []
    for workers in (0, 1):
        dataset = opened(hub, "photo", image_size=8, workers=workers)
        sampler = Sampler(dataset, batch_size=3, seed=0)
        loader = Loader(dataset, sampler, processes=ALONE, device=torch.device("cpu"))
        found.append([tuple(loader.next()) for _ in range(6)])
        loader.close()
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)


def test_columns_that_are_not_there_are_told_with_those_that_are(hub) -> None:
    with pytest.raises(DataError, match="no input column 'foto'; did you mean 'photo'"):
        opened(hub, "foto")
    with pytest.raises(DataError, match=r"no domain column 'domain'.*'place'"):
        DomainDataset.from_hugging_face(hub, name="pets", input_column="photo", label_column="kind")


def test_several_splits_and_streams_are_refused(hub) -> None:
    splits = datasets.DatasetDict({"train": hub, "test": hub})
    with pytest.raises(DataError, match=r"name one split of it, such as dataset\['train'\]; there are 'train', 'test'"):
        opened(splits, "photo")
    with pytest.raises(DataError, match="IterableDataset is no Hugging Face dataset with examples by index"):
        opened(hub.to_iterable_dataset(), "photo")
    with pytest.raises(DataError, match="the dataset is empty"):
        opened(hub.select([]), "photo")


def test_examples_without_a_label_are_counted(hub) -> None:
    unlabelled = hub.remove_columns("kind").add_column(
        "kind", [0, -1, -1, 1, 0, 1, 0, 1], feature=datasets.ClassLabel(names=["dog", "cat"])
    )
    with pytest.raises(DataError, match="2 of 8 labels have no name, the first is -1; leave them out"):
        opened(unlabelled, "photo")


@pytest.mark.parametrize("kind", ["uint8", "int64", "float32"])
@pytest.mark.parametrize("shape", ["numbers", "grid"])
def test_a_missing_value_is_never_taken_for_nought(kind, shape) -> None:
    feature = datasets.Sequence(datasets.Value(kind)) if shape == "numbers" else datasets.Array2D((2, 2), kind)
    rows = [[1, 2, 3, 4], [5, None, 7, 8]]
    columns = {
        "values": rows if shape == "numbers" else [[row[:2], row[2:]] for row in rows],
        "kind": ["a", "b"],
        "place": ["sea", "land"],
    }
    features = {"values": feature, "kind": datasets.Value("string"), "place": datasets.Value("string")}
    hub = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    with pytest.raises(DataError, match=r"NaN|example 1, 'values': .* nulls"):
        opened(hub, "values").inputs[:]
