"""The command line in this process."""

import signal
import sys
import warnings
from collections.abc import Callable
from typing import NamedTuple

import pytest

from crossgrad.cli import main


class Done(NamedTuple):
    """What a command ended with, and what it printed to standard output and to standard error."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


def commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command as its arguments say; what it changes in this process is put back."""

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["crossgrad", *arguments])
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
        terminated = signal.getsignal(signal.SIGTERM)
        try:
            with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
                main()
        finally:
            signal.signal(signal.SIGTERM, terminated)
        captured = capsys.readouterr()
        return Done(int(ended.value.code or 0), captured.out, captured.err)

    return run
