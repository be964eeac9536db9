"""A table of the paper with ours in it."""

from collections.abc import Mapping
from dataclasses import dataclass

Cell = str | int | None


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper with ours in it.

    Args:
        title: as a sentence without an end.
        columns: headings by the keys of the rows' cells, in their order.
        rows: cells by key; None: not to be told.
        notes: what a reader has to know beside the numbers.

    Raises:
        ValueError: a row has other cells than there are columns.
    """

    title: str
    columns: Mapping[str, str]
    rows: tuple[Mapping[str, Cell], ...]
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if set(row) != set(self.columns):
                raise ValueError(f"a row has the cells {sorted(row)}, not those of the columns {sorted(self.columns)}")
