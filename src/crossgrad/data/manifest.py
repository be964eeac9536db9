"""Files listed in a manifest: CSV, JSON lines or Parquet with a path, a label and a domain in each row."""

import csv
import json
import os
import warnings
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Any

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.media import read_media
from crossgrad.data.naming import did_you_mean, is_missing, quoted
from crossgrad.data.telling import Tell, tell_nobody
from crossgrad.errors import DataError, DataWarning

MOST_ROWS = 20_000_000
"""Of a Parquet file, which can hold any number of equal rows in a few bytes."""

_ROWS_AT_A_TIME = 1024

_MOST_CHARACTERS = 4096
"""Of a path, a label or a domain: what Linux takes as a path."""

_MOST_BYTES = 4 * _MOST_CHARACTERS
"""Of the same in a Parquet file, which may hold one long text any number of times: in UTF-8 a character has up to 4."""

_Row = tuple[str, dict[str, Any]]
"""Where it stands, for messages, and its values by column."""


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
    for where, row in _rows(file, set(columns.values())):
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


def _rows(file: Path, wanted: Set[str]) -> Iterator[_Row]:
    try:
        if file.suffix.lower() == ".parquet":
            yield from _parquet_rows(file, wanted)
        elif file.suffix.lower() == ".csv":
            yield from _csv_rows(file, wanted)
        else:
            yield from _json_rows(file)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{str(file)!r} is not UTF-8: byte {error.object[error.start]:#04x}; save it as UTF-8"
        ) from error


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


def _csv_rows(file: Path, wanted: Set[str]) -> Iterator[_Row]:
    with file.open(encoding="utf-8-sig", newline="") as lines:  # -sig: spreadsheets put a mark before the text
        reader = csv.DictReader(lines, strict=True)
        try:
            _check_header(reader.fieldnames or (), wanted, file)
            for row in reader:
                # Too few are refused too, whichever are missing: one left out in the middle moves all behind it.
                if None in row or None in row.values():
                    more = row.pop(None, None) or []
                    n = sum(value is not None for value in row.values()) + len(more)
                    raise DataError(f"{str(file)!r}, line {reader.line_num}: {n} values for {len(row)} columns")
                yield f"line {reader.line_num}", row
        except csv.Error as error:
            raise DataError(f"{str(file)!r}, after line {reader.line_num}: {error}") from error


def _check_header(columns: Sequence[str], wanted: Set[str], file: Path) -> None:
    for separator in ";\t":
        if len(columns) == 1 and separator in columns[0]:
            raise DataError(
                f"{str(file)!r}: the columns seem to be separated by {separator!r}, and a manifest's are by commas: "
                f"{columns[0][:60]!r}"
            )
    if twice := [column for column in sorted(wanted) if columns.count(column) > 1]:
        raise DataError(f"{str(file)!r} has more than one column of one name: {quoted(twice)}; rename all but one")


def _json_rows(file: Path) -> Iterator[_Row]:
    with file.open(encoding="utf-8-sig", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                # Whole numbers stay text, of as many digits as they have.
                row = json.loads(line, parse_int=str, object_pairs_hook=_object)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{str(file)!r}, line {number}: not JSON: {line[:60]!r}: {error}") from error
            if not isinstance(row, dict):
                raise DataError(f"{str(file)!r}, line {number}: one object a line, not {line[:60]!r}")
            yield f"line {number}", row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"an object has more than one {next(key for key in keys if keys.count(key) > 1)!r}; keep one")
    return values


def _parquet_rows(file: Path, wanted: Set[str]) -> Iterator[_Row]:
    from pyarrow import ArrowException, parquet, types  # only those who bring Parquet need wait for it

    try:
        schema = parquet.read_schema(file)
        _check_header(schema.names, wanted, file)
        columns = [column for column in schema.names if column in wanted]
        for column in columns:
            if types.is_nested(schema.field(column).type):
                raise DataError(
                    f"{str(file)!r}: {column!r} must be text or whole numbers, but is {schema.field(column).type}"
                )
        # By their numbers in a dictionary, as long as nobody knows how long they are.
        texts = [column for column in columns if _is_text(schema.field(column).type)]
        with parquet.ParquetFile(file, read_dictionary=texts) as table:
            if (n_rows := table.metadata.num_rows) > MOST_ROWS:
                raise DataError(f"{str(file)!r} has {n_rows:,} rows, more than {MOST_ROWS:,}; split it")
            unread = dict.fromkeys(schema.names)  # for the message about a column that there is not
            number = 0
            for batch in table.iter_batches(_ROWS_AT_A_TIME, columns=columns):
                for row in _values(batch, f"{str(file)!r}, after row {number}"):
                    number += 1
                    yield f"row {number}", unread | row
    except (ArrowException, OSError) as error:
        raise DataError(f"{str(file)!r} is not a Parquet file, or is damaged: {error}") from error


def _is_text(kind: Any) -> bool:
    return str(kind).removeprefix("large_") in ("string", "binary")


def _values(batch: Any, where: str) -> list[dict[str, Any]]:
    """The rows of a part of a Parquet file, once it is known that no text in it is too long."""
    from pyarrow import compute, types

    for column, values in zip(batch.schema.names, batch.columns, strict=True):
        if types.is_dictionary(values.type) and _is_text(values.type.value_type):
            longest = compute.max(compute.binary_length(values.dictionary)).as_py() or 0
            if longest > _MOST_BYTES:
                raise DataError(f"{where}: {column!r} has a value of {longest:,} bytes, more than {_MOST_BYTES:,}")
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except UnicodeDecodeError:
        raise  # told of all kinds of tables alike
    except (ValueError, OverflowError) as error:
        raise DataError(f"{where}: a value that is neither text nor a whole number: {error}") from error
    return rows


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
    if len(text) > _MOST_CHARACTERS:
        raise DataError(f"{where}: {column!r} has {len(text):,} characters, more than {_MOST_CHARACTERS:,}")
    return text
