"""A sheet of examples: one row a domain, one column a label, for seeing what differs between domains."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from crossgrad.data import DomainDataset
from crossgrad.errors import DataError, SettingsError

MOST_ROWS = 12
MOST_COLUMNS = 12
"""Where no other numbers are asked for."""

LARGEST = 100
"""Rows, and columns: as many cells of the largest size take half a gigabyte."""

_LEAST_CELL, _MOST_CELL = 48, 128  # pixels: small inputs are enlarged, large ones reduced
_MOST_NAME = 150
_TEXT = 13
_OUTLIERS = 0.02
_GAP = 3
_MARGIN = 10
_PAPER, _INK, _NOTHING = (255, 255, 255), (40, 40, 40), (238, 238, 238)

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class SheetPlan:
    """Which example stands where.

    Args:
        domains: indices of the domains, one a row.
        labels: indices of the labels, one a column; a label may have several columns, side by side.
        examples: index of the example in each row and column; None where the domain has no further one of the label.
    """

    domains: tuple[int, ...]
    labels: tuple[int, ...]
    examples: tuple[tuple[int | None, ...], ...]


def plan_sheet(dataset: DomainDataset, *, rows: int = MOST_ROWS, columns: int = MOST_COLUMNS) -> SheetPlan:
    """Choose domains and labels, evenly spread over the dataset's, and the first example of each pair.

    Labels that every chosen domain has go before those that some lack. Fewer labels than columns have several columns
    each.

    Args:
        dataset: of examples.
        rows: at most, from 1 to LARGEST.
        columns: likewise.

    Raises:
        SettingsError: no rows or no columns, or too many.

    Example:
        >>> dataset = DomainDataset.from_arrays(
        ...     np.zeros((5, 2)), ["a", "a", "b", "a", "b"], [1, 1, 1, 2, 2], name="example"
        ... )
        >>> plan_sheet(dataset, rows=2, columns=5).examples
        ((0, 1, 2, None), (3, None, 4, None))
    """
    for what, number in (("rows", rows), ("columns", columns)):
        if not 1 <= number <= LARGEST:
            raise SettingsError(f"a sheet has 1 to {LARGEST} {what}, not {number}")
    found: dict[tuple[int, int], list[int]] = {}
    for index, pair in enumerate(zip(dataset.domains.tolist(), dataset.labels.tolist(), strict=True)):
        found.setdefault(pair, []).append(index)
    domains = _spread(sorted({domain for domain, _ in found}), rows)
    coverage = {label: sum((domain, label) in found for domain in domains) for _, label in found}
    labels: list[int] = []
    for n_domains in sorted(set(coverage.values()) - {0}, reverse=True):
        candidates = sorted(label for label, n in coverage.items() if n == n_domains)
        labels += _spread(candidates, columns - len(labels))
    labels.sort()
    each = columns // len(labels)
    examples = tuple(
        tuple(example for label in labels for example in _first(found.get((domain, label), []), each))
        for domain in domains
    )
    return SheetPlan(tuple(domains), tuple(label for label in labels for _ in range(each)), examples)


def _spread(values: Sequence[int], most: int) -> list[int]:
    """At most so many of the values, at equal distances from the first to the last."""
    if len(values) <= most:
        return list(values)
    return [values[round(place)] for place in np.linspace(0, len(values) - 1, most)]


def _first(examples: list[int], n: int) -> list[int | None]:
    return [*examples[:n], *[None] * (n - len(examples))]


def draw_sheet(dataset: DomainDataset, plan: SheetPlan) -> Image.Image:
    """Draw the examples of a plan, domains' names on the left and labels' names above.

    Inputs in [0, 1] are drawn as they are. Where any of those drawn lies outside, all are scaled by their common range.
    Inputs of one channel that need scaling and are no squares are taken for spectrograms, (1, frequencies, times):
    they are drawn with low frequencies at the bottom, and the range is that of all but the 2 % smallest and the 2 %
    largest values.

    Args:
        dataset: of inputs with shape (n, channels, height, width), with 1 or 3 channels.
        plan: from `plan_sheet`.

    Raises:
        DataError: inputs of another shape.
    """
    return lay_out(
        _pictures(dataset, plan),
        rows=[dataset.domain_names[domain] for domain in plan.domains],
        columns=[(dataset.label_names[label], plan.labels.count(label)) for label in dict.fromkeys(plan.labels)],
    )


def lay_out(
    pictures: Sequence[Sequence[NDArray[np.uint8] | None]],
    *,
    rows: Sequence[str],
    columns: Sequence[tuple[str, int]],
    least_cell: int = _LEAST_CELL,
) -> Image.Image:
    """Lay pictures out in rows and columns, with names on the left and above.

    Args:
        pictures: by row, each a picture a column: (height, width) or (height, width, 1 or 3), of one size; None leaves
            a gap.
        rows: their names.
        columns: names of neighbouring columns that belong together, and how many they are; these stand closer.
        least_cell: of a picture's longer side, in pixels; smaller ones are enlarged by a whole number.
    """
    height, width = next(picture.shape[:2] for row in pictures for picture in row if picture is not None)
    cell_width, cell_height = _cell(width, height, least_cell)
    font = ImageFont.load_default(size=_TEXT)
    row_names = [_fitted(name, font, _MOST_NAME) for name in rows]
    places = _places([n for _, n in columns], cell_width)
    left = _MARGIN + max(round(font.getlength(name)) for name in row_names) + 2 * _GAP
    top = _MARGIN + round(1.5 * _TEXT)
    sheet = Image.new(
        "RGB",
        (
            left + places[-1] + cell_width + _MARGIN,
            top + len(rows) * (cell_height + _GAP) - _GAP + _MARGIN,
        ),
        _PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    for middle, heading in _headings(columns, font, places, cell_width):
        draw.text((left + middle, _MARGIN), heading, fill=_INK, font=font, anchor="ma")
    for row, (name, shown) in enumerate(zip(row_names, pictures, strict=True)):
        y = top + row * (cell_height + _GAP)
        draw.text((left - 2 * _GAP, y + cell_height // 2), name, fill=_INK, font=font, anchor="rm")
        for place, picture in zip(places, shown, strict=True):
            x = left + place
            if picture is None:
                draw.rectangle((x, y, x + cell_width - 1, y + cell_height - 1), fill=_NOTHING)
            else:
                sheet.paste(_resized(picture, cell_width, cell_height), (x, y))
    return sheet


def _pictures(dataset: DomainDataset, plan: SheetPlan) -> list[list[NDArray[np.uint8] | None]]:
    shape = tuple(dataset.inputs.shape[1:])
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(
            f"{dataset.name} has inputs of shape {shape}, which are no pictures: a sheet shows (1, height, width) or "
            "(3, height, width)"
        )
    chosen = [example for row in plan.examples for example in row if example is not None]
    values = dataset.inputs[chosen].numpy()
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        if shape[0] == 1 and shape[1] != shape[2]:
            values = values[:, :, ::-1]
            # A cepstrum's first coefficient, one row of forty, would leave all others grey.
            low, high = np.quantile(values, (_OUTLIERS, 1 - _OUTLIERS))
        values = ((values - low) / (high - low or 1.0)).clip(0, 1)
    pixels = np.round(255 * values.transpose(0, 2, 3, 1)).astype(np.uint8)
    drawn = dict(zip(chosen, pixels, strict=True))
    return [[None if example is None else drawn[example] for example in row] for row in plan.examples]


def _cell(width: int, height: int, least: int) -> tuple[int, int]:
    """Width and height of a drawn input: a whole multiple, or a fraction, of its own."""
    longest = max(width, height)
    scale = -(-least // longest) if longest <= _MOST_CELL else _MOST_CELL / longest
    return max(1, round(scale * width)), max(1, round(scale * height))


def _resized(picture: NDArray[np.uint8], width: int, height: int) -> Image.Image:
    image = Image.fromarray(picture.squeeze(-1) if picture.shape[2:] == (1,) else picture)
    # Enlarged pixels stay squares: what a net sees is what is shown.
    method = Image.Resampling.NEAREST if width >= image.width else Image.Resampling.LANCZOS
    return image.resize((width, height), method).convert("RGB")


def _places(groups: Sequence[int], cell_width: int) -> list[int]:
    """Each column's left edge, from that of the first; those of a group stand closer than others."""
    between = _GAP if max(groups) == 1 else 4 * _GAP
    of_column = [group for group, n in enumerate(groups) for _ in range(n)]
    return [column * (cell_width + _GAP) + group * (between - _GAP) for column, group in enumerate(of_column)]


def _headings(
    columns: Sequence[tuple[str, int]], font: _Font, places: Sequence[int], cell_width: int
) -> Iterator[tuple[float, str]]:
    """Where the middle of each group of columns is, and its name as it fits there."""
    first = 0
    for name, n in columns:
        edges = places[first : first + n]
        width = edges[-1] + cell_width - edges[0]
        yield edges[0] + width / 2, _fitted(name, font, width)
        first += n


def _fitted(name: str, font: _Font, most_pixels: float) -> str:
    """A name on one line, shortened in its middle where it is too long: many names differ at their ends alone."""
    name = "".join(_drawable(character) if character.isprintable() else "?" for character in name)
    if font.getlength(name) <= most_pixels:
        return name
    for n_kept in range(len(name) - 1, -1, -1):
        shortened = f"{name[: (n_kept + 1) // 2]}...{name[len(name) - n_kept // 2 :]}"
        if font.getlength(shortened) <= most_pixels:
            return shortened
    return ""


def _drawable(character: str) -> str:
    """Without its marks where it is not of Latin-1, which is all that Pillow's own font has."""
    if ord(character) < 256:
        return character
    bare = unicodedata.normalize("NFKD", character)
    return "".join(part for part in bare if not unicodedata.combining(part))
