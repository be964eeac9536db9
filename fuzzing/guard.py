"""What must not happen while something hostile is read: told at once, and not to be caught by the reader."""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

MOST_SECONDS = 10.0
"""Of a CPU, for one input."""

MOST_BYTES = 2 * 2**30
"""Of address space beyond what the process has when it begins."""

_NEVER = {
    "pickle.find_class",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "pty.spawn",
    "subprocess.Popen",
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "code.__new__",
    "webbrowser.open",
    "ctypes.dlopen",
    "sys.settrace",
    "marshal.load",
}
"""Audit events (PEP 578) of running code, starting processes and using the network."""

_CHANGES = {
    "os.remove": 1,
    "os.rename": 2,
    "os.mkdir": 1,
    "os.rmdir": 1,
    "os.symlink": 2,
    "os.link": 2,
    "os.truncate": 1,
    "os.chmod": 1,
    "os.chown": 1,
    "shutil.rmtree": 1,
    "shutil.move": 2,
    "shutil.copyfile": 2,
}
"""Audit events of changes to files, and how many of their arguments are paths."""

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_TRUSTED = tuple(str(Path(place).resolve()) for place in (sys.prefix, sys.base_prefix, Path(__file__).parents[1]))
_EVALUATES = ("typing", "dataclasses", "collections", "jinja2.", "beartype.", "jaxtyping.", "importlib.", "enum")
"""Modules of the language and of libraries that compile text of their own."""


_SOUGHT = frozenset({"equinox", "wadler_lindig"})
"""What jaxtyping looks for where it tells of a wrong type, in tests alone; the first may not be there."""


class ForbiddenError(BaseException):
    """Something that no input may bring about; no reader catches it."""


class _Watch:
    """The audit hook, which cannot be taken away again, and what it looks at while it is on."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.modules: frozenset[str] = frozenset()
        self.seen: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event in _NEVER:
            self._refuse(event, arguments)
        elif event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES:
                self._check_place(event, path)
        elif event in _CHANGES:
            for path in arguments[: _CHANGES[event]]:
                self._check_place(event, path)
        elif event == "import":
            if arguments[0].partition(".")[0] not in self.modules:
                self._refuse(event, arguments[:1])
        elif event == "exec":
            self._check_code(arguments[0])

    def _check_place(self, event: str, path: Any) -> None:
        if not isinstance(path, str | bytes | os.PathLike):  # a descriptor, whose opening was looked at
            return
        place = os.path.realpath(os.fsdecode(path))
        if not (place == os.devnull or place == self.folder or place.startswith(f"{self.folder}/")):
            self._refuse(event, (path,))

    def _check_code(self, code: Any) -> None:
        """Code from a file of the installation is the program's own; so is what its libraries compile."""
        if os.path.realpath(code.co_filename).startswith(_TRUSTED) or code.co_filename.startswith("<frozen "):
            return
        caller = sys._getframe(2).f_globals.get("__name__", "")
        if not f"{caller}.".startswith(tuple(f"{name.rstrip('.')}." for name in _EVALUATES)):
            self._refuse("exec", (code.co_filename, caller))

    def _refuse(self, event: str, arguments: tuple[Any, ...]) -> None:
        self.seen.append(f"{event} {arguments!r}")
        raise ForbiddenError(self.seen[-1])


_watch = _Watch()
_is_installed: list[bool] = []


@contextmanager
def guarded(folder: Path, *, most_bytes: int) -> Iterator[None]:
    """While one input is read.

    Args:
        folder: files may be written to it, and nowhere else.
        most_bytes: of memory really used, beyond what the process has used before.

    Raises:
        ForbiddenError: code from the input was about to run, a process to start, a connection to open, a file outside
            the folder to change; or it took too much time or memory.
    """
    if not _is_installed:
        sys.addaudithook(_watch)
        _is_installed.append(True)
    before = _resident_bytes()
    handler = signal.signal(signal.SIGPROF, _too_long)
    # What has not been imported by now is imported by nobody but the input: who calls this has read a sound one before.
    _watch.modules = frozenset(name.partition(".")[0] for name in sys.modules) | _SOUGHT
    _watch.folder, _watch.seen = str(folder.resolve()), []
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _watch.folder = None
        signal.signal(signal.SIGPROF, handler)
    if _watch.seen:  # of something that lets no exception through
        raise ForbiddenError(_watch.seen[0])
    if (more := _resident_bytes() - before) > most_bytes:
        raise ForbiddenError(f"it took {more / 2**20:.0f} MiB of memory")


@contextmanager
def limited_memory() -> Iterator[None]:
    """Let the process have so much more memory than it has; what needs more fails as on a machine that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MOST_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _too_long(number: int, frame: FrameType | None) -> None:
    raise ForbiddenError(f"it took more than {MOST_SECONDS:.0f} s")


def _resident_bytes() -> int:
    """At its highest so far."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
