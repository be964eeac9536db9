"""Where the marks of each figure go: positions in percent, so that a figure fits any width of page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crossgrad.report import numbers
from crossgrad.report.history import Curve
from crossgrad.report.names import BASELINE
from crossgrad.report.rows import Difference, Table
from crossgrad.report.scale import Scale, scale_around

MOST_BARS = 2000
"""Bars on one page; a page must stay small and quick however many domains there are."""

MOST_DOTS = 4000
"""Single differences on one page; with more than these, means and intervals stand alone."""


MOST_FOCUSED = 300
"""Marks of one figure that the keyboard reaches one by one; with more, their values are in the tables alone."""

N_COLUMNS = 12
"""Places along the steps where values of curves are told."""


@dataclass(frozen=True)
class Bar:
    """One method on one domain; `method` is its place in the table and gives its colour."""

    method: int
    name: str
    width: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Panel:
    """The bars of one domain."""

    domain: str
    bars: tuple[Bar, ...]
    description: str


@dataclass(frozen=True)
class Dot:
    """One domain's difference; `domain` is its place in the table."""

    position: float
    domain: int
    name: str
    points: str


@dataclass(frozen=True)
class Interval:
    """One method's difference from ERM; `low` and `high` are None where there is no interval."""

    method: int
    name: str
    mean: float
    low: float | None
    high: float | None
    dots: tuple[Dot, ...]
    text: str
    p: str


@dataclass(frozen=True)
class Intervals:
    """Every method's difference from ERM on one axis."""

    rows: tuple[Interval, ...]
    zero: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Line:
    """A curve as points of an SVG polyline in a box of 1000 by 1000."""

    method: int
    name: str
    points: str
    last: str


@dataclass(frozen=True)
class Column:
    """What all curves are at one step; positions in percent."""

    left: float
    width: float
    position: float
    step: str
    values: tuple[tuple[int, str], ...]
    """A method's place in the table, and its name and value."""

    @property
    def description(self) -> str:
        return f"Step {self.step}: {', '.join(text for _, text in self.values)}"


@dataclass(frozen=True)
class Plot:
    """Curves of one logged value."""

    title: str
    lines: tuple[Line, ...]
    columns: tuple[Column, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    description: str


def panels(table: Table) -> tuple[Panel, ...]:
    """Bars of accuracy, one panel a held-out domain, with whiskers of one standard error over seeds.

    Bars start at zero, since their length is what is compared.
    """
    most = max(1, MOST_BARS // max(1, len(table.rows)))
    return tuple(_panel(table, domain) for domain in table.held_out[:most])


def _panel(table: Table, domain: str) -> Panel:
    bars = []
    for place, row in enumerate(table.rows):
        found = row.by_domain.get(domain)
        if found is not None:
            error = found.standard_error or 0.0
            low, high = max(0.0, found.value - error), min(1.0, found.value + error)
            bars.append(Bar(place, row.name, 100 * found.value, 100 * low, 100 * high, numbers.percent(found)))
    values = ", ".join(f"{bar.name} {bar.text}" for bar in bars) or "no results"
    return Panel(domain, tuple(bars), f"Accuracy in percent on held-out domain {domain}: {values}")


def intervals(table: Table) -> Intervals | None:
    """Differences from ERM with their intervals and each domain's own difference; None where there are none."""
    found = [
        (place, row.name, row.difference)
        for place, row in enumerate(table.rows)
        if row.method != BASELINE and row.difference is not None
    ]
    if not found:
        return None
    values = [value for _, _, difference in found for value in difference.by_domain.values()]
    bounds = [bound for *_, d in found for bound in (d.comparison.low, d.comparison.high) if bound is not None]
    scale = scale_around([*values, *bounds])
    domains = {domain: number for number, domain in enumerate(table.held_out)}
    rows = []
    for place, name, difference in found:
        comparison = difference.comparison
        rows.append(
            Interval(
                method=place,
                name=name,
                mean=scale.percent(comparison.mean),
                low=None if comparison.low is None else scale.percent(comparison.low),
                high=None if comparison.high is None else scale.percent(comparison.high),
                dots=_dots(difference, scale, domains) if len(values) <= MOST_DOTS else (),
                text=numbers.difference(comparison),
                p="" if comparison.p_value is None else numbers.p_statement(comparison.p_value),
            )
        )
    return Intervals(tuple(rows), scale.percent(0.0), tuple(scale.ticks(9)))


def _dots(difference: Difference, scale: Scale, domains: Mapping[str, int]) -> tuple[Dot, ...]:
    return tuple(
        Dot(scale.percent(value), domains[domain], domain, numbers.signed_points(value))
        for domain, value in difference.by_domain.items()
    )


def plot(title: str, curves: Sequence[Curve], table: Table) -> Plot:
    """Curves over training steps on one pair of axes."""
    x = Scale(0.0, max(max(curve.steps) for curve in curves) or 1.0)
    y = scale_around([value for curve in curves for value in curve.values], room=0.0)
    places = {row.method: (place, row.name) for place, row in enumerate(table.rows)}
    lines = []
    for curve in curves:
        place, name = places[curve.method]
        points = " ".join(
            f"{10 * x.percent(step):.1f},{1000 - 10 * y.percent(value):.1f}"
            for step, value in zip(curve.steps, curve.values, strict=True)
        )
        last = f"{name}: {curve.values[-1]:.3g} at step {curve.steps[-1]:.0f}, mean over {curve.n_runs} runs"
        lines.append(Line(place, name, points, last))
    return Plot(
        title=title,
        lines=tuple(lines),
        columns=tuple(_column(curves, x, number, places) for number in range(N_COLUMNS)),
        x_ticks=tuple(x.ticks()),
        y_ticks=tuple((100 - position, label) for position, label in y.ticks(5)),
        description=f"{title} over training steps; at the end {'; '.join(line.last for line in lines)}",
    )


def _column(curves: Sequence[Curve], x: Scale, number: int, places: Mapping[str, tuple[int, str]]) -> Column:
    """The values at the logged step that is nearest to the middle of a column."""
    middle = x.high * (number + 0.5) / N_COLUMNS
    step = min((step for curve in curves for step in curve.steps), key=lambda step: abs(step - middle))
    values = []
    for curve in curves:
        if not curve.steps[0] <= step <= curve.steps[-1]:  # it has no value there
            continue
        place, name = places[curve.method]
        nearest = min(range(len(curve.steps)), key=lambda index: abs(curve.steps[index] - step))
        values.append((place, f"{name} {curve.values[nearest]:.3g}"))
    width = 100 / N_COLUMNS
    return Column(number * width, width, x.percent(step), f"{step:.0f}", tuple(values))
