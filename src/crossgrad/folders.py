"""Folders that results are written to: nothing of anybody's is overwritten unasked, nothing is left half-written."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from crossgrad.errors import RecordError
from crossgrad.records import read_records


def claim_folder(folder: Path, *, ours: Iterable[str], keys: set[str], overwrite: bool) -> None:
    """Make a folder ready for runs: new, empty, or holding runs of the same plan.

    Args:
        folder: to be written to; made where there is none.
        ours: names of the files and folders that a comparison writes; with `overwrite` these alone are deleted, and
            only beside a comparison's records: a folder "runs" may be anybody's.
        keys: of the planned runs.
        overwrite: delete what an earlier comparison left here.

    Raises:
        RecordError: it holds other results, or files that are not results; or it cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise RecordError(f"{str(folder)!r} is a file; give a folder to write to")
    found = sorted(os.listdir(folder)) if folder.is_dir() else []
    if "records.jsonl" in found:
        others = [record for record in read_records(folder) if record["key"] not in keys]
        if others and not overwrite:
            what = [
                f"{name} {', '.join(sorted({str(record.get(field)) for record in others}))}"
                for name, field in (("of", "dataset"), ("methods", "method"), ("seeds", "seed"), ("steps", "max_steps"))
            ]
            raise RecordError(
                f"{str(folder)!r} holds {len(others)} other runs, no part of this comparison ({'; '.join(what)}); "
                "give another --output, or --overwrite to delete all results in it"
            )
    elif found and not _is_begun(folder, found, keys):
        raise RecordError(
            f"{str(folder)!r} is not empty and holds no records ({', '.join(found[:3])}, ...); give another --output"
        )
    try:
        if overwrite:
            _delete(folder, ours)
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RecordError(f"cannot write to {str(folder)!r}: {error.strerror}") from error


def write_whole(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Write a file so that who opens it sees the old or the new one, never half of one.

    Args:
        path: of the file; its folder is made where there is none.
        content: of the file.
        overwrite: replace a file that is there.

    Raises:
        RecordError: something is there and is not to be replaced, or it cannot be written.
    """
    check_free(path, overwrite=overwrite)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(content)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise RecordError(f"cannot write {str(path)!r}: {error.strerror}") from error


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse early, before the work, what `write_whole` would refuse after it.

    Raises:
        RecordError: something is there and is not to be replaced.
    """
    if path.is_dir():
        raise RecordError(f"{str(path)!r} is a folder; give the name of a file")
    if path.exists() and not overwrite:
        raise RecordError(f"{str(path)!r} is there already; give another --output, or --overwrite to replace it")


def _is_begun(folder: Path, found: list[str], keys: set[str]) -> bool:
    """Whether all it holds is what a stop before the first record leaves: artefacts of planned runs."""
    runs = folder / "runs"
    return found == ["runs"] and runs.is_dir() and {name.partition(".")[0] for name in os.listdir(runs)} <= keys


def _delete(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
