"""Files listed in a manifest: CSV, JSON lines or Parquet with a path, a label and a domain in each row."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.media import read_media
from crossgrad.data.naming import did_you_mean, is_missing, quoted
from crossgrad.data.table_rows import MOST_CHARACTERS, rows_of
from crossgrad.data.telling import Tell, tell_nobody
from crossgrad.errors import DataError, DataWarning


def read_manifest(
    path: str | os.PathLike[str],
    *,
    path_column: str = "path",
    label_column: str = "label",
    domain_column: str = "domain",
    image_size: int | None = None,
    channels: int | None = None,
    features: str | None = None,
    seconds: float | None = None,
    skip_unreadable: bool = False,
    memory: int | None = None,
    workers: int = 0,
    tell: Tell = tell_nobody,
) -> DomainDataset:
    """Read the files that a table names, in its order: all audio by their extensions, or images.

    Labels and domains are kept as the text that is written there, leading zeros included, and sort as text. Files that
    are listed twice, under whatever paths, are read twice, with a DataWarning.

    Args:
        path: of the table, by extension .csv (commas, a header line), .jsonl or .json (one object a line),
            or .parquet; text in UTF-8. Its name without extension names the dataset.
        path_column: the column of the files' paths, relative to the manifest's folder.
        label_column: the column of labels.
        domain_column: the column of domains.
        image_size: of images: height and width of the inputs, in pixels; None: 32. `ImageDecoding` says how they
            get there.
        channels: of images: 1 for grey, 3 for colour; None: 1 where every image is grey, else 3.
        features: of audio: "mfcc" or "log_mel"; None: "mfcc". `AudioDecoding` says what they are.
        seconds: of audio, of every input; None: 1.
        skip_unreadable: leave unreadable files out, with a DataWarning that counts and lists them.
        memory: bytes that inputs may take before they are read only when they are needed; None: a quarter of what is
            free. Images of unknown channels are counted as in colour.
        workers: processes that read ahead where inputs are read when they are needed.
        tell: told how far it is.

    Raises:
        DataError: the table is missing, empty, damaged, not UTF-8, lacks a column or a value, has one of the columns
            twice, has numbers with a fraction or booleans as names, or names files that are missing, of both kinds, or
            cannot be read.
        SettingsError: options of the other kind, or out of range.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError(f"no such file: {str(file)!r}")
    columns = {"path": path_column, "label": label_column, "domain": domain_column}
    values: dict[str, list[str]] = {role: [] for role in columns}
    for where, row in rows_of(file, set(columns.values())):
        for role, column in columns.items():
            values[role].append(_text(row, role, column, f"{str(file)!r}, {where}"))
    if not values["path"]:
        raise DataError(f"{str(file)!r} is empty: it lists no file")
    paths = [str(file.parent / written) for written in values["path"]]
    if absent := [listed for listed in paths if not os.path.isfile(listed)]:
        raise DataError(
            f"{len(absent)} of the {len(paths)} files in {str(file)!r} are not there, the first is "
            f"{absent[0]!r}; relative paths start from the manifest's folder"
        )
    _warn_of_duplicates(paths, {"label": values["label"], "domain": values["domain"]}, file)
    return read_media(
        paths,
        values["label"],
        values["domain"],
        relative=values["path"],
        name=file.stem,
        image_size=image_size,
        channels=channels,
        features=features,
        seconds=seconds,
        skip_unreadable=skip_unreadable,
        memory=memory,
        workers=workers,
        tell=tell,
    )


def _warn_of_duplicates(paths: Sequence[str], names: dict[str, list[str]], file: Path) -> None:
    first: dict[object, int] = {}
    listed = [_identity(path) for path in paths]
    again = [index for index, identity in enumerate(listed) if first.setdefault(identity, index) != index]
    if not again:
        return
    told = (
        f"{len(again)} of the {len(paths)} rows of {str(file)!r} list a file that is listed before, the first is "
        f"{paths[again[0]]!r}: such files may be both trained on and measured on"
    )
    for role, values in names.items():
        if others := [index for index in again if values[index] != values[first[listed[index]]]]:
            told += (
                f"; {len(others)} with another {role}, the first is {paths[others[0]]!r}, "
                f"{values[first[listed[others[0]]]]!r} and {values[others[0]]!r}"
            )
    warnings.warn(told, DataWarning, stacklevel=3)


def _identity(path: str) -> object:
    """Equal for all paths of one file; a tenth of the time of os.path.realpath, and links of either kind are known."""
    try:
        found = os.stat(path)
    except OSError:  # gone since it was looked for; who reads it says so
        return path
    return found.st_dev, found.st_ino


def _text(row: dict[str, Any], role: str, column: str, where: str) -> str:
    if column not in row:
        near = did_you_mean(column, list(row))
        raise DataError(
            f"{where}: no column {column!r}; there are {quoted(row)}{near}; the {role} may be in another "
            f"column by --{role}-column ({role}_column=...)"
        )
    value = row[column]
    if is_missing(value) or (isinstance(value, str) and not value.strip()):
        raise DataError(f"{where}: {column!r} is blank")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(
            f"{where}: {column!r} must be text or a whole number, but is {value!r}; write it as text if it is a name"
        )
    text = str(value)
    if len(text) > MOST_CHARACTERS:
        raise DataError(f"{where}: {column!r} has {len(text):,} characters, more than {MOST_CHARACTERS:,}")
    return text
