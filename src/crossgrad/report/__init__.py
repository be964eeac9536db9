"""Records to what people read: a table in the terminal, Markdown, one HTML page. Imports no torch."""

from crossgrad.report.markdown import render_markdown
from crossgrad.report.provenance import provenance
from crossgrad.report.tables import Table, summarise
from crossgrad.report.terminal import print_table
from crossgrad.report.words import caveats, headline, sentences
from crossgrad.report.writing import ReportPaths, write_report

__all__ = [
    "summarise",
    "Table",
    "print_table",
    "write_report",
    "ReportPaths",
    "headline",
    "sentences",
    "caveats",
    "provenance",
    "render_markdown",
]
