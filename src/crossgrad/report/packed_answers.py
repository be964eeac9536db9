"""Which examples each run of a folder got right, in one small file: what tests over examples need, and no more."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np

from crossgrad.errors import CrossGradError, RecordError
from crossgrad.folders import lock_folder, write_whole
from crossgrad.records import Record, read_records
from crossgrad.report.archives import damaged, read_arrays
from crossgrad.report.artefacts import Answers, Artefacts, read_answers

PACKED = "answers.npz"
"""The file's name, beside records.jsonl."""


@contextmanager
def packing(folder: Path, *, is_locked: bool = False) -> Iterator[None]:
    """Pack the answers of a folder's finished runs when what is done with it ends, by an error or interruption too.

    An error in packing is told where it is the only one; it takes no other's place.

    Args:
        folder: as of `pack_answers`; nothing is packed where it has no records, or somebody else is writing to it.
        is_locked: whether its lock is held already.

    Raises:
        RecordError: as `pack_answers`.
    """
    try:
        yield
    except BaseException:
        with suppress(CrossGradError):
            _pack(folder, is_locked=is_locked)
        raise
    _pack(folder, is_locked=is_locked)


def _pack(folder: Path, *, is_locked: bool) -> None:
    if (folder / "records.jsonl").exists():
        with nullcontext() if is_locked else lock_folder(folder):
            pack_answers(folder, read_records(folder))


def pack_answers(folder: Path, records: Sequence[Record]) -> None:
    """Write the answers of finished runs beside their records, a bit an example.

    Those of runs whose predictions are not at hand, as in a clone, stay as they were packed before.

    Args:
        folder: of records.jsonl and runs/.
        records: in it.

    Raises:
        RecordError: predictions, or what was packed before, cannot be read, or the file cannot be written.
    """
    finished = [record for record in records if record["error"] is None]
    answers = unpack_answers(folder, finished)
    if not answers:
        return
    arrays: dict[str, Any] = {}
    for record in [record for record in finished if record["key"] in answers]:
        of_run = answers[record["key"]]
        fold = _fold(record)
        arrays.setdefault(f"{fold}/example", of_run.example.astype(np.int32))
        arrays.setdefault(f"{fold}/domain", of_run.domain)
        if not np.array_equal(arrays[f"{fold}/example"], of_run.example):
            raise RecordError(f"{folder}: two runs that hold out {fold} were measured on different examples")
        arrays[f"{record['key']}/right"] = np.packbits(of_run.right)
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    write_whole(folder / PACKED, stream.getvalue(), overwrite=True)


def unpack_answers(folder: Path, records: Sequence[Record]) -> dict[str, Answers]:
    """The answers of finished runs by their keys: from their predictions, or from the packed file where there is one.

    Args:
        folder: of records.jsonl.
        records: in it.

    Raises:
        RecordError: a file cannot be read.
    """
    finished = [record for record in records if record["error"] is None]
    found = read_answers(finished, Artefacts(folder / "runs"))
    file = folder / PACKED
    if len(found) == len(finished) or not file.exists():
        return found
    arrays = read_arrays(file, what="the answers of runs")
    try:
        for record in finished:
            if (name := f"{record['key']}/right") in arrays and record["key"] not in found:
                example = arrays[f"{_fold(record)}/example"].astype(np.int64)
                right = np.unpackbits(arrays[name], count=len(example)).astype(bool)
                domain = arrays[f"{_fold(record)}/domain"].astype(np.str_)
                if not len(right) == len(domain) == len(example):
                    raise ValueError(f"{name} is of another number of examples")
                found[record["key"]] = Answers(example, domain, right, confidence=None)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise damaged(file, "the answers of runs", error) from error
    return found


def _fold(record: Record) -> str:
    """A name for the held-out domains; of many, a part of it is enough: which examples they are is checked."""
    return "+".join(record["held_out"])[:100].replace("/", "%2F")
