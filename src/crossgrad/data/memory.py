"""How much memory data may take."""

import os
import re
from pathlib import Path

from crossgrad.errors import SettingsError

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE | re.ASCII)

_GROUPS = Path("/sys/fs/cgroup")
# Of a container's limit, its use, its counts, and that of files' contents that are given back as soon as memory is
# needed: by the second and by the first version of Linux's control groups.
_GROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)


def parse_bytes(text: str) -> int:
    """Read a number of bytes, with a unit if there is one; K, M, G and T are powers of 1024.

    Raises:
        SettingsError: it is not written so.

    Example:
        >>> parse_bytes("2G"), parse_bytes("1.5 MiB"), parse_bytes("0")
        (2147483648, 1572864, 0)
    """
    if not (match := _SIZE.fullmatch(text.strip())):
        raise SettingsError(f"memory is a number of bytes, such as 500M or 2G, not {text!r}")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def free_memory() -> int:
    """Bytes that this process could take: the machine's, or what its container has left of its limit."""
    return int(min(_free_on_machine(), _free_in_container()))


def _free_on_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):  # not Linux
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _free_in_container() -> float:
    return min(_left_of_limit(*names) for names in _GROUP_FILES)


def _left_of_limit(limit: str, used: str, counts: str, cache: str) -> float:
    try:
        if (most := (_GROUPS / limit).read_text().strip()) == "max":
            return float("inf")
        lines = map(str.split, (_GROUPS / counts).read_text().splitlines())
        n_cached = next((int(line[1]) for line in lines if line[0] == cache), 0)
        return max(0, int(most) - int((_GROUPS / used).read_text()) + n_cached)
    except (OSError, ValueError, IndexError):  # no limits of this version
        return float("inf")
