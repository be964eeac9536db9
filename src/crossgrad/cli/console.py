"""What is printed where: results to standard output, everything else to standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def say(text: str, *, style: str = "") -> None:
    err.print(Text(text, style=style), soft_wrap=True)  # a path that is cut in two cannot be copied


def count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


@contextmanager
def status(text: str) -> Iterator[Callable[[str], None]]:
    """A line on what is going on, while it does; what is yielded shows another one in its place."""
    if not err.is_terminal:
        yield lambda text: None
        return
    with err.status(text) as shown:
        yield shown.update
