import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from crossgrad import DomainDataset, compare
from crossgrad.data import ImageDecoding, open_dataset, read_folder, read_manifest
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.errors import DataError, DataWarning, SettingsError
from crossgrad.sheets import draw_sheet, plan_sheet
from small import save_pictures


def colour(size: int = 6, *, false: bool = False) -> Image.Image:
    pixels = np.random.RandomState(3).randint(0, 256, (size, size, 3)).astype(np.uint8)
    return Image.fromarray(np.repeat(pixels[:, :, :1], 3, axis=2) if false else pixels)


def check_same(lazy: DomainDataset, eager: DomainDataset) -> None:
    assert isinstance(lazy.inputs, LazyInputs)
    assert isinstance(eager.inputs, torch.Tensor)
    assert lazy.inputs.shape == eager.inputs.shape
    assert torch.equal(lazy.inputs[:], eager.inputs)
    assert torch.equal(lazy.labels, eager.labels)
    assert torch.equal(lazy.domains, eager.domains)
    names = ("label_names", "domain_names", "name", "decoding")
    assert all(getattr(lazy, name) == getattr(eager, name) for name in names)


@pytest.mark.parametrize("kind", ["grey", "false colour", "colour", "grey palette", "colour palette", "sixteen bits"])
def test_a_folder_read_when_needed_gives_the_inputs_of_one_read_at_once(tmp_path: Path, kind: str) -> None:
    save_pictures(tmp_path)
    another = {
        "grey": colour().convert("L"),
        "false colour": colour(false=True),
        "colour": colour(),
        "grey palette": colour(false=True).quantize(20),
        "colour palette": colour().quantize(20),
        "sixteen bits": Image.fromarray(np.arange(0, 65536, 1024, dtype=np.uint16).reshape(8, 8)),
    }
    another[kind].save(tmp_path / "barn" / "dog" / "zebra.png")
    lazy, eager = read_folder(tmp_path, image_size=8, memory=0), read_folder(tmp_path, image_size=8)
    check_same(lazy, eager)
    assert lazy.decoding == ImageDecoding(8, 3 if kind.startswith("colour") else 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_that_are_named_are_not_looked_for(tmp_path: Path, channels: int) -> None:
    (picture,) = save_pictures(tmp_path, domains=1, each=1)[:1]
    picture.write_bytes(b"no picture at all")
    assert read_folder(tmp_path, channels=channels, memory=0).inputs.shape == (2, channels, 32, 32)
    with pytest.raises(
        DataError, match=rf"{picture}'.*; --skip-unreadable \(skip_unreadable=True\) leaves such files out"
    ):
        read_folder(tmp_path, memory=0)  # whose header must be read


def test_audio_and_manifests_go_the_same_way(tmp_path: Path) -> None:
    rows = []
    for index, hz in enumerate((220, 440, 880)):
        wave = np.sin(2 * np.pi * hz * np.arange(8_000) / 16_000)
        soundfile.write(tmp_path / f"{hz}.wav", wave, 16_000)
        rows.append(json.dumps({"path": f"{hz}.wav", "label": str(hz), "domain": f"speaker {index % 2}"}))
    (tmp_path / "list.jsonl").write_text("\n".join(rows))
    options = {"features": "log_mel", "seconds": 0.4}
    lazy = read_manifest(tmp_path / "list.jsonl", memory=0, **options)
    check_same(lazy, read_manifest(tmp_path / "list.jsonl", **options))
    assert not lazy.inputs.in_unit_range


def test_what_fits_the_memory_to_the_byte_is_read_at_once(tmp_path: Path) -> None:
    save_pictures(tmp_path, domains=2, each=2)
    n_bytes = 8 * 1 * 8 * 8 * 4
    for memory, is_lazy in ((n_bytes, False), (n_bytes - 1, True), (0, True), (None, False)):
        found = open_dataset(tmp_path, image_size=8, channels=1, memory=memory).inputs
        assert isinstance(found, LazyInputs) == is_lazy
    # Without channels, pictures count as in colour.
    assert isinstance(open_dataset(tmp_path, image_size=8, memory=3 * n_bytes - 1).inputs, LazyInputs)
    assert isinstance(open_dataset(tmp_path, image_size=8, memory=3 * n_bytes).inputs, torch.Tensor)


def test_impossible_sizes_and_workers_are_refused(tmp_path: Path) -> None:
    save_pictures(tmp_path, domains=1, each=1)
    with pytest.raises(SettingsError, match="memory is at least 0, not -1"):
        open_dataset(tmp_path, memory=-1)
    with pytest.raises(SettingsError, match="workers is at least 0, not -2"):
        open_dataset(tmp_path, workers=-2)


@pytest.mark.parametrize("channels", [None, 3])
def test_unreadable_files_are_left_out_alike(tmp_path: Path, channels: int | None) -> None:
    pictures = save_pictures(tmp_path)
    colour().save(pictures[1])
    for picture in pictures[3:5]:
        picture.write_bytes(picture.read_bytes()[:60])  # cut off: the header alone is whole
    told = []
    found = []
    for memory in (0, None):
        with pytest.warns(DataWarning, match="2 of 18 images cannot be read") as caught:
            found.append(read_folder(tmp_path, channels=channels, skip_unreadable=True, memory=memory))
        told.append(str(caught[0].message))
    check_same(*found)
    assert told[0] == told[1]


def test_a_file_that_is_damaged_behind_its_header_is_named_when_it_is_read(tmp_path: Path) -> None:
    picture = save_pictures(tmp_path)[3]
    picture.write_bytes(picture.read_bytes()[:60])
    dataset = read_folder(tmp_path, memory=0)
    dataset.inputs[[0, 1, 2, 4]]
    with pytest.raises(
        DataError,
        match=rf"cannot read image '{picture}': .*; --skip-unreadable \(skip_unreadable=True\) leaves such files out",
    ):
        dataset.inputs[[2, 3]]


def test_the_fingerprint_is_of_names_sizes_times_and_decoding_wherever_the_folder_lies(tmp_path: Path) -> None:
    home = tmp_path / "a" / "pictures"
    picture = save_pictures(home)[0]

    def fingerprint(folder: Path = home, **options) -> str:
        return read_folder(folder, memory=0, **options).fingerprint

    found = {"itself": fingerprint()}
    assert fingerprint() == found["itself"]
    shutil.copytree(home, tmp_path / "b" / "pictures")  # keeps times
    assert fingerprint(tmp_path / "b" / "pictures") == found["itself"]
    found["another size"] = fingerprint(image_size=8)
    found["in colour"] = fingerprint(channels=3)
    found["read at once"] = read_folder(home).fingerprint
    picture.touch()
    found["touched"] = fingerprint()
    picture.rename(picture.with_name("another.png"))
    found["renamed"] = fingerprint()
    assert len(set(found.values())) == len(found)


def test_a_long_scan_tells_how_far_it_is(tmp_path: Path) -> None:
    save_pictures(tmp_path, each=50)
    told: list[str] = []
    read_folder(tmp_path, memory=0, tell=told.append)
    assert "0 files found" in told
    assert "250 of 300 images are grey" in told
    assert told[-1] == "300 files are dated"
    read_folder(tmp_path, tell=told.append)
    assert told[-1] == "250 of 300 images are read"


def test_a_sheet_is_drawn_from_the_few_pictures_that_it_shows(tmp_path: Path) -> None:
    pictures = save_pictures(tmp_path, each=9)
    lazy, eager = read_folder(tmp_path, memory=0), read_folder(tmp_path)
    plan = plan_sheet(lazy, rows=2, columns=2)
    shown = {example for row in plan.examples for example in row}
    for index, picture in enumerate(pictures):
        if index not in shown:
            picture.unlink()
    assert draw_sheet(lazy, plan).tobytes() == draw_sheet(eager, plan).tobytes()


def test_a_comparison_of_lazy_data_finds_the_numbers_of_data_in_memory(tmp_path: Path) -> None:
    save_pictures(tmp_path / "pictures", domains=4, each=6)
    rows = []
    for memory in (0, None):
        dataset = open_dataset(tmp_path / "pictures", image_size=8, memory=memory)
        options = {"methods": ["crossgrad"], "hold_out": "attic", "seeds": [0], "max_steps": 5, "dropout": 0.3}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            comparison = compare(dataset, output=tmp_path / str(memory), **options)
        (record,) = comparison.records
        rows.append({key: record[key] for key in ("out_of_domain", "in_domain", "training", "losses", "perturbation")})
        pictures = np.load(tmp_path / str(memory) / "runs" / record["key"] / "gallery.npz")
        rows[-1]["gallery"] = {name: pictures[name].tobytes() for name in pictures.files}
    assert rows[0] == rows[1]
