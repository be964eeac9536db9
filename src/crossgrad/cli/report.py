"""crossgrad report: tables and pages from records, where they were made or put together from several places."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from crossgrad.cli import options
from crossgrad.cli.console import out, show_json, show_text, status
from crossgrad.errors import SettingsError


def report(
    records: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORDS...",
            help="Folders that `crossgrad compare` wrote, or records.jsonl files; several are put together, of one "
            "dataset.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for report.html, report.md and report.tex.  [default: that of the records]"),
    ] = None,
    overwrite: options.Overwrite = False,
    as_json: options.AsJson = False,
) -> None:
    """Make the tables and pages of a comparison again, from its records alone.

    Nothing is trained. Predictions, curves and pictures are used where runs/ lies beside the records. Reports beside
    records are replaced; in another folder only with --overwrite.
    """
    if output is None and len(records) > 1:
        raise SettingsError(f"{len(records)} RECORDS are put together: say where the report goes, --output FOLDER")
    with status("loading"):
        from crossgrad.folders import check_free
        from crossgrad.report import REPORTS, collect, print_table, write_report

        source = collect(records)
        if output is not None:
            for name in REPORTS:
                check_free(output / name, overwrite=overwrite or output in records)
            output.mkdir(parents=True, exist_ok=True)
        paths = write_report(source, output)
    if as_json:
        show_json(asdict(source.table))
        return
    print_table(source.table, out)
    show_text(f"\nReport:  {paths.html}")
    show_text(f"Tables:  {paths.markdown}, {paths.latex}")
