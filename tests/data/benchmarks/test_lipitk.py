"""On small files of the published format: the dataset itself may not be passed on."""

import tarfile
import warnings
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from crossgrad.data import BENCHMARKS
from crossgrad.data.benchmarks.lipitk import LIPITK, load_lipitk
from crossgrad.errors import DataError, DataWarning, SettingsError

WRITERS = range(8)
CLASSES = (0, 7, 110)


def tiff(height: int, width: int) -> bytes:
    """A black frame on white paper, one bit a pixel, with paper around it."""
    page = np.full((height + 6, width + 9), 255, dtype=np.uint8)
    page[3 : 3 + height, 4 : 4 + width] = 0
    page[5 : 1 + height, 6 : 2 + width] = 255
    content = BytesIO()
    Image.fromarray(page).convert("1").save(content, "TIFF", compression="group4")
    return content.getvalue()


def unipen(height: float, width: float) -> bytes:
    """The same frame as a pen draws it, from the lower right, without its left side."""
    corners = [(width, height), (0, height), (0, 0), (width, 0)]
    points = "".join(f"{2400 + x} {1800 + y} {13 * i}\n" for i, (x, y) in enumerate(corners))
    return f".VERSION 1.0\n.HIERARCHY CHARACTER\n.COORD X Y T\n.PEN_DOWN\n{points}.PEN_UP\n".encode()


