"""Manifests: CSV, JSON lines, Parquet."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from fuzzing.mutation import Choices, altered_bytes, altered_json, as_json, json_lines
from fuzzing.target import Alter, Read, Target, written

_ROWS = [{"path": f"{n % 2}.png", "label": "ab"[n % 2], "domain": str(n // 2)} for n in range(6)]


def _csv(rows: Any) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    if not isinstance(rows, list):
        return str(rows).encode(errors="surrogatepass")
    for row in [["path", "label", "domain"], *rows]:
        writer.writerow(row.values() if isinstance(row, dict) else row if isinstance(row, list) else [row])
    return text.getvalue().encode(errors="surrogatepass")


def _parquet(rows: Any) -> bytes:
    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    try:
        table = pyarrow.Table.from_pylist(rows)
    except Exception:  # what Arrow does not take is no manifest of Parquet either; the bytes say that much
        return as_json(rows)
    parquet.write_table(table, file)
    return file.getvalue()


def _altered_manifest(write: Callable[[Any], bytes]) -> Alter:
    def alter(content: bytes, choices: Choices) -> bytes:
        if choices.below(2):
            return altered_bytes(content, choices, words=(b'"', b"\n", b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b"," * 50))
        return write(altered_json(_ROWS, choices))

    return alter


def _read_manifest(ending: str) -> Read:
    def read(content: bytes, folder: Path) -> object:
        from crossgrad.data import open_dataset

        for index in range(2):
            if not (folder / f"{index}.png").exists():
                Image.new("L", (3, 3), 100 * index).save(folder / f"{index}.png")
        return open_dataset(written(folder / f"list.{ending}", content), image_size=4)

    return read


def _manifest(ending: str, write: Callable[[Any], bytes], share: int) -> Target:
    return Target(lambda: (write(_ROWS),), _altered_manifest(write), _read_manifest(ending), share)


TARGETS = {
    "csv": _manifest("csv", _csv, 700),
    "jsonl": _manifest("jsonl", json_lines, 700),
    "parquet": _manifest("parquet", _parquet, 500),
}
