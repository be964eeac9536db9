"""What is printed where: results to standard output, everything else to standard error."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from crossgrad.printing import printable_lines

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def say(text: str, *, style: str = "") -> None:
    """Print what goes on; names and messages in it steer no terminal."""
    err.print(Text(printable_lines(text), style=style), soft_wrap=True)  # a path that is cut in two cannot be copied


def show_text(text: str) -> None:
    """Print a result in words; names in it steer no terminal."""
    out.print(Text(printable_lines(text)), soft_wrap=True)


def show_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a result as JSON; of ASCII on a terminal, where some that JSON may hold would steer it."""
    text = json.dumps(value, ensure_ascii=sys.stdout.isatty(), indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:  # a file's name that is no UTF-8
        text = json.dumps(value, indent=indent)
    print(text)


def count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def are(n: int) -> str:
    """The verb to a count."""
    return "is" if n == 1 else "are"


@contextmanager
def status(text: str) -> Iterator[Callable[[str], None]]:
    """A line on what is going on, while it does; what is yielded shows another one in its place."""
    if not err.is_terminal:
        yield lambda text: None
        return
    with err.status(text) as shown:
        yield shown.update