def written(form: str) -> dict[str, bytes]:
    """Two trials of every class by every writer; each file has a size of its own."""
    make, end = (tiff, "tiff") if form == "offline" else (unipen, "txt")
    return {
        f"usr_{writer}/{label:03}t{trial:02}.{end}": make(30 + writer + trial, 40 + label // 10)
        for writer in WRITERS
        for label in CLASSES
        for trial in (1, 2)
    }


@pytest.fixture
def lay(tmp_path: Path) -> Callable[..., Path]:
    def lay(files: dict[str, bytes], under: str = "lipitk") -> Path:
        for name, content in files.items():
            path = tmp_path / under / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path / under

    return lay


@pytest.mark.parametrize("form", ["offline", "online"])
def test_writers_are_domains_and_classes_are_labels(form, lay):
    dataset = load_lipitk(form=form, folder=lay(written(form)))
    assert dataset.inputs.shape == (8 * 3 * 2, 1, 32, 32)
    assert dataset.label_names == ("000", "007", "110")
    assert dataset.domain_names == tuple(map(str, WRITERS))
    assert torch.bincount(dataset.domains).tolist() == [6] * 8
    assert torch.bincount(dataset.labels).tolist() == [16] * 3
    assert (len(dataset.domain_split.validation), len(dataset.domain_split.test)) == (1, 2)


def test_writers_are_in_the_order_of_their_numbers(lay):
    files = {f"usr_{writer}/{label}t01.tiff": tiff(9, 9) for writer in (10, 9, 100, 1, 2, 33) for label in ("001", "2")}
    dataset = load_lipitk(folder=lay(files))
    assert dataset.domain_names == ("1", "2", "9", "10", "33", "100")
    assert dataset.label_names == ("001", "002")


@pytest.mark.parametrize(("height", "width"), [(20, 60), (60, 20), (33, 32)])
def test_an_image_is_cut_to_its_dark_ink_and_keeps_its_aspect(height, width, lay):
    files = written("offline") | {"usr_0/000t01.tiff": tiff(height, width)}
    rows, columns = torch.nonzero(load_lipitk(folder=lay(files)).inputs[0, 0] > 0.3, as_tuple=True)
    inked = [int(each.max() - each.min()) + 1 for each in (rows, columns)]
    assert inked == pytest.approx([30 * height / max(height, width), 30 * width / max(height, width)], abs=1)
    for each, extent in zip((rows, columns), inked, strict=True):
        assert int(each.min()) == pytest.approx((32 - extent) / 2, abs=1)


def test_strokes_are_drawn_upright_with_the_pen_that_is_asked_for(lay):
    folder = lay(written("online"))
    image = load_lipitk(form="online", folder=folder).inputs[0, 0]
    assert image.sum(1).argmax() in (4, 5, 26, 27)  # the upper and the lower side
    left, right = image[10:20, :8].sum(), image[10:20, 24:].sum()
    assert left > 10
    assert right == 0
    thin = load_lipitk(form="online", folder=folder, thickness=1.0, size=24)
    assert thin.inputs.shape[-2:] == (24, 24)
    assert thin.inputs[0].sum() < image.sum()


def test_both_forms_may_lie_in_one_folder(lay):
    folder = lay(written("offline") | written("online"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        offline, online = (load_lipitk(form=form, folder=folder) for form in ("offline", "online"))
    assert len(offline) == len(online) == 48
    assert not torch.equal(offline.inputs, online.inputs)


@pytest.mark.parametrize("end", [".zip", ".tar.gz"])
def test_an_archive_is_read_like_a_folder_whatever_folders_lead_to_it(end, lay, tmp_path):
    folder = lay(written("offline"))
    archive = tmp_path / f"hpl-devnagari-iso-char-offline-1.0{end}"
    if end == ".zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for file in folder.rglob("*.tiff"):
                packed.write(file, f"deep/er/{file.relative_to(folder)}")
    else:
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(folder, "hpl-devnagari-iso-char-offline")
    assert load_lipitk(folder=archive).fingerprint == load_lipitk(folder=folder).fingerprint


def test_names_may_be_written_in_other_ways(lay):
    plain = written("offline")
    other = {name.replace("usr_", "USR").replace(".tiff", ".TIF"): content for name, content in plain.items()}
    assert (
        load_lipitk(folder=lay(other, under="other")).fingerprint
        == load_lipitk(folder=lay(plain, under="plain")).fingerprint
    )


def test_files_of_other_names_are_counted_and_named(lay):
    strange = ["README.txt", "usr_0/Thumbs.db", "usr_0/111t01.tiff", "usr_1/t01.tiff", "notes/000t01.tiff"]
    folder = lay(written("offline") | dict.fromkeys(strange, b""))
    with pytest.warns(DataWarning, match=r"5 files are not named usr_N/LLLtNN\.tiff") as caught:
        dataset = load_lipitk(folder=folder)
    for name in strange:
        assert repr(name) in str(caught[0].message)
    assert len(dataset) == 48


@pytest.mark.parametrize(
    ("form", "name", "damaged", "reason"),
    [
        ("offline", "usr_3/007t02.tiff", b"II*\0", "not a readable"),
        ("offline", "usr_3/007t02.tiff", None, "no ink"),
        ("online", "usr_3/007t02.txt", b".PEN_DOWN\n1 2\n3 x\n.PEN_UP\n", "line 3: '3 x' is no point"),
    ],
)
def test_files_that_cannot_be_read_are_left_out_and_named(form, name, damaged, reason, lay):
    if damaged is None:
        blank = BytesIO()
        Image.new("1", (20, 20), 1).save(blank, "TIFF")
        damaged = blank.getvalue()
    folder = lay(written(form) | {name: damaged})
    with pytest.warns(DataWarning, match=f"1 files cannot be read: .*{name}.*{reason}"):
        dataset = load_lipitk(form=form, folder=folder)
    assert len(dataset) == 47


def test_a_writer_of_few_classes_is_a_writer(lay):
    files = written("offline") | {"usr_8/007t01.tiff": tiff(10, 20)}
    assert load_lipitk(folder=lay(files)).domains.bincount().tolist() == [6] * 8 + [1]


def test_one_trial_in_two_places_is_refused(lay):
    files = written("offline")
    folder = lay({f"all/{name}": content for name, content in files.items()} | {"train/usr_2/007t01.tiff": tiff(9, 9)})
    with pytest.raises(DataError, match=r"two files of writer 2, class 7, trial 1: 'all/.*' and 'train/.*'; leave one"):
        load_lipitk(folder=folder)


def test_a_folder_with_nothing_of_the_form_is_refused(lay):
    folder = lay(written("online") | {"hpl-devnagari-iso-char-offline-1.0.rar": b"Rar!"})
    with pytest.raises(DataError, match=r"no offline characters in .*1 files are not named .*\.rar'"):
        load_lipitk(folder=folder)


def test_images_have_no_pen_to_choose_and_a_pen_must_fit(lay):
    with pytest.raises(SettingsError, match=r"thickness=2.0 is for form=online"):
        load_lipitk(thickness=2.0, folder=lay(written("online")))
    with pytest.raises(SettingsError, match="does not fit"):
        load_lipitk(form="online", thickness=40.0, folder=lay(written("online")))


@pytest.mark.parametrize("form", ["offline", "online"])
def test_a_size_beyond_all_measure_is_quoted(form, lay):
    with pytest.raises(SettingsError, match="size must be at most 512 pixels, not 100000"):
        load_lipitk(form=form, size=100_000, folder=lay(written(form)))


def test_an_empty_folder_of_the_data_root_is_not_here(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path))
    (tmp_path / "lipitk").mkdir()
    assert not LIPITK.is_here
    with pytest.raises(DataError, match="lipitk is not here"):
        LIPITK.open()
    (tmp_path / "lipitk" / "usr_0").mkdir()
    assert LIPITK.is_here


def test_it_is_found_in_the_data_root_and_made_again_when_files_join_it(lay, tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path))
    monkeypatch.setenv("CROSSGRAD_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match="lipitk is not here"):
        LIPITK.open()
    lay(written("offline"))
    assert BENCHMARKS["lipitk"] is LIPITK
    assert len(LIPITK.open()) == 48
    lay({"usr_8/007t01.tiff": tiff(10, 20)})
    assert len(LIPITK.open()) == 49
    assert len(LIPITK.open(folder=tmp_path / "lipitk" / "usr_8" / "..")) == 49
