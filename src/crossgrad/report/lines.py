"""Curves with error bars as one SVG picture that stands alone; the horizontal axis is logarithmic."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from crossgrad.report import numbers
from crossgrad.report.scale import Scale
from crossgrad.report.scatter import COLOURS

_WIDTH, _HEIGHT, _HEAD, _LEFT, _FOOT, _LEGEND, _GAP, _NAME = 320, 240, 28, 46, 44, 22, 18, 108


@dataclass(frozen=True)
class Point:
    """Of a curve.

    Args:
        x: > 0.
        y: finite.
        error: on both sides of y; None where it is not known.
    """

    x: float
    y: float
    error: float | None = None


@dataclass(frozen=True)
class Line:
    """A curve by its name; its points in any order."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Level:
    """What curves are compared with: one value for every x, dashed, its error as a band."""

    name: str
    y: float
    error: float | None = None


def line_chart(
    panels: Mapping[str, tuple[Level | None, Sequence[Line]]],
    *,
    x: str,
    y: str,
    description: str,
    within: float = math.inf,
    apart: int = 0,
) -> str:
    """Draw panels of curves side by side; the horizontal axis is the same for all, the vertical each panel's own.

    Args:
        panels: by title, with at least one point in each. A name has one colour in all panels.
        x: what the horizontal axis tells.
        y: what the vertical axes tell.
        description: for who cannot see it.
        within: so far from its level a panel goes at most; curves leave it where they are farther.
        apart: pixels between curves of a panel, so that where they share their x the bars are seen side by side.

    Returns:
        An SVG document.

    Example:
        >>> curve = Line("a", (Point(1.0, 5.0, 0.5), Point(10.0, 7.0)))
        >>> line_chart({"one": (Level("b", 6.0), [curve])}, x="x", y="y", description="two points").count("<circle")
        3
    """
    names = list(dict.fromkeys(line.name for _, lines in panels.values() for line in lines))
    xs = [math.log10(point.x) for _, lines in panels.values() for line in lines for point in line.points]
    # At least a decade, so that round numbers are in it.
    room = max(0.05 * (max(xs) - min(xs)), (1 - (max(xs) - min(xs))) / 2)
    across = Scale(min(xs) - room, max(xs) + room)
    width = len(panels) * (_LEFT + _WIDTH + _GAP)
    per_line = (width - _LEFT) // _NAME
    levels = dict.fromkeys(level.name for level, _ in panels.values() if level is not None)
    height = _HEAD + _HEIGHT + _FOOT + _LEGEND * -(-(len(names) + len(levels)) // per_line)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" '
        f'font-size="12"><title>{escape(description)}</title><rect width="{width}" height="{height}" fill="#fff"/>'
    ]
    for place, (title, (level, lines)) in enumerate(panels.items()):
        left = place * (_LEFT + _WIDTH + _GAP) + _LEFT
        parts.append(f'<g transform="translate({left} {_HEAD})">')
        parts.append(f'<text x="{_WIDTH / 2:g}" y="-10" font-size="13" text-anchor="middle">{escape(title)}</text>')
        parts += _panel(level, lines, names, across, x, within, apart)
        parts.append("</g>")
    parts.append(
        f'<text transform="translate(12 {_HEAD + _HEIGHT / 2:g}) rotate(-90)" text-anchor="middle">{escape(y)}</text>'
    )
    for place, name in enumerate([*names, *levels]):
        at, base = _LEFT + place % per_line * _NAME, _HEAD + _HEIGHT + _FOOT + 12 + place // per_line * _LEGEND
        parts.append(
            f'<circle cx="{at + 6}" cy="{base - 4}" r="5" fill="{COLOURS[place % len(COLOURS)]}"/>'
            if name in names
            else f'<path d="M{at} {base - 4}h14" stroke="#555" stroke-width="1.5" stroke-dasharray="4 3"/>'
        )
        parts.append(f'<text x="{at + 18}" y="{base}">{escape(name)}</text>')
    return "".join(parts) + "</svg>\n"


def _panel(
    level: Level | None, lines: Sequence[Line], names: Sequence[str], across: Scale, x: str, within: float, apart: int
) -> list[str]:
    marks: list[Point | Level] = [point for line in lines for point in line.points]
    marks += [level] if level is not None else []
    low = min(mark.y - (mark.error or 0.0) for mark in marks)
    high = max(mark.y + (mark.error or 0.0) for mark in marks)
    if level is not None:
        low, high = max(low, level.y - within), min(high, level.y + within)
    room = 0.05 * (high - low) or 0.5
    up = Scale(low - room, high + room)

    def right(value: float) -> float:
        return round(_WIDTH * across.percent(math.log10(value)) / 100, 1)

    def down(value: float) -> float:
        return round(_HEIGHT * (1 - up.percent(value) / 100), 1)

    parts = []
    for position, text in up.ticks(6):
        at = round(_HEIGHT * (1 - position / 100), 1)
        parts.append(f'<path d="M0 {at}h{_WIDTH}" stroke="#eee"/>')
        parts.append(f'<text x="-6" y="{at + 4:g}" text-anchor="end">{text}</text>')
    for value in _round_numbers(10**across.low, 10**across.high):
        parts.append(f'<path d="M{right(value)} {_HEIGHT}v4" stroke="#999"/>')
        parts.append(f'<text x="{right(value)}" y="{_HEIGHT + 17}" text-anchor="middle">{value:g}</text>')
    parts.append(f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#ccc"/>')
    parts.append(f'<text x="{_WIDTH / 2:g}" y="{_HEIGHT + 34}" text-anchor="middle">{escape(x)}</text>')
    if level is not None:
        if level.error:
            top, bottom = down(level.y + level.error), down(level.y - level.error)
            parts.append(f'<rect y="{top}" width="{_WIDTH}" height="{bottom - top:.1f}" fill="#555" opacity="0.12"/>')
        parts.append(f'<path d="M0 {down(level.y)}h{_WIDTH}" stroke="#555" stroke-width="1.5" stroke-dasharray="4 3"/>')
    parts.append(f'<svg width="{_WIDTH}" height="{_HEIGHT}">')  # nothing is drawn outside it
    for place, line in enumerate(lines):
        colour = COLOURS[names.index(line.name) % len(COLOURS)]
        points = sorted(line.points, key=lambda point: point.x)
        aside = apart * (place - (len(lines) - 1) / 2)
        places = [(round(right(point.x) + aside, 1), down(point.y)) for point in points]
        path = " ".join(f"{at},{height}" for at, height in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for point, (at, height) in zip(points, places, strict=True):
            if point.error:
                bar = f"M{at} {down(point.y - point.error)}V{down(point.y + point.error)}"
                parts.append(f'<path d="{bar}" stroke="{colour}" stroke-width="1.5"/>')
            x_value = f"{point.x:.0f}" if point.x >= 100 else f"{point.x:.3g}"  # 1000 is no 1e+03
            said = f"{line.name}: {numbers.points(point.y)} at {x_value}"
            parts.append(
                f'<circle cx="{at}" cy="{height}" r="3.5" fill="{colour}"><title>{escape(said)}</title></circle>'
            )
    parts.append("</svg>")
    return parts


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten between the two."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [
        value for power in powers for value in (10.0**power, 2 * 10.0**power, 5 * 10.0**power) if low <= value <= high
    ]
