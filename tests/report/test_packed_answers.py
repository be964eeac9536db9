"""Tests over examples need no predictions: a bit an example is kept beside the records."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from crossgrad.comparison import compare
from crossgrad.errors import RecordError
from crossgrad.folders import lock_folder
from crossgrad.records import read_records
from crossgrad.report.packed_answers import PACKED, pack_answers, packing, unpack_answers
from small import vectors


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    compare(vectors(), output=folder, methods=["erm", "label_grad"], seeds=[0, 1], max_steps=3)
    return folder


@pytest.fixture
def folder(done: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(done, tmp_path / "copy"))


def test_packed_answers_are_those_of_the_predictions(folder: Path) -> None:
    records = read_records(folder)
    expected = unpack_answers(folder, records)
    assert len(expected) == len(records)
    pack_answers(folder, records)
    shutil.rmtree(folder / "runs")
    found = unpack_answers(folder, records)
    assert found.keys() == expected.keys()
    for key, answers in found.items():
        np.testing.assert_array_equal(answers.right, expected[key].right)
        np.testing.assert_array_equal(answers.example, expected[key].example)
        np.testing.assert_array_equal(answers.domain, expected[key].domain)
        assert answers.confidence is None
    assert 0 < np.concatenate([answers.right for answers in found.values()]).mean() < 1


def test_what_was_packed_stays_where_predictions_are_gone(folder: Path) -> None:
    records = read_records(folder)
    pack_answers(folder, records)
    before = (folder / PACKED).read_bytes()
    shutil.rmtree(folder / "runs" / records[0]["key"])
    pack_answers(folder, records)
    assert (folder / PACKED).read_bytes() == before
    assert len(unpack_answers(folder, records)) == len(records)


def test_a_clone_that_goes_on_packs_its_new_runs_beside_the_old_ones(folder: Path) -> None:
    records = read_records(folder)
    expected = unpack_answers(folder, records)
    half = len(records) // 2
    pack_answers(folder, records[:half])  # what was there when the folder was cloned, without its runs
    for record in records[:half]:
        shutil.rmtree(folder / "runs" / record["key"])
    pack_answers(folder, records)
    shutil.rmtree(folder / "runs")
    found = unpack_answers(folder, records)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(answers.right, expected[key].right) for key, answers in found.items())


def test_runs_that_are_not_packed_have_no_answers(folder: Path) -> None:
    records = read_records(folder)
    shutil.rmtree(folder / "runs")
    assert unpack_answers(folder, records) == {}


@pytest.mark.parametrize("damage", [b"", b"PK no archive"])
def test_a_damaged_file_is_told(folder: Path, damage: bytes) -> None:
    records = read_records(folder)
    shutil.rmtree(folder / "runs")
    (folder / PACKED).write_bytes(damage)
    with pytest.raises(RecordError, match="not the answers of runs"):
        unpack_answers(folder, records)


def test_an_archive_of_something_else_is_told(folder: Path) -> None:
    records = read_records(folder)
    shutil.rmtree(folder / "runs")
    np.savez(folder / PACKED, **{f"{records[0]['key']}/right": np.zeros(2, np.uint8)})
    with pytest.raises(RecordError, match="not the answers of runs"):
        unpack_answers(folder, records)


def test_what_is_there_is_packed_after_an_interruption_and_an_error_in_packing_takes_no_other_s_place(
    folder: Path,
) -> None:
    with pytest.raises(KeyboardInterrupt), packing(folder):
        raise KeyboardInterrupt
    assert (folder / PACKED).exists()
    (folder / PACKED).unlink()
    for file in (folder / "runs").glob("*/predictions.npz"):
        file.write_bytes(b"half of")
    with pytest.raises(KeyboardInterrupt), packing(folder):
        raise KeyboardInterrupt
    with pytest.raises(RecordError), packing(folder):
        pass


def test_nothing_is_packed_while_somebody_else_writes(folder: Path) -> None:
    with lock_folder(folder):
        with pytest.raises(RuntimeError, match="refused"), packing(folder):
            raise RuntimeError("refused")
        assert not (folder / PACKED).exists()
        with packing(folder, is_locked=True):
            pass
    assert (folder / PACKED).exists()


def test_a_folder_without_records_is_left_as_it_is(tmp_path: Path) -> None:
    with packing(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
