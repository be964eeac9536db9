"""The report as one HTML file: no network, no script, light and dark, from a phone's width to a desk's."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from crossgrad.printing import printable, printable_lines
from crossgrad.records import Record
from crossgrad.report import charts, gallery, grids, history, mistakes, numbers
from crossgrad.report.artefacts import Artefacts
from crossgrad.report.names import BASELINE, display_name
from crossgrad.report.provenance import provenance
from crossgrad.report.rows import Table
from crossgrad.report.terminal import MOST_DOMAIN_COLUMNS
from crossgrad.report.words import caveats, headline, sentences

CURVES = {"label_loss": "Label loss", "domain_loss": "Domain loss"}
"""What is drawn of a training history, and its title."""

MOST_UNFINISHED = 200
"""Failed and missing runs listed by name; more are counted."""


def render_html(table: Table, records: Sequence[Record], artefacts: Artefacts) -> str:
    """Write the page.

    Everything that comes from data is escaped, and the page's own policy forbids scripts and every request.

    Args:
        table: from `summarise(records)`.
        records: what the table was made from.
        artefacts: of the runs, for curves and pictures; what is not there is left out.

    Raises:
        RecordError: a run's history or pictures cannot be read.
    """
    drawn = {title: history.curves(records, artefacts, value) for value, title in CURVES.items()}
    compared = [place for place, row in enumerate(table.rows) if row.method != BASELINE]
    made = provenance(records)
    galleries = gallery.galleries(records, artefacts)
    labels, mistaken = mistakes.mistakes(table, records, artefacts)
    return page(
        "report.html",
        table=table,
        made=made,
        headline=headline(table),
        findings=list(zip(compared, map(_typeset, sentences(table)), strict=False)),
        caveats=caveats(table),
        grids=[grid for grid in (grids.tests(table), grids.controls(table), grids.spread(table)) if grid],
        by_domain=len(table.held_out) <= MOST_DOMAIN_COLUMNS,
        panels=charts.panels(table),
        intervals=charts.intervals(table),
        plots=[charts.plot(title, curves, table) for title, curves in drawn.items() if curves],
        galleries=galleries,
        has_sound=any(each.sounds for found in galleries for _, row in found.rows for each in row),
        labels=labels,
        mistakes=mistaken,
        places={row.name: place for place, row in enumerate(table.rows)},
        method_places={row.method: place for place, row in enumerate(table.rows)},
        most_focused=charts.MOST_FOCUSED,
        unfinished=[printable(str(run)) for run in table.unfinished[:MOST_UNFINISHED]],
        setting_methods=[
            row.method for row in table.rows if any(row.method in values for values in made.by_method.values())
        ],
        duration=_duration(made.seconds),
    )


def page(template: str, **values: Any) -> str:
    """Fill a template. The templates come with the package; whatever a template prints is escaped."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    """One for all pages: a template is compiled once."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": numbers.percent, "difference": numbers.difference, "p": numbers.p_value}
    environment.filters |= {"printable": printable, "printable_lines": printable_lines}
    environment.globals |= {"steps": gallery.STEPS}
    environment.filters |= {"caption": grids.caption, "seeds": grids.seeds}
    environment.filters |= {"worst": grids.worst, "method": display_name, "typeset": _typeset}
    return environment


def _typeset(text: str) -> str:
    """True minus signs, as long as a plus; no line ends between a number and what belongs to it."""
    text = re.sub(r"(?<![^ (])-(?=[0-9])", "\N{MINUS SIGN}", text)
    return re.sub(r"(?<=p) ([=<]) (?=[0-9])|(?<=[0-9]) (?=%|points? )", _unbroken, text)


def _unbroken(spaced: re.Match[str]) -> str:
    return spaced.group().replace(" ", "\N{NO-BREAK SPACE}")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
