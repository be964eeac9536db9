"""The inputs, labels and domains of a torch Dataset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from crossgrad.data.telling import Tell, telling
from crossgrad.errors import DataError


@dataclass(frozen=True, eq=False)
class FirstOf:
    """By an index, the first of a dataset's item; the item itself where it is no tuple and no list."""

    dataset: Any

    def __call__(self, index: int) -> Any:
        item = self.dataset[index]
        return item[0] if isinstance(item, tuple | list) else item


def check_map_style(dataset: Any) -> None:
    """Refuse what cannot be asked for an item by its index.

    Raises:
        DataError: says what is missing.
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise DataError(
            f"{type(dataset).__name__} has no length or no items by index; batches are drawn at random, which takes a "
            "map-style dataset: __len__ and __getitem__"
        )


def labels_and_domains(dataset: Any, tell: Tell) -> tuple[list[Any], list[Any]]:
    """The labels and domains of all items (input, label, domain), each read once; tensors as Python's values.

    Raises:
        DataError: an item is none such.
    """
    labels, domains = [], []
    for index in telling(range(len(dataset)), "items are read for their labels and domains", tell):
        item = dataset[index]
        if not isinstance(item, Sequence) or isinstance(item, str) or len(item) != 3:
            raise DataError(
                f"item {index} is {type(item).__name__}{f' of {len(item)}' if hasattr(item, '__len__') else ''}, not "
                "(input, label, domain); where items hold no labels or domains, give labels=... and domains=..."
            )
        labels.append(_plain(item[1]))
        domains.append(_plain(item[2]))
    return labels, domains


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) and value.ndim == 0 else value
