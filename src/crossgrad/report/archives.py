"""The arrays that a run left in an .npz archive, which may have been anybody's since."""

import struct
import tokenize
import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from crossgrad.errors import RecordError

MOST_BYTES = 2**31
"""Of all arrays of one archive, unpacked: predictions of a million examples and five hundred labels."""

# What zipfile and NumPy raise; MemoryError and TokenError come from an array's head.
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,
    MemoryError,
    BadZipFile,
    struct.error,
    zlib.error,
    tokenize.TokenError,
)


def read_arrays(path: Path, *, what: str) -> dict[str, NDArray[Any]]:
    """Read all arrays of an archive; nothing in it is unpickled.

    Args:
        path: of the archive.
        what: it is, for messages.

    Raises:
        RecordError: no archive, damaged, too large, or with anything but arrays of numbers and text.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it is no archive")
            # No more than this is unpacked, whatever the arrays' heads say.
            members = archive.zip.infolist() if archive.zip else []
            if (n_bytes := sum(member.file_size for member in members)) > MOST_BYTES:
                raise ValueError(f"it unpacks to {n_bytes:,} bytes, more than {MOST_BYTES:,}")
            arrays = {name: archive[name] for name in archive.files}
    except _DAMAGE as error:
        raise damaged(path, what, error) from error
    for name, values in arrays.items():
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "buifU":
            raise damaged(path, what, f"{name} is no array of numbers or text")
        if values.dtype.kind == "U":
            try:
                values.tolist()
            except (SystemError, ValueError) as error:  # numbers that are no characters
                raise damaged(path, what, f"{name} is no text") from error
    return arrays


def damaged(path: Path, what: str, why: object) -> RecordError:
    """The error about a file that is not what its name says; whatever lies beside records can be gone without."""
    return RecordError(f"{path}: not {what}: {why}; take the file away to go without it")
