"""From a compare's folder, or several, to report files."""

from pathlib import Path
from typing import NamedTuple

from crossgrad.folders import REPORTS, write_whole
from crossgrad.report.html import render_html
from crossgrad.report.latex import render_latex
from crossgrad.report.markdown import render_markdown
from crossgrad.report.provenance import provenance
from crossgrad.report.sources import Source, collect


class ReportPaths(NamedTuple):
    """Where the report lies."""

    html: Path
    markdown: Path
    latex: Path


def write_report(records: Path | Source, output: Path | None = None) -> ReportPaths:
    """Write report.html, report.md and report.tex.

    Each is written under another name and then moved into place: who opens one sees the old or the new report, never
    half of one.

    Args:
        records: a folder that holds records.jsonl, and runs/KEY/ with what each run left; or what `collect` found in
            several. A run without a folder is in the tables, but not in curves, pictures and tests that go by examples.
        output: folder to write to; by default that of the records.

    Raises:
        RecordError: records or what runs left cannot be read, contradict each other, or do not belong in one table
            (see `collect` and `summarise`); or a file cannot be written.

    Example:
        >>> from crossgrad.report import write_report
        >>> write_report(Path("no/such/folder"))
        Traceback (most recent call last):
            ...
        crossgrad.errors.RecordError: no records at 'no/such/folder'; give a records.jsonl or a folder that holds one
    """
    source = collect([records]) if isinstance(records, Path) else records
    folder = output or source.folder
    table = source.table
    html, markdown, latex = (folder / name for name in REPORTS)
    write_whole(html, render_html(table, source.records, source.artefacts).encode(), overwrite=True)
    write_whole(markdown, render_markdown(table, provenance(source.records)).encode(), overwrite=True)
    write_whole(latex, render_latex(table).encode(), overwrite=True)
    return ReportPaths(html, markdown, latex)
