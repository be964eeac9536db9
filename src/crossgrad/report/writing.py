"""From a compare's folder to its report files."""

import os
from pathlib import Path
from typing import NamedTuple

from crossgrad.records import read_records
from crossgrad.report.html import render_html
from crossgrad.report.markdown import render_markdown
from crossgrad.report.provenance import provenance
from crossgrad.report.tables import summarise


class ReportPaths(NamedTuple):
    """Where the report lies."""

    html: Path
    markdown: Path


def write_report(folder: Path) -> ReportPaths:
    """Write report.html and report.md beside a folder's records.jsonl.

    Both are written under another name and then moved into place: who opens one sees the old or the new
    report, never half of one.

    Args:
        folder: holds records.jsonl, and runs/KEY/ with what each run left; a run without such a folder is in
            the tables, but not in curves and pictures.

    Raises:
        RecordError: the records, a history or a gallery cannot be read, or the records do not belong in one
            table (see `summarise`).

    Example:
        >>> from crossgrad.report import write_report
        >>> write_report(Path("no/such/folder"))
        Traceback (most recent call last):
            ...
        crossgrad.errors.RecordError: no records at 'no/such/folder'; give a records.jsonl or a folder that holds one
    """
    # Runs end in any order; the page is the same.
    records = sorted(read_records(folder), key=lambda record: (str(record.get("seed")), str(record.get("held_out"))))
    table = summarise(records)
    paths = ReportPaths(html=folder / "report.html", markdown=folder / "report.md")
    _replace(paths.html, render_html(table, records, folder / "runs"))
    _replace(paths.markdown, render_markdown(table, provenance(records)))
    return paths


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
