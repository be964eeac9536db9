"""Folders that results are written to: nothing of anybody's is overwritten unasked, nothing is left half-written."""

import fcntl
import glob
import json
import os
import platform
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crossgrad.disk import force
from crossgrad.errors import RecordError
from crossgrad.records import read_records

PLAN, CHOICE = "plan.json", "chosen.json"
"""What a sweep has in its folder: what it set out to do, and what it chose."""

MATCH_FILE = "match.json"
"""What a comparison has, where ERM is matched by time: measured seconds. A comparison that goes on must not measure
others, which would make other runs."""

REPORTS = ("report.html", "report.md", "report.tex")
"""What a comparison's report is."""

LOCK = ".lock"
"""Name of the file in a folder whose lock says that somebody writes to the folder."""

_RESULTS = {"records.jsonl", "runs"}
_OF_A_SWEEP, _OF_A_COMPARISON = {PLAN, CHOICE}, {MATCH_FILE, *REPORTS}

_OWNER = b"process "
"""How its content begins, which tells who holds it: a file that begins otherwise is somebody's own."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep others from writing to a folder meanwhile; to be held from `claim_folder` to the last record.

    The lock is the system's and ends with the process that holds it, however that ends: a lock file that a killed
    process left stands in nobody's way, and there is no guessing whether its owner still lives.

    Args:
        folder: made where there is none.

    Raises:
        RecordError: another process (or thread) holds it, which the message names; or it cannot be written to; or a
            file of the lock's name is somebody's own, or leads out of the folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as name, lock_folder(Path(name)):
        ...     with lock_folder(Path(name)):
        ...         pass
        Traceback (most recent call last):
        crossgrad.errors.RecordError: '...' is being written to by process ... on ...; wait until it has ended, or ...
    """
    _make(folder)
    try:
        descriptor = _locked(folder / LOCK)
    except BlockingIOError:
        raise RecordError(
            f"{str(folder)!r} is being written to by {_owner(folder / LOCK)}; "
            "wait until it has ended, or give another --output"
        ) from None
    except OSError as error:
        raise RecordError(f"cannot write to {str(folder)!r}: {error.strerror}") from error
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)  # before it is let go of, or it might be the next one's
        os.close(descriptor)


def _locked(file: Path) -> int:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who held it before may have deleted the file between the two lines above; then its lock holds nobody off.
            if os.fstat(descriptor).st_nlink > 0:
                if os.pread(descriptor, len(_OWNER), 0) not in (b"", _OWNER):
                    raise RecordError(f"{str(file)!r} is no lock of crossgrad's; give another --output")
                os.ftruncate(descriptor, 0)
                os.write(descriptor, _OWNER + f"{os.getpid()} on {platform.node()}".encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _owner(file: Path) -> str:
    try:
        return file.read_text() or "another process"
    except OSError:  # it has let go of it in this moment
        return "another process"


def _make(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise RecordError(f"{str(folder)!r} is a file; give a folder to write to")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(f"cannot write to {str(folder)!r}: {error.strerror}") from error


def claim_folder(folder: Path, *, keys: set[str], overwrite: bool, begun: Iterable[str] = ("runs",)) -> None:
    """Make a folder ready for runs: new, empty, or holding runs of the same plan.

    Args:
        folder: to be written to; made where there is none.
        keys: of the planned runs.
        overwrite: delete what an earlier comparison or sweep left here, which is told by its records: a folder "runs"
            without them may be anybody's, and so may be all files of other names.
        begun: names of what is written before the first record; the caller knows that files among them are its own.

    Raises:
        RecordError: it holds other results, or files that are not results; or it cannot be written to.
    """
    _make(folder)
    found = sorted(set(os.listdir(folder)) - {LOCK})
    if "records.jsonl" in found:
        others = [record for record in read_records(folder) if record["key"] not in keys]
        if others and not overwrite:
            what = [
                f"{name} {', '.join(sorted({str(record.get(field)) for record in others}))}"
                for name, field in (("of", "dataset"), ("methods", "method"), ("seeds", "seed"), ("steps", "max_steps"))
            ]
            told = [versions for each in others if isinstance(versions := each.get("versions"), dict)]
            writers = {str(versions.get("crossgrad")) for versions in told}
            if writers:
                what.append(f"written by crossgrad {', '.join(sorted(writers))}")
            raise RecordError(
                f"{str(folder)!r} holds {len(others)} other runs, no part of this comparison ({'; '.join(what)}); "
                "give another --output, or delete the results in it (--overwrite does, where the command has it)"
            )
    elif found and not _is_begun(folder, found, keys, begun):
        raise RecordError(
            f"{str(folder)!r} is not empty and holds no records ({', '.join(found[:3])}, ...); give another --output"
        )
    try:
        if overwrite:
            _delete(folder, _RESULTS | (_OF_A_SWEEP if _holds_sweep(folder) else _OF_A_COMPARISON))
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


@contextmanager
def folder_made_whole(path: Path) -> Iterator[Path]:
    """A folder to be filled, which then takes the place of what is there: who finds it finds all of its files, after a
    loss of power too. The caller holds the lock of the folder around it.

    Args:
        path: of the folder; the one around it is made where there is none.

    Yields:
        The folder to fill with files; it is deleted if that fails.

    Raises:
        RecordError: it cannot be written: a full disk.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        for left in path.parent.glob(f"{glob.escape(path.name)}.*.partial"):  # by processes that were killed
            shutil.rmtree(left)
        partial.mkdir(parents=True)
        yield partial
        for file in (*partial.iterdir(), partial):
            force(file)
        shutil.rmtree(path, ignore_errors=True)
        os.replace(partial, path)
        force(path.parent)
    except OSError as error:
        raise RecordError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse early, before the work, what `write_whole` would refuse after it.

    Raises:
        RecordError: something is there and is not to be replaced.
    """
    if path.is_dir():
        raise RecordError(f"{str(path)!r} is a folder; give the name of a file")
    if path.exists() and not overwrite:
        raise RecordError(f"{str(path)!r} is there already; give another --output, or --overwrite to replace it")


def _is_begun(folder: Path, found: list[str], keys: set[str], begun: Iterable[str]) -> bool:
    """Whether all it holds is what a stop before the first record leaves: artefacts of planned runs, and the plan."""
    if not set(found) <= set(begun):
        return False
    runs = folder / "runs"
    return "runs" not in found or (runs.is_dir() and {name.partition(".")[0] for name in os.listdir(runs)} <= keys)


def _holds_sweep(folder: Path) -> bool:
    """Whether its plan.json is a sweep's, and not somebody's own."""
    try:
        return {"version", "asked", "points"} <= set(json.loads((folder / PLAN).read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _delete(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
