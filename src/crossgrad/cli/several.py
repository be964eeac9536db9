"""A command in every process that torchrun or accelerate started: which commands can, and that one process speaks."""

import os
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from functools import wraps

from crossgrad.errors import OtherProcessError, SettingsError


def alone() -> bool:
    """Whether no launcher started this process, or started it alone."""
    return os.environ.get("WORLD_SIZE", "1") == "1"


def speaks() -> bool:
    """Whether this process says what all that a launcher started would say."""
    return alone() or os.environ.get("RANK", "0") == "0"


def refuse_several(command: str) -> None:
    """Refuse a command that works in one process; only the first says so.

    Raises:
        SettingsError: a launcher started this process, the first among several.
        OtherProcessError: likewise, and it is not the first.
    """
    if alone():
        return
    if not speaks():
        raise OtherProcessError("the first process says why")
    raise SettingsError(
        f"crossgrad {command} was started in {os.environ['WORLD_SIZE']} processes, but only train is one training in "
        "several; start it by itself (compare and sweep spread their trainings by --jobs or --engine ray)"
    )


def in_every_process(command: Callable[..., None]) -> Callable[..., None]:
    """The command, which meets its like in the other processes; what it prints is printed by the first alone."""

    @wraps(command)
    def among_others(**options: object) -> None:
        if alone():
            command(**options)
            return
        from crossgrad.processes import joined
        from crossgrad.training.devices import resolve_device

        with joined(device=resolve_device(str(options["device"] or "cpu"))) as processes, ExitStack() as silence:
            if not processes.is_first:
                nowhere = silence.enter_context(open(os.devnull, "w"))
                silence.enter_context(redirect_stdout(nowhere))
                silence.enter_context(redirect_stderr(nowhere))
            command(**options)

    return among_others
