"""What lies at paths that a command was given for inputs without labels: files, folders of files, or one archive."""

import os
from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from crossgrad.data.arrays import read_archived_inputs
from crossgrad.data.folder import files_under
from crossgrad.errors import DataError


def new_inputs_at(paths: Sequence[str | os.PathLike[str]]) -> list[str] | Float[Tensor, " n *shape"]:
    """Find inputs, for `with_unlabelled` or `Model.predict`.

    Args:
        paths: of image or audio files, and of folders, in which such files are looked for at any depth; or of one .npz
            with inputs or signals.

    Returns:
        The files, a folder's in the order of their paths; or the archive's inputs.

    Raises:
        DataError: nothing is there, a folder has no such file, or an archive comes with other paths.
    """
    given = [Path(path) for path in paths]
    archives = [path for path in given if is_archive(path)]
    if archives:
        if len(given) > 1:
            raise DataError(f"{str(archives[0])!r} is an archive: give it alone, not with {len(given) - 1} other paths")
        return read_archived_inputs(archives[0])
    return [file for path in given for file in files_at(path)]


def is_archive(path: Path) -> bool:
    """Whether a path is one of arrays, by its name."""
    return path.suffix.lower() == ".npz" and not path.is_dir()


def files_at(path: Path) -> list[str]:
    """A file, or the image and audio files in a folder, at any depth, in the order of their paths.

    Raises:
        DataError: nothing is there, or a folder has no such file.
    """
    if not path.exists():
        raise DataError(f"no such file or folder: {str(path)!r}")
    found = files_under(path) if path.is_dir() else [str(path)]
    if not found:
        raise DataError(f"no images and no audio files in {str(path)!r}")
    return found
