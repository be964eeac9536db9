"""What a run leaves behind: one JSON object a run, one line each, and the folder of its artefacts.

A record is everything a table needs and everything needed to run it again. Its fields are listed in docs/running.md.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from crossgrad.disk import force
from crossgrad.errors import RecordError

RECORD_VERSION = 1

Record = dict[str, Any]


def run_key(identity: dict[str, Any]) -> str:
    """Sixteen hex digits that name a run by everything that determines it.

    Args:
        identity: JSON-serialisable; the order of its keys does not matter.

    Example:
        >>> run_key({"method": "erm", "seed": 0}) == run_key({"seed": 0, "method": "erm"})
        True
    """
    text = json.dumps(identity, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def append_record(path: Path, record: Record) -> None:
    """Append one line, whole or not at all, and force it to disk; several processes may append at once.

    A half-written last line (of a writer that was killed, or a machine that lost power) is cut off first.

    Raises:
        RecordError: it cannot be written: a full disk.
    """
    # Half of a surrogate pair, as in a path that is not UTF-8, becomes the escape that JSON has for it.
    line = (json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n").encode(errors="backslashreplace")
    try:
        with path.open("a+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = _cut_half_line(file.fileno())
            try:
                _write(file.fileno(), line)
                os.fsync(file.fileno())
            except BaseException:  # a full disk, or Ctrl-C; what is whole may have been read already, and stays
                if os.fstat(file.fileno()).st_size < end + len(line):
                    os.ftruncate(file.fileno(), end)
                raise
        if end == 0:
            force(path.parent)
    except OSError as error:
        raise RecordError(f"cannot write {str(path)!r}: {error.strerror}") from error


def _cut_half_line(descriptor: int) -> int:
    """Returns where the whole lines end."""
    size = end = os.fstat(descriptor).st_size
    while end > 0 and os.pread(descriptor, 1, end - 1) != b"\n":
        end -= 1
    if end < size:
        os.ftruncate(descriptor, end)
    return end


def _write(descriptor: int, line: bytes) -> None:
    while line:  # a nearly full disk takes the first part alone, and refuses the next
        line = line[os.write(descriptor, line) :]


def read_records(paths: Path | Iterable[Path]) -> list[Record]:
    """Read one or several records.jsonl files (or the folders that hold them), in order.

    A last line that is not finished yet is passed over, since another process may be writing it. Of
    several records with one key the last counts.

    Raises:
        RecordError: a file is missing, a line is not a record, or it was written by a newer version.
    """
    records: dict[str, Record] = {}
    for path in [paths] if isinstance(paths, Path) else paths:
        file = path / "records.jsonl" if path.is_dir() else path
        if not file.is_file():
            raise RecordError(f"no records at {str(file)!r}; give a records.jsonl or a folder that holds one")
        *lines, _half = file.read_bytes().split(b"\n")
        for number, line in enumerate(lines, start=1):
            record = _parse(line, f"{file}, line {number}")
            records[record["key"]] = record
    return list(records.values())


def _parse(line: bytes, where: str) -> Record:
    try:
        record = json.loads(line)
        version, key = record["version"], record["key"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RecordError(f"{where}: not a record: {line[:60]!r}") from error
    if not isinstance(record, dict) or not isinstance(version, int) or not isinstance(key, str):
        raise RecordError(f"{where}: not a record: {line[:60]!r}")
    if version > RECORD_VERSION:
        raise RecordError(
            f"{where}: written in format {version}, this crossgrad reads up to {RECORD_VERSION}; upgrade it"
        )
    return record
