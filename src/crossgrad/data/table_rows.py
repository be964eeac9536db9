"""The rows of a table file: CSV, JSON lines or Parquet."""

import csv
import json
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Any

from crossgrad.data.naming import quoted
from crossgrad.errors import DataError

MOST_ROWS = 20_000_000
"""Of a Parquet file, which can hold any number of equal rows in a few bytes."""

_ROWS_AT_A_TIME = 1024

MOST_CHARACTERS = 4096
"""Of a path, a label or a domain: what Linux takes as a path."""

_MOST_BYTES = 4 * MOST_CHARACTERS
"""Of the same in a Parquet file, which may hold one long text any number of times: in UTF-8 a character has up to 4."""

Row = tuple[str, dict[str, Any]]
"""Where it stands, for messages, and its values by column."""


def rows_of(file: Path, wanted: Set[str]) -> Iterator[Row]:
    """The rows of a table, in its order.

    Args:
        file: by its extension .parquet or .csv (commas, a header line); any other is JSON lines. Text in UTF-8.
        wanted: columns that are asked for; of Parquet no others are read.

    Raises:
        DataError: damaged, not UTF-8, has a wanted column twice, or more than any manifest would.
    """
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


def _csv_rows(file: Path, wanted: Set[str]) -> Iterator[Row]:
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


def _json_rows(file: Path) -> Iterator[Row]:
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


def _parquet_rows(file: Path, wanted: Set[str]) -> Iterator[Row]:
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
