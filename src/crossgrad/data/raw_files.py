"""The raw files that a benchmark is made of: which, where from, and whether they are here."""

import gzip
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from crossgrad.data.naming import quoted
from crossgrad.data.roots import data_root
from crossgrad.errors import DataError


@dataclass(frozen=True)
class RawFile:
    """One raw file, or a folder of files that cannot be fetched by a program.

    Args:
        path: under the data root, with "/" between: "fonts/caveat.woff2".
        sha256: of the file as its publishers have it, 64 hex digits; None where they publish none that is stable
            (then it cannot be fetched).
        n_bytes: of the file, for telling how much is fetched.
        urls: where it is published, in the order they are tried; none where it cannot be fetched by a program.
        unpacked_sha256: of what a .gz file unpacks to, where copies that others packed anew are as good.
    """

    path: str
    sha256: str | None
    n_bytes: int
    urls: tuple[str, ...] = ()
    unpacked_sha256: str | None = None

    @property
    def place(self) -> Path:
        """Where it lies, or has to be put."""
        return data_root() / self.path

    @property
    def is_here(self) -> bool:
        """Whether something lies at its place; an empty folder is nothing."""
        place = self.place
        return any(place.iterdir()) if place.is_dir() else place.exists()

    @property
    def is_fetchable(self) -> bool:
        """Whether a program can fetch it: it is published somewhere, and can be checked."""
        return self.sha256 is not None and bool(self.urls)

    def is_published_as(self, place: Path) -> bool:
        """Whether the file at a place is this one, by its checksum; any is where none is published."""
        if self.sha256 is None or sha256_of(place) == self.sha256:
            return True
        if self.unpacked_sha256 is None:
            return False
        try:
            with gzip.open(place) as unpacked:
                return _sha256(unpacked) == self.unpacked_sha256
        except (OSError, EOFError, zlib.error):
            return False


def sha256_of(place: Path) -> str:
    """The sha256 of a file, 64 hex digits."""
    with place.open("rb") as file:
        return _sha256(file)


def _sha256(file: BufferedIOBase) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(2**20):  # hashlib.file_digest wants a whole file's buffer, which gzip has not
        digest.update(chunk)
    return digest.hexdigest()


def require(files: Sequence[RawFile], *, name: str) -> None:
    """Refuse to go on without raw files.

    Args:
        files: that are needed.
        name: of the benchmark.

    Raises:
        DataError: says which files are not here, and what to do.
    """
    missing = [file for file in files if not file.is_here]
    if missing:
        raise DataError(
            f"{name} is not here: {len(missing)} of its {len(files)} files are not in {str(data_root())!r} "
            f"({quoted(file.path for file in missing)}); `crossgrad data prepare {name}` fetches them or says what to "
            "put where, and CROSSGRAD_DATA names another folder to look in"
        )
