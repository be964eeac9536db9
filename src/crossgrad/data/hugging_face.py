"""The columns of a Hugging Face dataset; asked for by their names, so that the library need not be imported here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from PIL import Image
from torch import Tensor

from crossgrad.data.naming import choices, name_indices, quoted
from crossgrad.errors import DataError


@dataclass(frozen=True, eq=False)
class CellOf:
    """By an index, the value in a column; whole numbers as uint8 where they are bytes."""

    dataset: Any
    column: str
    are_bytes: bool = False

    def __call__(self, index: int) -> Any:
        try:
            value = self.dataset[index][self.column]
        except ValueError as error:  # Arrow's, of a grid in which a value is missing
            raise DataError(f"example {index}, {self.column!r}: {error}") from error
        # Asked for uint8, the library would make a missing value 0; by itself it gives floats with NaN then.
        return value.astype(np.uint8) if self.are_bytes and np.asarray(value).dtype.kind in "iu" else value


def input_cells(dataset: Any, column: str) -> CellOf:
    """The values of a column: Pillow images as they are, all others as arrays of the column's own type.

    Raises:
        DataError: the dataset is empty.
    """
    if len(dataset) == 0:
        raise DataError("the dataset is empty")
    alone = dataset.select_columns([column]).with_format(None)  # no other column is decoded along with it
    if isinstance(alone[0][column], Image.Image):
        return CellOf(alone, column)
    feature = dataset.features[column]
    while hasattr(feature, "feature"):  # of sequences
        feature = feature.feature
    # Left to itself it makes int64 of all integers; of uint8 it is known that 255 is white.
    return CellOf(alone.with_format("numpy"), column, getattr(feature, "dtype", None) == "uint8")


def check_columns(dataset: Any, wanted: Mapping[str, str]) -> None:
    """Refuse what is no such dataset, or has no such columns.

    Args:
        dataset: one split.
        wanted: columns by their role.

    Raises:
        DataError: says what it is, or what columns there are.
    """
    columns = getattr(dataset, "column_names", None)
    if isinstance(columns, Mapping):
        raise DataError(f"name one split of it, such as dataset[{next(iter(columns))!r}]; there are {quoted(columns)}")
    if columns is None or not hasattr(dataset, "__len__") or not hasattr(dataset, "select_columns"):
        raise DataError(
            f"a {type(dataset).__name__} is no Hugging Face dataset with examples by index; load one without streaming"
        )
    for role, column in wanted.items():
        if column not in columns:
            raise DataError(f"no {role} column {column!r}{choices(column, columns)}")


def named_column(dataset: Any, column: str, *, what: str) -> tuple[Int[Tensor, " n"], tuple[str, ...]]:
    """A column as indices and their names: those of a ClassLabel in its order as far as they occur, others sorted.

    Args:
        dataset: checked by `check_columns`.
        column: of a ClassLabel, or of strings or integers.
        what: the values are, for messages: "labels" or "domains".

    Raises:
        DataError: values that are no names, or missing ones, which ClassLabel has as -1.
    """
    values = list(dataset.with_format(None)[column])
    names = getattr(dataset.features[column], "names", None)
    if names is None:
        return name_indices(values, what=what)
    if unknown := [value for value in values if value is None or not 0 <= value < len(names)]:
        raise DataError(
            f"{len(unknown)} of {len(values)} {what} have no name, the first is {unknown[0]!r}; leave them out"
        )
    present = sorted(set(values))
    place = {value: index for index, value in enumerate(present)}
    return torch.tensor([place[value] for value in values]), tuple(names[value] for value in present)
