"""Points of several groups as one SVG picture that stands alone."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Okabe and Ito's colours (2008), told apart with any colour vision; ten, for ten labels.
COLOURS = (
    *("#e69f00", "#0072b2", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442", "#555555", "#882255", "#44aa99"),
)
_SIZE, _HEAD, _LEGEND, _NAME, _GAP = 320, 28, 20, 100, 24


def scatter(panels: Mapping[str, Mapping[str, NDArray[np.floating[Any]]]], *, description: str) -> str:
    """Draw panels of points side by side, a colour for each group, all on the same axes.

    Args:
        panels: by title; of each the points (n, 2) by the name of their group. A name has one colour in all panels;
            groups are drawn in their order, the last on top.
        description: for who cannot see it.

    Returns:
        An SVG document.

    Example:
        >>> scatter({"a": {"one": np.zeros((1, 2)), "two": np.ones((1, 2))}}, description="two points").count("<circle")
        4
    """
    names = list(dict.fromkeys(name for groups in panels.values() for name in groups))
    everything = np.concatenate([points for groups in panels.values() for points in groups.values()])
    low, high = everything.min(axis=0), everything.max(axis=0)
    # One unit is as long on both axes: distances are what is looked at.
    span = float(max(*(high - low), 1e-12)) * 1.04
    origin = (low + high) / 2 - span / 2
    width = len(panels) * (_SIZE + _GAP) - _GAP
    per_line = width // _NAME
    height = _HEAD + _SIZE + 12 + _LEGEND * -(-len(names) // per_line)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" '
        f'font-size="13"><title>{escape(description)}</title><rect width="{width}" height="{height}" fill="#fff"/>'
    ]
    for place, (title, groups) in enumerate(panels.items()):
        left = place * (_SIZE + _GAP)
        parts.append(f'<text x="{left + _SIZE / 2:g}" y="18" text-anchor="middle">{escape(title)}</text>')
        parts.append(f'<rect x="{left}" y="{_HEAD}" width="{_SIZE}" height="{_SIZE}" fill="none" stroke="#ccc"/>')
        for name, points in groups.items():
            parts.append(f'<g fill="{_colour(names, name)}" fill-opacity="0.6">')
            parts += [_dot(left, point) for point in (points - origin) / span]
            parts.append("</g>")
    for place, name in enumerate(names):
        x, y = place % per_line * _NAME, _HEAD + _SIZE + 18 + place // per_line * _LEGEND
        parts.append(
            f'<circle cx="{x + 6}" cy="{y - 4}" r="5" fill="{_colour(names, name)}"/>'
            f'<text x="{x + 16}" y="{y}">{escape(name)}</text>'
        )
    return "".join(parts) + "</svg>\n"


def _colour(names: Sequence[str], name: str) -> str:
    return COLOURS[names.index(name) % len(COLOURS)]


def _dot(left: float, point: NDArray[np.floating[Any]]) -> str:
    return f'<circle cx="{left + _SIZE * point[0]:.1f}" cy="{_HEAD + _SIZE * (1 - point[1]):.1f}" r="2"/>'
