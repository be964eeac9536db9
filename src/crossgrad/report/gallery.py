"""Pictures of inputs, of what a method moved them to, and of the difference, as PNG data for one page."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossgrad.errors import RecordError
from crossgrad.printing import printable
from crossgrad.records import Record
from crossgrad.report.archives import read_arrays
from crossgrad.report.artefacts import Artefacts
from crossgrad.report.names import display_name, fold_name

MOST_EXAMPLES = 6
MOST_PIXELS = 96
"""Longest side of a picture; larger ones are made smaller."""
CONTRAST = (5, 95)
"""Percentiles of an input that are drawn black and white, where inputs are not in [0, 1]: the coefficient 0 of cepstra
lies so far from the others that the full range would show nothing else."""
MOST_CHARACTERS = 2_500_000
"""Of picture data on one page."""

# Blue, white, red (ColorBrewer's RdBu): told apart with any colour vision, and lightness grows from no change.
_POSITIONS = (-1.0, -0.5, 0.0, 0.5, 1.0)
_COLOURS = np.array([(33, 102, 172), (146, 197, 222), (247, 247, 247), (244, 165, 130), (178, 24, 43)])

MOVED = {
    "domain_perturbed": "moved along the domain gradient",
    "label_perturbed": "moved along the label gradient",
}
"""What each kind of moved input is called."""


@dataclass(frozen=True)
class Picture:
    """A PNG as a data URI, with the words for who cannot see it."""

    uri: str
    text: str


@dataclass(frozen=True)
class Gallery:
    """One run's examples: a row of pictures each, the input first, then each moved input and its difference."""

    method: str
    name: str
    run: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Picture, ...]], ...]
    largest: float
    """The difference that has the full colour."""
    contrast: tuple[int, int] | None
    """Percentiles of each input's own values that are black and white; None where 0 and 1 are."""


@dataclass(frozen=True, eq=False)
class Panels:
    """Examples as pixels: a row of pictures each, the input first, then each moved input and its difference."""

    rows: tuple[tuple[NDArray[np.uint8], ...], ...]
    """(height, width), or (height, width, 3) where there are colours."""
    largest: float
    """The difference that has the full colour."""
    contrast: tuple[int, int] | None
    """Percentiles of each input's own values that are black and white; None where 0 and 1 are."""


def galleries(records: Sequence[Record], artefacts: Artefacts) -> tuple[Gallery, ...]:
    """One gallery a method, from its first run that has pictures; fewer examples where they would be too much.

    Args:
        records: of one table.
        artefacts: of the runs.

    Raises:
        RecordError: a gallery cannot be read.
    """
    chosen: dict[str, tuple[Record, Path]] = {}
    for record in records:
        if path := artefacts.find(record["key"], "gallery.npz"):
            chosen.setdefault(record["method"], (record, path))
    found = [_gallery(record, path) for record, path in chosen.values()]
    for n_examples in range(MOST_EXAMPLES, 0, -1):
        shown = tuple(replace(gallery, rows=gallery.rows[:n_examples]) for gallery in found)
        if sum(len(picture.uri) for gallery in shown for _, row in gallery.rows for picture in row) <= MOST_CHARACTERS:
            return shown
    return ()


def _gallery(record: Record, path: Path) -> Gallery:
    arrays = read_arrays(path, what="a gallery of pictures")
    try:
        inputs = arrays["inputs"].astype(np.float64)
        chosen = _spread([str(domain) for domain in arrays["domains"]])
        moved = {name: arrays[name].astype(np.float64)[chosen] for name in MOVED if name in arrays}
        labels, domains = arrays["labels"][chosen].tolist(), arrays["domains"][chosen].tolist()
        inputs = inputs[chosen]
        if any(values.shape != inputs.shape for values in moved.values()):
            raise ValueError("inputs and moved inputs have different shapes")
        whats = [f"{_label(record, label)}, domain {domain}" for label, domain in zip(labels, domains, strict=True)]
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise RecordError(f"{path}: not a gallery of pictures: {error}") from error
    run = f"held out {fold_name(record['held_out'])}, seed {record['seed']}"
    return draw(inputs, moved, whats, method=record["method"], run=printable(run))


