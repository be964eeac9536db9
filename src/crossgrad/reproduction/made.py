"""What `crossgrad reproduce` makes under one name: a table, and pictures where there are some."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crossgrad.reproduction.paper_table import PaperTable


@dataclass(frozen=True)
class Made:
    """A table and its pictures.

    Args:
        table: the numbers.
        pictures: contents of files by their names.
    """

    table: PaperTable
    pictures: Mapping[str, bytes] = field(default_factory=dict)
