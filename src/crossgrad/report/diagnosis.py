"""A diagnosis for people: the page with pictures, and the summary in the terminal."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from crossgrad.advice import Advice, Composition, DomainGap, Findings, MovedExamples, ToldApart, honesty
from crossgrad.printing import printable
from crossgrad.report import gallery
from crossgrad.report.html import page
from crossgrad.report.names import fold_name
from crossgrad.report.numbers import signed_points

MOST_ROWS, MOST_COLUMNS = 40, 12
"""Labels and domains whose counts are written into a table; with more of either, the table is a picture."""

MOST_BARS = 60
"""Domains that have bars of their own; a page must stay small however many there are."""

_WEAKEST, _STRONGEST = (247, 251, 255), (8, 81, 156)
_EMPTY = (217, 95, 2)


@dataclass(frozen=True)
class Cell:
    """Examples of a label in a domain; `shade` is 0 to 100."""

    count: int
    shade: float


@dataclass(frozen=True)
class Heatmap:
    """Counts as a table of cells, or, where there are too many to be read, as a picture of one pixel each."""

    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    picture: str
    description: str


@dataclass(frozen=True)
class Bars:
    """A domain's accuracies in percent, each with what it is."""

    domain: str
    accuracies: tuple[tuple[str, float], ...]

    @property
    def description(self) -> str:
        return f"{self.domain}: " + ", ".join(f"{what} {value:.1f} %" for what, value in self.accuracies)


def render_diagnosis(
    findings: Findings, advice: Advice, moved: MovedExamples | None, *, facts: dict[str, str], compare: str
) -> str:
    """Write the page: one file, no network, no script.

    Args:
        findings: of a diagnosis.
        advice: that follows from them.
        moved: examples to draw; None where inputs are no pictures.
        facts: how it was made, by name.
        compare: the command of the comparison that decides.
    """
    gap, told = findings.gap, findings.told_apart
    return page(
        "diagnosis.html",
        findings=findings,
        composition=findings.composition,
        advice=advice,
        honesty=honesty(),
        heatmap=_heatmap(findings.composition),
        told_bars=_told_bars(told) if told else (),
        chance=100 * told.chance if told else 0.0,
        gap_bars=_gap_bars(gap) if gap else (),
        n_gap=len(gap.by_domain) if gap else 0,
        most_bars=MOST_BARS,
        left_out=fold_name(findings.left_out),
        gallery=_gallery(moved, findings.seed) if moved else None,
        moved=moved,
        facts=facts,
        compare=compare,
    )


def print_diagnosis(findings: Findings, advice: Advice, console: Console | None = None) -> None:
    """Print the verdict, its reasons and the numbers behind them, to be read at 80 columns.

    Args:
        findings: of a diagnosis.
        advice: that follows from them.
        console: where to; standard output by default.
    """
    console = console or Console()
    console.print(_grid(findings))
    console.print(Text(f"\n{printable(advice.sentence)}", style="bold"))
    for reason in advice.reasons:
        console.print(Text(f"- {printable(reason)}"))
    console.print(Text(f"\n{honesty()}", style="dim"))


def _grid(findings: Findings) -> Grid:
    """Each number with what it is to be held against."""
    composition = findings.composition
    grid = Grid("Found", "Number", "Beside", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for what, counts in (("domain", composition.by_domain), ("label", composition.by_label)):
        values = sorted(counts.values())
        grid.add_row(f"Examples of a {what}", f"{values[0]} to {values[-1]}", f"{len(values)} {what}s")
    n_found = composition.n_cells - composition.n_empty
    grid.add_row("Labels in domains", f"{n_found}", f"of {composition.n_cells} pairs")
    if found := findings.confounding:
        beside = f"{max(0.0, found.adjusted):.2f} above chance, p = {found.p_value:.2g}"
        grid.add_row("Mutual information, normalised", f"{found.nmi:.2f}", beside)
    if told := findings.told_apart:
        low, high = told.interval
        beside = f"{100 * low:.1f} to {100 * high:.1f}; largest {100 * told.majority:.1f} %"
        grid.add_row("Domains told apart", f"{100 * told.accuracy:.1f} %", beside)
        if within := told.within:
            beside = f"chance {100 * within.chance:.1f} %, p = {within.p_value:.2g}"
            grid.add_row("The same within labels", f"{100 * within.accuracy:.1f} %", beside)
    if gap := findings.gap:
        grid.add_row("ERM in training domains", f"{100 * gap.trained.value:.1f} %", "on unseen examples")
        comparison = gap.comparison
        beside = "no interval can be given"
        if comparison.low is not None and comparison.high is not None:
            beside = f"{100 * comparison.low:.1f} to {100 * comparison.high:.1f} over {comparison.n} domains"
        grid.add_row("Lost on unseen domains", f"{100 * comparison.mean:.1f} points", beside)
    for move in findings.moves:
        share = 100 * move.l2 / move.input_l2 if move.input_l2 else 0.0
        grid.add_row(
            f"Told after a step of {move.size:g}",
            f"{100 * move.told:.1f} %",
            f"moved by {share:.1f} % of an input",
        )
    return grid


def _heatmap(composition: Composition) -> Heatmap:
    counts = np.array(composition.counts)
    shades = counts / max(1, counts.max())
    n_labels, n_domains = counts.shape
    description = (
        f"Examples of {n_labels} labels in {n_domains} domains: {counts.min()} to {counts.max()} of a pair, "
        f"{composition.n_empty} of {composition.n_cells} pairs without any"
    )
    if n_labels > MOST_ROWS or n_domains > MOST_COLUMNS:
        return Heatmap((), _pixels(counts, shades), description)
    rows = tuple(
        (name, tuple(Cell(count, round(100 * shade, 1)) for count, shade in zip(row, row_shades, strict=True)))
        for name, row, row_shades in zip(composition.label_names, composition.counts, shades.tolist(), strict=True)
    )
    return Heatmap(rows, "", description)


def _pixels(counts: NDArray[np.int64], shades: NDArray[np.float64]) -> str:
    """A pixel a pair, pale to dark blue, orange where there is no example."""
    colours = np.array(_WEAKEST) + shades[..., None] * (np.array(_STRONGEST) - np.array(_WEAKEST))
    colours[counts == 0] = _EMPTY
    file = io.BytesIO()
    Image.fromarray(np.round(colours).astype(np.uint8)).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _told_bars(told: ToldApart) -> tuple[Bars, ...]:
    bars = (Bars(name, (("told", 100 * value),)) for name, value in told.by_domain.items())
    return tuple(bars)[:MOST_BARS]


def _gap_bars(gap: DomainGap) -> tuple[Bars, ...]:
    return tuple(
        Bars(
            f"{name} ({signed_points(-100 * lost)})",
            (("trained on", 100 * gap.inside[name]), ("held out", 100 * gap.outside[name])),
        )
        for name, lost in gap.by_domain.items()
    )[:MOST_BARS]


def _gallery(moved: MovedExamples, seed: int) -> gallery.Gallery:
    return gallery.draw(
        moved.inputs.astype(np.float64),
        {"domain_perturbed": moved.moved.astype(np.float64)},
        [f"label {label}, domain {domain}" for label, domain in zip(moved.labels, moved.domains, strict=True)],
        method="the domain net",
        run=f"a calibrated step of {moved.size:g}, seed {seed}",
    )
