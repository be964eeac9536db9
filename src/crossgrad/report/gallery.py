"""Pictures of inputs, of what a method moved them to, and of the difference, for one page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossgrad.printing import printable
from crossgrad.records import Record
from crossgrad.report.archives import damaged, read_arrays
from crossgrad.report.artefacts import Artefacts
from crossgrad.report.names import display_name, fold_name
from crossgrad.report.pictures import Picture, picture, wav

MOST_EXAMPLES = 6
STEPS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""What a reader may look at, as multiples of the step that was trained with."""
CONTRAST = (5, 95)
"""Percentiles of an input that are drawn black and white, where inputs are not in [0, 1]: the coefficient 0 of cepstra
lies so far from the others that the full range would show nothing else."""
MOST_CHARACTERS = 1_500_000
"""Of picture data on one page."""
MOST_SOUND_CHARACTERS = 800_000
"""Of sound data on one page; beyond, there is none."""

# Blue, white, red (ColorBrewer's RdBu): told apart with any colour vision, and lightness grows from no change.
_POSITIONS = (-1.0, -0.5, 0.0, 0.5, 1.0)
_COLOURS = np.array([(33, 102, 172), (146, 197, 222), (247, 247, 247), (244, 165, 130), (178, 24, 43)])

MOVED = {
    "domain_perturbed": "moved along the domain gradient",
    "label_perturbed": "moved along the label gradient",
}
"""What each kind of moved input is called."""


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
    if sum(len(sound) for each in _pictures(found) for sound in each.sounds) > MOST_SOUND_CHARACTERS:
        found = [_changed(gallery, lambda each: replace(each, sounds=())) for gallery in found]
    still = [_changed(gallery, lambda each: replace(each, along=(), sounds=each.sounds[:1])) for gallery in found]
    for candidates, fewest in ((found, 2), (still, 1)):
        for n_examples in range(MOST_EXAMPLES, fewest - 1, -1):
            shown = tuple(replace(gallery, rows=gallery.rows[:n_examples]) for gallery in candidates)
            if sum(len(each.uri) + sum(map(len, each.along)) for each in _pictures(shown)) <= MOST_CHARACTERS:
                return shown
    return ()


def _pictures(galleries: Sequence[Gallery]) -> Iterator[Picture]:
    return (each for gallery in galleries for _, row in gallery.rows for each in row)


def _changed(gallery: Gallery, change: Callable[[Picture], Picture]) -> Gallery:
    rows = tuple((what, tuple(map(change, row))) for what, row in gallery.rows)
    return replace(gallery, rows=rows)


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
        sounds = _sounds(arrays, chosen)
        whats = [f"{_label(record, label)}, domain {domain}" for label, domain in zip(labels, domains, strict=True)]
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise damaged(path, "a gallery of pictures", error) from error
    run = f"held out {fold_name(record['held_out'])}, seed {record['seed']}"
    return draw(inputs, moved, whats, method=record["method"], run=printable(run), sounds=sounds)


def _sounds(arrays: Mapping[str, NDArray[Any]], chosen: Sequence[int]) -> dict[tuple[str, int], tuple[str, ...]]:
    """WAV data by the kind of input and its place among the chosen: one for an input, one a step for what it became."""
    if "sound/inputs" not in arrays:
        return {}
    rate_hz = int(arrays["sound/sample_rate_hz"])
    if not 0 < rate_hz <= 192_000 or arrays["sound/steps"].tolist() != list(STEPS):
        raise ValueError("its sounds have another rate, or other steps, than were ever written")
    found = {}
    for place, example in enumerate(chosen):
        for name in ("inputs", *MOVED):
            if f"sound/{name}" in arrays and example < len(arrays["sound/inputs"]):
                samples = arrays[f"sound/{name}"][example]
                if samples.dtype != np.int16 or samples.ndim != (1 if name == "inputs" else 2):
                    raise ValueError(f"sound/{name} is no sound of 16 bits")
                found[name, place] = tuple(wav(each, rate_hz=rate_hz) for each in np.atleast_2d(samples))
    return found


def draw(
    inputs: NDArray[np.float64],
    moved: Mapping[str, NDArray[np.float64]],
    whats: Sequence[str],
    *,
    method: str,
    run: str,
    sounds: Mapping[tuple[str, int], tuple[str, ...]] = MappingProxyType({}),
) -> Gallery:
    """Draw inputs, each beside what it was moved to and the difference.

    Args:
        inputs: (n, channels, height, width).
        moved: by a name in MOVED, likewise.
        whats: each input in words.
        method: that moved them.
        run: in words.
        sounds: WAV data by "inputs" or a name in MOVED, and the place of the input.
    """
    drawn = panels(inputs, moved)
    # A step is one along a gradient that was taken at the input: k times as long, it leads to x + k (x' - x).
    along = [panels(inputs, {name: inputs + step * (moved[name] - inputs) for name in moved}).rows for step in STEPS]
    rows = []
    for place, (what, pixels) in enumerate(zip(whats, drawn.rows, strict=True)):
        row = [replace(picture(pixels[0], f"Input: {what}"), sounds=sounds.get(("inputs", place), ()))]
        for column, name in enumerate(moved):
            at = 1 + 2 * column
            shown = picture(pixels[at], f"{what}, {MOVED[name]}", along=tuple(of_step[place][at] for of_step in along))
            row.append(replace(shown, sounds=sounds.get((name, place), ())))
            row.append(picture(pixels[at + 1], f"{what}: what was changed"))
        rows.append((what, tuple(row)))
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
