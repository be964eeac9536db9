"""Records to what people read: a table in the terminal, Markdown, one HTML page. Imports no torch."""

from crossgrad.report.artefacts import Artefacts, read_answers
from crossgrad.report.latex import render_latex
from crossgrad.report.markdown import render_markdown
from crossgrad.report.provenance import provenance
from crossgrad.report.rows import Table
from crossgrad.report.sources import Source, collect
from crossgrad.report.sweeps import Swept, read_sweep, sweep_folder
from crossgrad.report.tables import summarise
from crossgrad.report.terminal import print_table
from crossgrad.report.words import caveats, headline, sentences
from crossgrad.report.writing import ReportPaths, write_report

__all__ = [
    "summarise",
    "read_answers",
    "Artefacts",
    "collect",
    "Source",
    "Table",
    "print_table",
    "write_report",
    "ReportPaths",
    "Swept",
    "read_sweep",
    "sweep_folder",
    "headline",
    "sentences",
    "caveats",
    "provenance",
    "render_markdown",
    "render_latex",
]
