"""crossgrad report: tables and pages from records, where they were made or put together from several places."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossgrad.cli import options
from crossgrad.cli.console import out, show_json, show_text, status
from crossgrad.errors import SettingsError

if TYPE_CHECKING:
    from crossgrad.report import Swept


def report(
    records: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORDS...",
            help="Folders that `crossgrad compare` wrote, or records.jsonl files; several are put together, of one "
            "dataset. Or the folder of one `crossgrad sweep`.",
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
    """Make the tables and pages of a comparison again, or the table of a sweep, from its records alone.

    Nothing is trained. Predictions, curves and pictures are used where runs/ lies beside the records. Reports beside
    records are replaced; in another folder only with --overwrite. Of a sweep the candidates are printed, and nothing
    is written.
    """
    if output is None and len(records) > 1:
        raise SettingsError(f"{len(records)} RECORDS are put together: say where the report goes, --output FOLDER")
    with status("loading"):
        from crossgrad.folders import REPORTS, check_free
        from crossgrad.report import collect, print_table, read_sweep, sweep_folder, write_report

        if swept := [folder for path in records if (folder := sweep_folder(path))]:
            if len(records) > 1 or output is not None:
                raise SettingsError(
                    f"{str(swept[0])!r} is a sweep's: its candidates are printed alone, without --output"
                )
            _show_sweep(read_sweep(swept[0]), as_json=as_json)
            return
        source = collect(records)
        if output is not None:
            own = {(path if path.is_dir() else path.parent).resolve() for path in records}
            for name in REPORTS:
                check_free(output / name, overwrite=overwrite or output.resolve() in own)
        paths = write_report(source, output)
    if as_json:
        show_json(asdict(source.table))
        return
    print_table(source.table, out)
    show_text(f"\nReport:  {paths.html}")
    show_text(f"Tables:  {paths.markdown}, {paths.latex}")


def _show_sweep(found: "Swept", *, as_json: bool) -> None:
    from crossgrad.cli.candidates import candidates_as_json, show_candidates

    if as_json:
        show_json(candidates_as_json(found.method, found.select, found.dropped, found.candidates, found.choice))
        return
    show_candidates(found.method, found.dataset, found.select, found.candidates, out)
    show_text(f"\nChosen:  {found.choice}")
