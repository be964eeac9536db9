import hashlib
import os

import numpy as np
import pytest
import torch

from crossgrad.data.benchmarks import fonts_authors
from crossgrad.data.benchmarks.fonts_authors import FONTS_AUTHORS, load_fonts_authors
from crossgrad.errors import DataError, DataWarning

IMAGES = np.random.RandomState(0).randint(0, 256, (60, 32, 32)).astype(np.uint8)
LABELS = np.arange(60) % 12
DOMAINS = np.arange(60) // 5

not_the_authors = pytest.mark.filterwarnings("ignore:.*is not the authors' file:crossgrad.errors.DataWarning")


@pytest.fixture
def write(tmp_path):
    def save(images=IMAGES, labels=LABELS, domains=DOMAINS):
        for name, values in (("images", images), ("labels", labels), ("domains", domains)):
            np.save(tmp_path / f"all_{name}.npy", values)
        return tmp_path

    return save


@not_the_authors
def test_arrays_of_the_authors_format_are_a_dataset(write):
    dataset = load_fonts_authors(folder=write())
    np.testing.assert_array_equal(dataset.inputs[:, 0].numpy(), IMAGES.astype(np.float32) / 255)
    assert dataset.labels.tolist() == LABELS.tolist()
    assert dataset.domains.tolist() == DOMAINS.tolist()
    assert dataset.label_names == dataset.domain_names == tuple(str(number) for number in range(12))


@not_the_authors
def test_a_tenth_of_the_domains_validates_and_a_quarter_tests(write):
    own = load_fonts_authors(folder=write()).domain_split
    assert (len(own.validation), len(own.test)) == (1, 3)


@not_the_authors
@pytest.mark.parametrize("shape", [(60, 32, 32, 1), (60, 1, 32, 32), (60, 1024)])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64"])
def test_images_may_come_in_other_shapes_and_types_of_the_same_pixels(write, shape, dtype):
    expected = load_fonts_authors(folder=write()).fingerprint
    assert load_fonts_authors(folder=write(IMAGES.reshape(shape).astype(dtype))).fingerprint == expected


def test_other_images_than_the_authors_are_told_by_gits_name_for_their_content(write, monkeypatch):
    folder = write()
    content = (folder / "all_images.npy").read_bytes()
    blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
    with pytest.warns(DataWarning, match=f"is not the authors' file: it is git's blob {blob}, theirs 981cf7d1f1"):
        load_fonts_authors(folder=folder)
    monkeypatch.setattr(fonts_authors, "_IMAGES_BLOB", blob)
    load_fonts_authors(folder=folder)


def test_the_blob_of_nothing_is_the_one_that_git_is_known_for(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert fonts_authors._git_blob(tmp_path / "empty") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@not_the_authors
def test_arrays_are_found_under_the_data_root(write, monkeypatch, tmp_path):
    folder = write()
    (tmp_path / "fonts_authors").mkdir()
    for file in FONTS_AUTHORS.files:
        name = file.path.removeprefix("fonts_authors/")
        (folder / name).rename(tmp_path / "fonts_authors" / name)
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path))
    assert len(FONTS_AUTHORS.open()) == 60


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"images": IMAGES[:, :28, :28]}, r"must hold images of 32x32, but has shape \(60, 28, 28\)"),
        ({"images": IMAGES[0, 0]}, r"must hold images of 32x32, but has shape \(32,\)"),
        ({"images": np.full((60, 32, 32), "a")}, "must hold numbers, but has dtype <U1"),
        ({"images": IMAGES.astype(np.int64) + 1}, "must hold pixels from 0 to 255, but they go from 0 to 256"),
        ({"images": IMAGES / 255}, "must hold pixels from 0 to 255, but they go from 0.0 to 1.0"),
        ({"images": np.full((60, 32, 32), np.nan)}, "must hold pixels from 0 to 255"),
        ({"images": IMAGES[:0]}, "must hold pixels from 0 to 255"),
        ({"images": np.full((60, 32, 32), None)}, "is damaged, or no array of numbers in NumPy's format"),
        ({"labels": LABELS / 2}, "labels in .* must be integers, but have dtype float64"),
        ({"domains": DOMAINS.astype(str)}, "domains in .* must be integers, but have dtype <U"),
        ({"labels": LABELS[:59]}, "labels has 59 entries for 60 inputs"),
        ({"domains": DOMAINS[:, None]}, "domains must have one entry for each input"),
    ],
)
@not_the_authors
def test_arrays_of_another_format_are_refused(write, other, message):
    with pytest.raises(DataError, match=message):
        load_fonts_authors(folder=write(**other))


def test_a_missing_file_is_named(write):
    folder = write()
    (folder / "all_labels.npy").unlink()
    with pytest.raises(DataError, match=r"no such file: .*all_labels"):
        load_fonts_authors(folder=folder)


def test_a_file_cut_short_takes_no_memory_and_is_refused(write):
    folder = write()
    header = np.lib.format.header_data_from_array_1_0(IMAGES) | {"shape": (10**12, 32, 32)}
    with open(folder / "all_images.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(1000))
    with pytest.raises(DataError, match="is damaged"):
        load_fonts_authors(folder=folder)


@pytest.mark.parametrize(
    "head",
    [
        b"{'descr': (), 'fortran_order': False, 'shape': (3,)}",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999999999999,)}",
        b"{[]: 1}",
        b"  {}\n {",
        b"'''",
    ],
)
def test_any_damaged_head_of_an_array_is_told(write, head):
    folder = write()
    content = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(24)
    (folder / "all_labels.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"all_labels\.npy' is damaged, or no array"):
        load_fonts_authors(folder=folder)


def test_a_pickle_in_an_arrays_place_is_never_run(write, tmp_path):
    folder = write()
    (folder / "all_labels.npy").write_bytes(f"cos\nsystem\n(S'touch {tmp_path}/sentinel'\ntR.".encode())
    with pytest.raises(DataError, match="is damaged"):
        load_fonts_authors(folder=folder)
    assert not os.path.exists(tmp_path / "sentinel")


@pytest.mark.skipif(not FONTS_AUTHORS.is_here, reason="the authors' arrays are not in the data root")
def test_the_authors_arrays_are_as_they_say():
    dataset = load_fonts_authors()
    assert dataset.inputs.shape == (13_718, 1, 32, 32)
    assert (len(dataset.label_names), len(dataset.domain_names)) == (36, 109)
    per_font = torch.bincount(dataset.domains)
    assert (per_font.min(), per_font.max()) == (109, 145)
