"""What may be opened and read to its end: files, not pipes and devices."""

import os
import stat


def what_is_no_file(path: str | os.PathLike[str]) -> str | None:
    """Why a path is not to be opened: what it leads to would be waited for, or has no end; None for files and folders.

    Raises:
        OSError: nothing is there.

    Example:
        >>> what_is_no_file("/dev/null")
        'it is a device; write it to a file first'
    """
    mode = os.stat(path).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    is_device = stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
    return f"it is a {'device' if is_device else 'pipe'}; write it to a file first"
