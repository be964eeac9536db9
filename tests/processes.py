"""The command line in processes of its own, to be stopped in the middle."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

COMMAND = [sys.executable, "-c", "from crossgrad.cli import main; main()"]


def start(arguments: Sequence[str], folder: Path) -> "subprocess.Popen[str]":
    """The command in a folder, in a process group of its own, as a shell starts it."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def descendants(pid: int) -> list[int]:
    """Processes below one, those whose parent has ended excepted."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (fields := _stat(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    found, below = [], [pid]
    while below:
        above = below.pop()
        children = [child for child, parent in parents.items() if parent == above]
        found += children
        below += children
    return found


def workers(pid: int) -> list[int]:
    """Processes that multiprocessing started below one to work for it, the tracker of its resources excepted."""
    return [child for child in descendants(pid) if b"spawn_main" in _command_line(child)]


def is_running(pid: int) -> bool:
    fields = _stat(pid)
    return bool(fields) and fields[0] != "Z"


def wait_until(condition: Callable[[], object], *, seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.01)


def end(process: "subprocess.Popen[str]") -> None:
    """Leave nothing behind where a test fails."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _stat(pid: int) -> list[str]:
    """State, parent, ... of a process; nothing where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
