"""Files packed by gzip, read whole and no further than they should go."""

import gzip
import zlib
from pathlib import Path

from crossgrad.errors import DataError


def read_gzip(place: Path, *, most_bytes: int) -> bytes:
    """Read what a .gz file unpacks to.

    Args:
        place: of the file.
        most_bytes: that it may unpack to; unpacking stops there, so that a small file cannot fill the memory.

    Raises:
        DataError: missing, damaged, cut short, no gzip file, or larger than `most_bytes`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     place = Path(folder, "a.gz")
        ...     _ = place.write_bytes(gzip.compress(b"one"))
        ...     read_gzip(place, most_bytes=3)
        b'one'
    """
    if not place.is_file():
        raise DataError(f"no such file: {str(place)!r}")
    try:
        with gzip.open(place) as file:
            content = file.read(most_bytes + 1)
            # Where the limit is met exactly, the end has not been seen yet, and the checksum comes after it.
            if len(content) > most_bytes or file.read(1):
                raise DataError(
                    f"{str(place)!r} unpacks to more than {most_bytes:,} bytes, the most that is expected of it"
                )
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{str(place)!r} is damaged, or no gzip file: {error}") from error
    return bytes(content)
