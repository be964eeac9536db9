"""Words on how far a long reading is."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Tell = Callable[[str], None]
"""Called now and then with what is being done; the command line shows the last that was said."""

T = TypeVar("T")

STRIDE = 250
"""Items between two words."""


def tell_nobody(words: str) -> None:
    """Where nobody listens."""


def telling(items: Sequence[T], what: str, tell: Tell) -> Iterator[T]:
    """The items, telling how many of them were taken.

    Example:
        >>> for _ in telling(range(300), "files are read", print): pass
        0 of 300 files are read
        250 of 300 files are read
    """
    for number, item in enumerate(items):
        if number % STRIDE == 0:
            tell(f"{number:,} of {len(items):,} {what}")
        yield item
