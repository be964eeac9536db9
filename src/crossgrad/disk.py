"""Forcing to the disk: what is written outlives a loss of power, which a file that is closed alone need not."""

import os
from pathlib import Path


def force(path: Path) -> None:
    """Have the system write a file's content, or the names in a folder, to the disk.

    A new file's content can outlive a loss of power that its name in the folder does not: both are forced.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, and force its content to the disk.

    Raises:
        FileExistsError: it is there.
        OSError: it cannot be written.
    """
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