def draw(
    inputs: NDArray[np.float64],
    moved: Mapping[str, NDArray[np.float64]],
    whats: Sequence[str],
    *,
    method: str,
    run: str,
) -> Gallery:
    """Draw inputs, each beside what it was moved to and the difference.

    Args:
        inputs: (n, channels, height, width).
        moved: by a name in MOVED, likewise.
        whats: each input in words.
        method: that moved them.
        run: in words.
    """
    drawn = panels(inputs, moved)
    rows = []
    for what, pictures in zip(whats, drawn.rows, strict=True):
        texts = [f"Input: {what}"]
        for name in moved:
            texts += [f"{what}, {MOVED[name]}", f"{what}: what was changed"]
        rows.append((what, tuple(_picture(pixels, text) for pixels, text in zip(pictures, texts, strict=True))))
    headers = ["Input"]
    for name in moved:
        headers += [MOVED[name].capitalize(), "Difference"]
    return Gallery(method, display_name(method), run, tuple(headers), tuple(rows), drawn.largest, drawn.contrast)


def panels(inputs: NDArray[np.float64], moved: Mapping[str, NDArray[np.float64]]) -> Panels:
    """Inputs, and what each was moved to with the difference, as pixels.

    Args:
        inputs: (n, channels, height, width).
        moved: by name, likewise.
    """
    # Channels are averaged with their signs: one picture says where an input became brighter or darker.
    signed = {name: (values - inputs).mean(axis=1) for name, values in moved.items()}
    largest = max((float(np.abs(values).max()) for values in signed.values() if values.size), default=0.0)
    contrast = None if inputs.size == 0 or 0 <= inputs.min() <= inputs.max() <= 1 else CONTRAST
    rows = []
    for i, values in enumerate(inputs):
        black, white = np.percentile(values, contrast) if contrast else (0.0, 1.0)
        pictures = [_grey_or_colour(values, black, white)]
        for name in moved:
            pictures += [_grey_or_colour(moved[name][i], black, white), diverging(signed[name][i], largest)]
        rows.append(tuple(pictures))
    return Panels(tuple(rows), largest, contrast)


def _spread(domains: Sequence[str]) -> list[int]:
    """Examples of as many different domains as there are, in the order of the file."""
    of_domain: dict[str, list[int]] = {}
    for i, domain in enumerate(domains):
        of_domain.setdefault(domain, []).append(i)
    return sorted(list(_in_turn(list(of_domain.values())))[:MOST_EXAMPLES])


def _in_turn(groups: Sequence[list[int]]) -> Iterator[int]:
    for place in range(max(map(len, groups), default=0)):
        yield from (group[place] for group in groups if place < len(group))


def _label(record: Record, label: str | int) -> str:
    """A label comes as its name or as its place among the record's labels."""
    return f"label {label if isinstance(label, str) else record['labels'][label]}"


def _grey_or_colour(values: NDArray[np.float64], black: float, white: float) -> NDArray[np.uint8]:
    values = values.transpose(1, 2, 0) if values.shape[0] == 3 else values.mean(axis=0)
    shares = (values - black) / (white - black if white > black else 1)
    return np.round(255 * shares.clip(0, 1)).astype(np.uint8)


def diverging(values: NDArray[np.float64], largest: float) -> NDArray[np.uint8]:
    """Differences as colours: blue at -largest, white at 0, red at largest.

    Example:
        >>> diverging(np.array([-2.0, 0.0, 2.0]), 2.0).tolist()
        [[33, 102, 172], [247, 247, 247], [178, 24, 43]]
    """
    relative = values / largest if largest > 0 else values
    channels = [np.interp(relative, _POSITIONS, _COLOURS[:, channel]) for channel in range(3)]
    return np.round(np.stack(channels, axis=-1)).astype(np.uint8)


def _picture(pixels: NDArray[np.uint8], text: str) -> Picture:
    image = Image.fromarray(pixels)
    image.thumbnail((MOST_PIXELS, MOST_PIXELS))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return Picture(f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", printable(text))
