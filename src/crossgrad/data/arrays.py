"""Arrays in a NumPy archive: inputs or signals, labels and domains."""

import lzma
import os
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.inputs import read_inputs
from crossgrad.data.memory import free_memory
from crossgrad.data.naming import quoted
from crossgrad.errors import DataError

_OTHER_KEYS = ("labels", "domains")
_ARCHIVE_STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # where numpy.load tells archives from pickles
ARRAY_DAMAGE = (
    OSError,
    EOFError,
    ArithmeticError,
    LookupError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    SystemError,
    TypeError,
    UnicodeDecodeError,
    struct.error,
    tokenize.TokenError,
    lzma.LZMAError,
    zlib.error,
    zipfile.BadZipFile,
)
"""What zipfile and NumPy raise on damaged arrays, but for ValueError, which our own errors are too.

RuntimeError is a bit that says "encrypted", MemoryError a shape beyond all bounds, UnicodeDecodeError a name in no
encoding; an array's head is Python's syntax, of which TokenError, SyntaxError, TypeError and others come.
"""

_SHARE_OF_FREE_MEMORY = 0.5
"""That arrays may take: they are copied once, as float32."""


def read_arrays(path: str | os.PathLike[str]) -> DomainDataset:
    """Read an .npz archive that holds inputs (n, ...), or signals (n, channels, time), labels (n,) and domains (n,).

    What the arrays may hold is told by `DomainDataset.from_arrays`. Nothing in the archive is unpickled.

    Args:
        path: of the archive, whose name without extension names the dataset.

    Raises:
        DataError: missing, no .npz, damaged, without one of the three arrays, or with arrays of objects.
    """
    file = Path(path)
    values, others, are_signals = _read(file, _OTHER_KEYS)
    try:
        return DomainDataset.from_arrays(values, **others, name=file.stem, signals=are_signals)
    except (DataError, SystemError) as error:  # the latter is of text with numbers that are no characters
        raise DataError(f"{str(file)!r}: {error}") from error


def read_archived_inputs(path: str | os.PathLike[str]) -> Float[Tensor, " n *shape"]:
    """Read the inputs, or signals, alone of an .npz archive, as `read_arrays` would: for labelling what has no label.

    Raises:
        DataError: as `read_arrays`.
    """
    file = Path(path)
    values, _, are_signals = _read(file)
    try:
        return read_inputs(values, signals=are_signals)
    except DataError as error:
        raise DataError(f"{str(file)!r}: {error}") from error


def _read(file: Path, others: tuple[str, ...] = ()) -> tuple[Any, dict[str, Any], bool]:
    """What the net takes, the other arrays, and whether the archive says that the first are signals."""
    if not file.is_file():
        raise DataError(f"no such file: {str(file)!r}")
    with file.open("rb") as opened:  # numpy.load closes no file of its own that it then cannot read
        if opened.peek(4)[:4] not in _ARCHIVE_STARTS:
            raise DataError(
                f"{str(file)!r} is not an .npz archive; write one by numpy.savez(path, inputs=..., labels=..., "
                "domains=...)"
            )
        try:
            with np.load(opened, allow_pickle=False) as archive:
                are_signals = "signals" in archive.files
                if are_signals and "inputs" in archive.files:
                    raise DataError(f"{str(file)!r} has both inputs and signals; keep one of them")
                values = "signals" if are_signals else "inputs"
                if absent := [key for key in (values, *others) if key not in archive.files]:
                    raise DataError(f"{str(file)!r} has no {quoted(absent)}; it has {quoted(archive.files)}")
                _check_size(archive, (values, *others), str(file))
                members = {key: _member(archive, key, str(file)) for key in (values, *others)}
                return _in_shape(members.pop(values), are_signals, str(file)), members, are_signals
        except ARRAY_DAMAGE as error:
            raise DataError(f"{str(file)!r} is damaged: {error}") from error


def _in_shape(values: Any, are_signals: bool, path: str) -> Any:
    if are_signals and values.ndim != 3:
        raise DataError(f"signals in {path!r} must have shape (n, channels, time), but have shape {values.shape}")
    return values


def _check_size(archive: Any, keys: tuple[str, ...], path: str) -> None:
    """By what the archive says, and no more is unpacked than that: a small file can stand for any amount of zeros."""
    n_bytes = sum(info.file_size for info in archive.zip.infolist() if info.filename.removesuffix(".npy") in keys)
    if n_bytes > _SHARE_OF_FREE_MEMORY * free_memory():
        raise DataError(
            f"{path!r} unpacks to {n_bytes / 1e9:.1f} GB, more than half of the memory that is free; keep such data as "
            "files, which are read when they are needed, or give fewer examples"
        )


def _member(archive: Any, key: str, path: str) -> Any:
    try:
        array = archive[key]
    except ValueError as error:
        # NumPy's message for an array of objects advises allow_pickle=True, which would run code.
        if "allow_pickle" not in str(error):
            raise DataError(f"{path!r} is damaged: {key}: {error}") from error
        raise DataError(
            f"{key} in {path!r} holds Python objects, which are not loaded, since that could run code; "
            f"save strings by {key}=numpy.array({key}, dtype=str), numbers likewise"
        ) from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{key} in {path!r} is no array in NumPy's format; write it by numpy.savez(path, {key}=...)")
    return array
