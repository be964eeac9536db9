import csv
import warnings
from pathlib import Path

import numpy as np
import pytest

from crossgrad.data.benchmarks import BENCHMARKS
from crossgrad.data.naming import quoted
from crossgrad.data.opening import open_dataset
from crossgrad.errors import DataError, DataWarning, SettingsError


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_manifest(path):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["image", "class", "who"], ["digits/d/a/1.png", "cat", "x"]])


def test_a_folder_a_manifest_and_arrays_open_by_their_path(here, write_image):
    write_image("digits/d/a/1.png")
    write_manifest(here / "list.csv")
    np.savez(here / "some.npz", inputs=np.ones((2, 3)), labels=[0, 1], domains=[0, 1])
    columns = {"path_column": "image", "label_column": "class", "domain_column": "who"}
    assert open_dataset("digits/").inputs.shape == (1, 1, 32, 32)
    assert open_dataset("list.csv", **columns).label_names == ("cat",)
    assert open_dataset("some.npz").inputs.shape == (2, 3)


def test_image_size_and_channels_reach_the_images(here, write_image):
    write_image("digits/d/a/1.png")
    assert open_dataset("./digits", image_size=8, channels=3).inputs.shape == (1, 3, 8, 8)


def test_skipping_reaches_the_images(here, write_image):
    write_image("folder/d/a/1.png")
    (here / "folder/d/a/2.png").touch()
    with pytest.warns(DataWarning, match="1 of 2 images"):
        open_dataset("folder", skip_unreadable=True)


def test_a_benchmark_goes_before_a_folder_of_its_name_unless_a_path_is_meant(here, write_image):
    write_image("digits/d/a/1.png")
    assert len(open_dataset("digits")) == 1797
    assert len(open_dataset("./digits")) == len(open_dataset(Path("digits"))) == 1


@pytest.mark.parametrize("options", [{"image_size": 8}, {"channels": 1}])
@pytest.mark.parametrize("source", ["digits", "some.npz"])
def test_options_of_images_are_refused_where_there_are_none(source, options):
    with pytest.raises(SettingsError, match=f"are for image files; '{source}' has its own"):
        open_dataset(source, **options)


@pytest.mark.parametrize("source", ["digts", Path("digits")])
def test_what_is_not_there_is_refused_with_the_nearest_benchmark_and_all_that_may_be(here, source):
    with pytest.raises(
        DataError,
        match=rf"'{source}' is not there; did you mean 'digits'\?; data may be a benchmark "
        rf"\({quoted(BENCHMARKS)}\), a folder domain/label/file, a manifest "
        r"\(\.csv, \.jsonl, \.json, \.parquet\), or arrays \(\.npz\)",
    ):
        open_dataset(source)


def test_a_file_of_another_kind_is_told_what_data_may_be(here):
    (here / "data.xlsx").touch()
    with pytest.raises(DataError, match=r"'data\.xlsx' is not a kind of data known here; data may be"):
        open_dataset("data.xlsx")


def test_opening_raises_no_warning_of_its_own(here):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_dataset("digits")
