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
    archives = [path for path in given if path.suffix.lower() == ".npz"]
    if archives:
        if len(given) > 1:
            raise DataError(f"{str(archives[0])!r} is an archive: give it alone, not with {len(given) - 1} other paths")
        return read_archived_inputs(archives[0])
    found: list[str] = []
    for path in given:
        if not path.exists():
            raise DataError(f"no such file or folder: {str(path)!r}")
        here = files_under(path) if path.is_dir() else [str(path)]
        if not here:
            raise DataError(f"no images and no audio files in {str(path)!r}")
        found += here
    return found
