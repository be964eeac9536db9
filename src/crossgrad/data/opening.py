"""A dataset from whatever a person names: a benchmark, a folder, a manifest or arrays."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossgrad.data.arrays import read_arrays
from crossgrad.data.benchmarks import BENCHMARKS
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.folder import read_folder
from crossgrad.data.manifest import read_manifest
from crossgrad.data.naming import did_you_mean, quoted
from crossgrad.data.telling import Tell, tell_nobody
from crossgrad.errors import DataError, SettingsError
from crossgrad.global_state import cpu_by_default

_MANIFESTS = (".csv", ".jsonl", ".json", ".parquet")


@cpu_by_default()
def open_dataset(
    data: str | Path,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    features: str | None = None,
    seconds: float | None = None,
    path_column: str = "path",
    label_column: str = "label",
    domain_column: str = "domain",
    skip_unreadable: bool = False,
    memory: int | None = None,
    workers: int = 0,
    tell: Tell = tell_nobody,
    options: Mapping[str, Any] | None = None,
) -> DomainDataset:
    """Open a benchmark by its name, or else the folder or file of that path.

    A benchmark goes before a folder of the same name; the folder is meant by "./digits" or by a `Path`.

    Args:
        data: a benchmark's name, a folder domain/label/file, a manifest (.csv, .jsonl, .json, .parquet),
            or arrays (.npz).
        image_size: of image files, in pixels; None: 32.
        channels: of image files: 1, 3, or None: 1 where every image is grey, else 3.
        features: of audio files: "mfcc" or "log_mel"; None: "mfcc".
        seconds: of audio files, of every input; None: 1.
        path_column: of a manifest.
        label_column: of a manifest.
        domain_column: of a manifest.
        skip_unreadable: leave unreadable files out, with a DataWarning that counts and lists them.
        memory: bytes that the inputs of files may take before they are read only when they are needed; None: a quarter
            of what is free. Images of unknown channels are counted as in colour.
        workers: processes that read ahead where inputs are read when they are needed; 0: none do. As always with
            processes that are started afresh, a script that asks for some guards its entry by
            `if __name__ == "__main__":`.
        tell: told how far it is.
        options: of a benchmark, by name; `BENCHMARKS[name].options` has their defaults.

    Raises:
        DataError: nothing of that name, or it cannot be used as it is, or a benchmark's raw files are not here.
        SettingsError: image_size or channels with data that is not image files, features or seconds with data that is
            not audio files; options with data that is no benchmark, or that it has not.

    Example:
        >>> len(open_dataset("digits"))
        1797
    """
    path = Path(data)
    is_benchmark = isinstance(data, str) and data in BENCHMARKS
    if is_benchmark or (path.suffix.lower() == ".npz" and not path.is_dir()):
        if image_size is not None or channels is not None:
            raise SettingsError(f"image size and channels are for image files; {str(data)!r} has its own")
        if features is not None or seconds is not None:
            raise SettingsError(f"features and seconds are for audio files, and {str(data)!r} is none such")
        if is_benchmark:
            return BENCHMARKS[str(data)].open(**(options or {}))
    if options:
        raise SettingsError(f"options are for benchmarks, and {str(data)!r} is none: {quoted(options)}")
    if path.suffix.lower() == ".npz" and not path.is_dir():
        return read_arrays(path)
    if path.is_dir():
        return read_folder(
            path,
            image_size=image_size,
            channels=channels,
            features=features,
            seconds=seconds,
            skip_unreadable=skip_unreadable,
            memory=memory,
            workers=workers,
            tell=tell,
        )
    if path.suffix.lower() in _MANIFESTS:
        return read_manifest(
            path,
            path_column=path_column,
            label_column=label_column,
            domain_column=domain_column,
            image_size=image_size,
            channels=channels,
            features=features,
            seconds=seconds,
            skip_unreadable=skip_unreadable,
            memory=memory,
            workers=workers,
            tell=tell,
        )
    found = "is not a kind of data known here" if path.exists() else "is not there"
    raise DataError(
        f"{os.fspath(data)!r} {found}{did_you_mean(path.name, list(BENCHMARKS))}; data may be a benchmark "
        f"({quoted(BENCHMARKS)}), a folder domain/label/file, a manifest ({', '.join(_MANIFESTS)}), or "
        "arrays (.npz)"
    )
