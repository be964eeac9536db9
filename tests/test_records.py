import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossgrad.comparison import compare
from crossgrad.errors import RecordError
from crossgrad.records import RECORD_VERSION, append_record, read_records, run_key
from small import vectors

RUNNING = Path(__file__).parent.parent / "docs" / "running.md"

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def record(key: str, **fields: object) -> dict[str, object]:
    return {"version": RECORD_VERSION, "key": key, **fields}


@settings(max_examples=25)  # each waits for the disk several times
@given(st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=3))
def test_what_is_appended_is_read_back_whatever_its_text(tmp_path_factory: pytest.TempPathFactory, fields) -> None:
    path = tmp_path_factory.mktemp("records") / "records.jsonl"
    records = [{**each, **record(str(index))} for index, each in enumerate(fields)]
    for each in records:
        append_record(path, each)
    assert (read_records(path) if records else []) == records


def test_every_record_is_one_line_that_people_can_read(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, record("a", domain="größe \u2028 日本"))
    append_record(path, record("b"))
    assert path.read_bytes().count(b"\n") == 2
    assert "größe" in path.read_text(encoding="utf-8")


def test_a_path_that_is_not_valid_unicode_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, record("a", command="crossgrad compare \udcff\\"))
    assert read_records(path) == [record("a", command="crossgrad compare \udcff\\")]


def test_a_number_that_json_does_not_know_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        append_record(tmp_path / "records.jsonl", record("a", loss=float("nan")))
    assert not (tmp_path / "records.jsonl").exists()


def test_of_records_with_one_key_the_last_counts_across_files_too(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second" / "records.jsonl"
    second.parent.mkdir()
    for path, n in ((first, 1), (first, 2), (second, 3)):
        append_record(path, record("same", n=n))
    append_record(first, record("other"))
    assert read_records(first) == [record("same", n=2), record("other")]
    assert read_records([first, second.parent]) == [record("same", n=3), record("other")]


def test_a_line_cut_at_any_byte_is_passed_over_by_readers_and_cut_off_by_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, record("whole"))
    before = path.read_bytes()
    append_record(path, record("cut", domain="größe"))
    line = path.read_bytes()[len(before) :]
    for cut in range(len(line)):
        path.write_bytes(before + line[:cut])
        assert read_records(path) == [record("whole")]
        append_record(path, record("next"))
        assert read_records(path) == [record("whole"), record("next")]


def test_a_record_that_a_full_disk_does_not_take_whole_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, record("first"))
    limit = path.stat().st_size + 100
    code = f"""
import resource, signal
from pathlib import Path
from crossgrad.errors import RecordError
from crossgrad.records import append_record

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    append_record(Path({str(path)!r}), {{"version": 1, "key": "second", "padding": "x" * 200}})
except RecordError as error:
    assert str(error).endswith("records.jsonl': File too large"), error
    raise SystemExit(7)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 7
    assert path.read_bytes() == (json.dumps(record("first")) + "\n").encode()


def test_a_file_of_half_a_line_has_no_records_and_can_be_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"version": 1, "ke')
    assert read_records(path) == []
    append_record(path, record("first"))
    assert read_records(path) == [record("first")]


@pytest.mark.parametrize(
    "garbage",
    [
        b"not json",
        b"[]",
        b'"version key"',
        b"17",
        b"null",
        b"{}",
        b'{"version": 1}',
        b'{"key": "a"}',
        b'{"version": "1", "key": "a"}',
        b'{"version": null, "key": "a"}',
        b'{"version": 1, "key": ["a"]}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"",
    ],
)
def test_a_line_that_is_no_record_is_named_by_its_number(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, record("a"))
    with path.open("ab") as file:
        file.write(garbage + b"\n")
    with pytest.raises(RecordError, match=r"records\.jsonl, line 2: not a record"):
        read_records(path)


def test_records_of_a_newer_format_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    append_record(path, {"version": RECORD_VERSION + 1, "key": "a"})
    with pytest.raises(RecordError, match=rf"line 1: written in format {RECORD_VERSION + 1}, .* upgrade"):
        read_records(path)


def test_a_folder_without_records_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no records at"):
        read_records(tmp_path)


@given(st.dictionaries(st.text(), values), st.randoms())
def test_a_key_depends_on_what_is_in_a_run_and_not_on_its_order(identity, random) -> None:
    items = list(identity.items())
    random.shuffle(items)
    assert run_key(dict(items)) == run_key(json.loads(json.dumps(identity)))
    assert run_key(identity) != run_key({**identity, "seed": object.__hash__(identity)})


def test_a_record_that_readers_may_have_seen_is_not_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        append_record(tmp_path / "records.jsonl", record("whole"))
    assert read_records(tmp_path) == [record("whole")]


APPENDING = """
import sys
from pathlib import Path
from crossgrad.records import append_record

path, name = Path(sys.argv[1]), sys.argv[2]
(path.parent / name).touch()
while len(list(path.parent.glob("writer*"))) < 2:  # both begin at once
    pass
for index in range(30):
    append_record(path, {"version": 1, "key": f"{name}{index}", "padding": "x" * (index * 977 % 20_000)})
"""


def test_processes_that_append_at_once_lose_nothing_and_a_reader_meanwhile_sees_whole_records(tmp_path: Path) -> None:
    path, names = tmp_path / "records.jsonl", ("writer1", "writer2")
    path.touch()
    writers = [subprocess.Popen([sys.executable, "-c", APPENDING, str(path), name]) for name in names]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        found = read_records(path)
        assert len(found) >= seen
        seen = len(found)
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert {each["key"] for each in read_records(path)} == {f"{name}{index}" for name in names for index in range(30)}


def test_writers_that_are_killed_leave_only_whole_records_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.touch()
    (tmp_path / "writer0").touch()
    for turn in range(1, 4):
        writer = subprocess.Popen([sys.executable, "-c", APPENDING, str(path), f"writer{turn}"])
        while not any(each["key"].startswith(f"writer{turn}") for each in read_records(path)):
            assert writer.poll() is None
        writer.kill()
        writer.wait()
        before = read_records(path)
        append_record(path, record(f"after {turn}"))
        assert read_records(path) == [*before, record(f"after {turn}")]


def test_the_documentation_lists_the_fields_of_a_record_and_no_others(tmp_path: Path) -> None:
    listed = {
        name
        for line in RUNNING.read_text(encoding="utf-8").partition("## Records")[2].splitlines()
        if line.startswith("| ") and not line.startswith(("| ---", "| field"))
        for name in line.split("|")[1].strip().split(", ")
    }
    result = compare(vectors(), output=tmp_path, methods=["erm"], hold_out="den", seeds=[0], max_steps=1)
    only_where_there_is_something = {"left_out", "net_source", "domain_net_source", "unlabelled"}
    assert listed - only_where_there_is_something == set(result.records[0])
