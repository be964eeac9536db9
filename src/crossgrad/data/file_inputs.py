"""Inputs read from image or audio files when they are needed."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossgrad.data.decoding import Decoding
from crossgrad.data.image_decoding import ImageDecoding
from crossgrad.errors import DataError

HINT = "; --skip-unreadable (skip_unreadable=True) leaves such files out"


@dataclass(frozen=True, eq=False)
class FileInputs:
    """A source of inputs: one file each.

    Args:
        paths: of n files.
        decoding: of each.
        fingerprint: from `fingerprint_of`.
        hint: what a message about a file that cannot be read ends with, such as HINT.
    """

    paths: tuple[str, ...]
    decoding: Decoding
    fingerprint: str
    hint: str = ""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """As the decoding makes them."""
        return self.decoding.input_shape

    @property
    def in_unit_range(self) -> bool:
        """Images are."""
        return isinstance(self.decoding, ImageDecoding)

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> NDArray[np.float32]:
        """Decode a file.

        Raises:
            DataError: it cannot be read, or is there no longer; names it.
        """
        try:
            return self.decoding.decode(self.paths[index])
        except DataError as error:
            raise DataError(f"{error}{self.hint}") from error


def fingerprint_of(paths: Sequence[str], names: Sequence[str], decoding: Decoding) -> str:
    """A hash of the files' names, sizes and times of modification, and of the decoding; no file is opened.

    Args:
        paths: of the files.
        names: of the files, relative to where they were found, so that a folder may be moved.
        decoding: of each.

    Raises:
        DataError: a file is there no longer.
    """
    digest = hashlib.sha256(json.dumps(decoding.to_json(), sort_keys=True).encode())
    for path, name in zip(paths, names, strict=True):
        try:
            found = os.stat(path)
        except OSError as error:
            raise DataError(f"cannot read {path!r}: {error.strerror}") from error
        digest.update(os.fsencode(name) + f"\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    return digest.hexdigest()
