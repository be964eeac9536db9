import errno
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from crossgrad.errors import RecordError
from crossgrad.folders import CHOICE, LOCK, MATCH_FILE, PLAN, claim_folder, folder_made_whole, lock_folder, write_whole
from crossgrad.records import append_record


def claim(folder: Path, *keys: str, overwrite: bool = False) -> None:
    claim_folder(folder, keys=set(keys), overwrite=overwrite)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder as a comparison of one run leaves it."""
    folder = tmp_path / "results"
    (folder / "runs" / "one").mkdir(parents=True)
    (folder / "runs" / "one" / "history.json").write_text("{}")
    (folder / "report.html").write_text("<html>")
    append_record(folder / "records.jsonl", {"version": 1, "key": "one", "dataset": "digits", "method": "erm"})
    return folder


def test_a_new_folder_is_made_with_its_parents_and_an_empty_one_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "deep" / "new", tmp_path / "empty"):
        claim(folder, "one")
        assert not list(folder.iterdir())


def test_runs_of_the_same_plan_are_kept(results: Path) -> None:
    before = contents(results)
    claim(results, "one", "two")
    assert contents(results) == before


def test_other_results_are_refused_and_kept(results: Path) -> None:
    before = contents(results)
    with pytest.raises(RecordError, match=r"holds 1 other runs, no part of this comparison \(of digits; methods erm"):
        claim(results, "two")
    assert contents(results) == before


def test_overwrite_deletes_what_a_comparison_left_and_nothing_else(results: Path) -> None:
    for name in ("notes.txt", PLAN, CHOICE):
        (results / name).write_text("mine")
    (results / MATCH_FILE).write_text("{}")
    claim(results, "two", overwrite=True)
    assert contents(results) == dict.fromkeys(("notes.txt", PLAN, CHOICE), b"mine")


def test_overwrite_deletes_what_a_sweep_left_whoever_comes_after_it(results: Path) -> None:
    (results / PLAN).write_text('{"version": 1, "asked": {}, "points": []}')
    (results / CHOICE).write_text("{}")
    claim(results, "two", overwrite=True)
    assert contents(results) == {"report.html": b"<html>"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_somebody_elses_folder_is_refused_and_left_as_it_is_with_overwrite_too(tmp_path: Path, overwrite: bool) -> None:
    # "runs" and "report.md" are names that others use as well.
    (tmp_path / "runs" / "experiment1").mkdir(parents=True)
    (tmp_path / "runs" / "experiment1" / "events").write_text("mine")
    for files in ((), ("train.py", "report.md")):
        for name in files:
            (tmp_path / name).write_text("mine")
        before = contents(tmp_path)
        with pytest.raises(RecordError, match=r"is not empty and holds no records \(.*runs.*give another --output"):
            claim(tmp_path, "one", overwrite=overwrite)
        assert contents(tmp_path) == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_records_that_are_not_ours_are_kept_with_overwrite_too(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "records.jsonl").write_text('{"name": "somebody"}\n')
    with pytest.raises(RecordError, match="line 1: not a record"):
        claim(tmp_path, "one", overwrite=overwrite)
    assert (tmp_path / "records.jsonl").exists()


def test_what_a_stop_before_the_first_record_leaves_does_not_stand_in_the_way(tmp_path: Path) -> None:
    for name in ("one", "two.partial"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    claim(tmp_path, "one", "two")
    with pytest.raises(RecordError, match="is not empty and holds no records"):
        claim(tmp_path, "one")


def test_a_link_named_like_a_folder_of_ours_is_deleted_and_not_followed(results: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (results / "runs").rename(elsewhere)
    (results / "runs").symlink_to(elsewhere)
    claim(results, "two", overwrite=True)
    assert not (results / "runs").exists()
    assert (elsewhere / "one" / "history.json").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="is a file; give a folder to write to"):
        claim(tmp_path / "file", "one")


def test_a_folder_that_cannot_be_made_is_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=r"cannot write to '.*': Not a directory"):
        claim(tmp_path / "file" / "below", "one")
    with pytest.raises(RecordError, match="cannot write to '/proc/results': No such file"):  # not for root either
        claim(Path("/proc/results"), "one")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_read_only_folder_is_told_with_the_reason(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RecordError, match=r"cannot write to '.*': Permission denied"):
        claim(tmp_path, "one")


def test_a_file_is_replaced_only_if_asked_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "new" / "sheet.png"
    write_whole(file, b"one", overwrite=False)
    with pytest.raises(RecordError, match=r"sheet.png' is there already; give another --output, or --overwrite"):
        write_whole(file, b"two", overwrite=False)
    assert file.read_bytes() == b"one"
    write_whole(file, b"two", overwrite=True)
    assert contents(tmp_path) == {"new/sheet.png": b"two"}


def test_what_cannot_be_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="is a folder; give the name of a file"):
        write_whole(tmp_path, b"", overwrite=True)
    with pytest.raises(RecordError, match=r"cannot write '.*below': "):
        write_whole(tmp_path / "file" / "below", b"", overwrite=False)


HOLDING = """
import sys
from pathlib import Path
from crossgrad.folders import lock_folder

with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_that_another_process_writes_to_is_refused_until_that_is_killed(results: Path) -> None:
    arguments = [sys.executable, "-c", HOLDING, str(results)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(RecordError, match=rf"is being written to by process {other.pid} on {platform.node()}; wait"),
            lock_folder(results),
        ):
            pass
        other.kill()
    assert (results / LOCK).exists()  # nobody was left to delete it
    with lock_folder(results):
        claim(results, "one")
    assert not (results / LOCK).exists()


def test_a_folder_is_written_whole_in_place_of_what_is_there(tmp_path: Path) -> None:
    for files in ({"a": b"1", "b": b"2"}, {"a": b"3"}):
        with folder_made_whole(tmp_path / "runs" / "one") as folder:
            for name, content in files.items():
                (folder / name).write_bytes(content)
    assert contents(tmp_path) == {"runs/one/a": b"3"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_a_folder_that_cannot_be_filled_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    with folder_made_whole(tmp_path / "one") as folder:
        (folder / "a").write_bytes(b"1")
    is_told = pytest.raises(RecordError, match=r"cannot write '.*one': No space left on device")
    is_raised = is_told if isinstance(error, OSError) else pytest.raises(KeyboardInterrupt)
    with is_raised, folder_made_whole(tmp_path / "one"):
        raise error
    assert contents(tmp_path) == {"one/a": b"1"}


def test_what_a_killed_process_left_of_a_folder_goes_with_the_next(tmp_path: Path) -> None:
    for name in ("one.77.partial", "two.77.partial"):
        (tmp_path / name).mkdir()
    with folder_made_whole(tmp_path / "one"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two.77.partial"]


def test_a_lock_leads_nowhere_else(results: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    (results / LOCK).symlink_to(precious)
    with pytest.raises(RecordError, match="cannot write to"), lock_folder(results):
        pass
    assert precious.read_text() == "mine"


def test_a_file_of_the_locks_name_that_is_somebodys_own_is_kept(results: Path) -> None:
    (results / LOCK).write_text("mine")
    with pytest.raises(RecordError, match="is no lock of crossgrad's"), lock_folder(results):
        pass
    assert (results / LOCK).read_text() == "mine"
