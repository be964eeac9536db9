"""A training's log: one JSON line a stretch, so that it can be followed and drawn while it goes on and afterwards."""

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crossgrad.training.stretch import Stretch

LONGEST_LINE = 2**20
"""Bytes. Lines have some dozens of values and some sentences; a longer one is no training's."""


class Log:
    """The stretches of a training, in memory and in a file.

    The file has whole lines only, and no step twice: what a killed training left behind the point that it is resumed
    from, half a line included, is dropped. A file that begins with something else is somebody's own and stays as it is.

    Args:
        path: of the file; its folder is made with the first line. None keeps no file.

    Attributes:
        stretches: all of them, in order, those of before a resumption included.

    Example:
        >>> import tempfile
        >>> stretch = Stretch(
        ...     0, 10, means={"label_loss": 2.0}, seconds=1.0, waiting_seconds=0.0, n_examples=640, learning_rate=0.1
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Log(Path(folder) / "log.jsonl").append(stretch)
        ...     resumed = Log(Path(folder) / "log.jsonl")
        ...     resumed.drop_after(10)
        >>> resumed.stretches == [stretch]
        True
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.stretches: list[Stretch] = []

    def drop_after(self, step: int) -> None:
        """Take up what is in the file, without what it says of later steps: they are done again.

        Raises:
            OSError: the file cannot be read or written, or is no log.
        """
        if self.path is None or not self.path.exists():
            return
        _check_log(self.path)
        content = self.path.read_bytes()
        kept = [(line, stretch) for line, stretch in _whole_lines(content) if stretch.step <= step]
        self.stretches = [stretch for _, stretch in kept]
        if content != (lines := b"".join(line for line, _ in kept)):
            beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
            try:
                beside.write_bytes(lines)
                os.replace(beside, self.path)
            finally:
                beside.unlink(missing_ok=True)

    def append(self, stretch: Stretch) -> None:
        """Add a stretch.

        Raises:
            OSError: the file cannot be written, or is no log; it is as before.
        """
        self.stretches.append(stretch)
        if self.path is None:
            return
        if self.path.exists():
            _check_log(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = _to_line(stretch)
        with self.path.open("ab", buffering=0) as file:
            end = file.tell()
            try:
                while line:  # a nearly full disk takes the first part alone, and refuses the next
                    line = line[file.write(line) :]
            except OSError:
                os.ftruncate(file.fileno(), end)
                raise


def is_log(path: Path) -> bool:
    """Whether this is a training's log: a file that is empty, or begins with one of its lines or half of one."""
    if not path.is_file():  # a pipe would be waited for
        return False
    with path.open("rb") as file:
        first = file.readline(LONGEST_LINE)
    is_half = not first.endswith(b"\n") and first.startswith(b'{"step": ')  # of a training that was killed
    return not first or is_half or any(_whole_lines(first))


def _check_log(path: Path) -> None:
    if not is_log(path):
        raise OSError(errno.EINVAL, "it is there and is no log of a training", str(path))


def _to_line(stretch: Stretch) -> bytes:
    values: dict[str, Any] = {
        "step": stretch.step,
        "seconds": round(stretch.seconds, 6),
        "waiting_seconds": round(stretch.waiting_seconds, 6),
        "examples": stretch.n_examples,
        "examples_per_second": round(stretch.examples_per_second, 1),
        "learning_rate": stretch.learning_rate,
        **stretch.means,
    }
    if stretch.warnings:
        values["warnings"] = stretch.warnings
    return (json.dumps(values) + "\n").encode()


def _whole_lines(content: bytes) -> Iterator[tuple[bytes, Stretch]]:
    """The lines up to the first that `_to_line` did not write."""
    start = 0
    for line in content.splitlines(keepends=True):
        try:
            values = json.loads(line)
            warnings = values.pop("warnings", {})
            if not (_are_numbers(values, start) and all(isinstance(said, str) for said in warnings.values())):
                return
            stretch = Stretch(
                start=start,
                step=values.pop("step"),
                seconds=values.pop("seconds"),
                waiting_seconds=values.pop("waiting_seconds"),
                n_examples=values.pop("examples"),
                learning_rate=values.pop("learning_rate"),
                warnings=warnings,
                means={name: value for name, value in values.items() if name != "examples_per_second"},
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return
        if not line.endswith(b"\n"):
            return
        yield line, stretch
        start = stretch.step


def _are_numbers(values: dict[str, Any], start: int) -> bool:
    """Whether all that a line holds beside warnings is numbers (not true or false), and its step is after the last."""
    are_whole = all(type(values[name]) is int for name in ("step", "examples"))
    return are_whole and values["step"] > start and all(type(value) in (int, float) for value in values.values())
