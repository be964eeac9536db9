"""The raw files that a benchmark is made of: which, where from, and whether they are here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crossgrad.data.naming import quoted
from crossgrad.data.roots import data_root
from crossgrad.errors import DataError


@dataclass(frozen=True)
class RawFile:
    """One raw file.

    Args:
        path: under the data root, with "/" between: "fonts/caveat.woff2".
        sha256: of the file as its publishers have it, 64 hex digits; None where they publish none that is stable
            (then it cannot be fetched).
        n_bytes: of the file, for telling how much is fetched.
        urls: where it is published, in the order they are tried; none where it cannot be fetched by a program.
    """

    path: str
    sha256: str | None
    n_bytes: int
    urls: tuple[str, ...] = ()

    @property
    def place(self) -> Path:
        """Where it lies, or has to be put."""
        return data_root() / self.path

    @property
    def is_here(self) -> bool:
        return self.place.is_file()


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
