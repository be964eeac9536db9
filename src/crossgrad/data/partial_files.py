"""Files that have another name until they are whole."""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def partial_beside(place: Path) -> Iterator[Path]:
    """A name beside a file's own that no other process has; what is under it at the end is deleted.

    Whoever is killed deletes nothing, so what earlier writers of the same file left is deleted at the beginning: a
    writer holds a lock on its file as long as it lives, by which those that are left are told from those at work. In
    the names are random digits, since processes in containers have one number and may share a folder.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    _sweep(place)
    partial, descriptor = _locked(place)
    try:
        yield partial
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(place: Path) -> tuple[Path, int]:
    while True:
        partial = place.with_name(f".{place.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with suppress(OSError):  # a file system without locks, on which nobody sweeps either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return partial, descriptor
        os.close(descriptor)  # swept by another process before it was locked


def _sweep(place: Path) -> None:
    # Earlier versions had names without random digits.
    ours = re.compile(rf"\.{re.escape(place.name)}\.\d+(\.[0-9a-f]{{8}})?")
    for left in [Path(entry) for entry in os.scandir(place.parent) if ours.fullmatch(entry.name)]:
        with suppress(OSError):  # locked by a writer that is at work, swept by another, or not ours to delete
            descriptor = os.open(left, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(descriptor)
