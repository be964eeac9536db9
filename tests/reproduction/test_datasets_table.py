"""The paper's tables: as published, and ours counted in the data that is here."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from crossgrad.data import BENCHMARKS
from crossgrad.reproduction import PaperTable
from crossgrad.reproduction.datasets import table3


@pytest.fixture(autouse=True)
def few_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Synthetic speakers need no raw data; five of them speak in seconds."""
    spoken = BENCHMARKS["synthetic_speakers"]
    monkeypatch.setitem(
        BENCHMARKS, "synthetic_speakers", replace(spoken, load=partial(spoken.load, speakers=5, takes=1))
    )


@pytest.fixture
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path / "data"))


@pytest.fixture
def rotated_mnist_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its file alone is in the data root."""
    (file,) = BENCHMARKS["rotated_mnist"].files
    if not file.is_here:
        pytest.skip("the file of rotated_mnist is not in CROSSGRAD_DATA")
    place = tmp_path / "data" / file.path
    place.parent.mkdir(parents=True)
    place.write_bytes(file.place.read_bytes())
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path / "data"))
    return place


def rows(table: PaperTable, benchmark: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in table.rows if row["benchmark"] == benchmark]


@pytest.mark.usefixtures("nothing_here")
def test_table_3_is_the_papers_whatever_is_here() -> None:
    assert rows(table3(), "as published") == [
        ("Font", "as published", 36, 109, "65 % / 10 % / 25 %", None),
        ("Handwriting", "as published", 111, 74, "60 % / 15 % / 25 %", None),
        ("MNIST", "as published", 10, 6, "each in turn", None),
        ("Speech", "as published", 12, 1888, "100 / 20 % / 20 %", None),
    ]


@pytest.mark.usefixtures("nothing_here")
def test_data_that_is_not_here_is_said_to_be_so_with_how_to_get_it(tmp_path: Path) -> None:
    table = table3()
    absent = [row["benchmark"] for row in table.rows if row["split"] == "not here"]
    assert absent == [name for name in listed(table) if BENCHMARKS[name].files]
    for name in absent:
        assert rows(table, str(name))[0][2:] == (None, None, "not here", None)
        (note,) = [note for note in table.notes if note.startswith(f"{name}: ")]
        assert " Not here. " in note
        assert f"`crossgrad data prepare {name}`" in note or str(tmp_path / "data") in note


@pytest.mark.usefixtures("nothing_here")
def test_stand_ins_are_called_stand_ins() -> None:
    notes = dict(note.split(": ", 1) for note in table3().notes)
    for name in ("handwriting", "speech_lithuanian", "synthetic_speakers"):
        assert notes[name].startswith("a stand-in: ")
    for name in ("lipitk", "rotated_mnist", "speech"):
        assert notes[name].startswith("the paper's own: ")


@pytest.mark.usefixtures("rotated_mnist_here")
def test_what_is_here_is_counted_in_the_data() -> None:
    table = table3()
    assert rows(table, "rotated_mnist") == [("MNIST", "rotated_mnist", 10, 6, "each in turn", 6000)]
    (spoken,) = rows(table, "synthetic_speakers")
    assert spoken[2:] == (12, 5, "3 / 1 / 1", 60)


def test_what_is_here_but_damaged_says_so_and_the_other_rows_are_counted(rotated_mnist_here: Path) -> None:
    rotated_mnist_here.write_bytes(b"no gzip")
    table = table3()
    assert rows(table, "rotated_mnist")[0][2:] == (None, None, "not usable", None)
    (note,) = [note for note in table.notes if note.startswith("rotated_mnist: ")]
    assert f"Not usable: {str(rotated_mnist_here)!r}" in note
    assert rows(table, "synthetic_speakers")[0][2] == 12


@pytest.mark.usefixtures("nothing_here")
def test_table_3_has_a_cell_for_every_column_and_names_benchmarks_that_are_listed() -> None:
    table = table3()
    assert all(set(row) == set(table.columns) for row in table.rows)
    assert set(listed(table)) <= set(BENCHMARKS)


def listed(table: PaperTable) -> list[str]:
    return [str(row["benchmark"]) for row in table.rows if row["benchmark"] != "as published"]
