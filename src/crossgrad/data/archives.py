"""Files in a zip or tar archive, or in a folder, one after another: read in memory, never unpacked to the disk."""

import bz2
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from crossgrad.data.naming import quoted
from crossgrad.errors import DataError, DataWarning

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_UNPACKERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"BZh": bz2.open,
}
_ENCRYPTED = 1  # the bit of a zip member's flags
_TAR_BLOCK = 512
_MOST_HEADER_BYTES = 2**20
_MOST_FILE_BYTES = 1_500_000_000
"""Of one file, which is in memory at a time: an hour of stereo at 48 kHz has 1.4 GB at the most, as 32-bit samples."""
_MOST_FILES = 1_000_000
"""In a tar archive, whose empty files pack to nothing: ten times those of the speech commands."""
# What the readers raise; RuntimeError is encryption or an unknown compression.
_DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)


def read_files(place: Path, *, most_bytes: int) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Read every file of a folder, or of a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz archive, told by their content.

    Nothing is written anywhere, so that no name in an archive can lead out of a folder; names that try are refused all
    the same, since nobody honest writes them.

    Args:
        place: the folder or archive.
        most_bytes: that all files may have together when unpacked; more is refused before it is read.

    Yields:
        Each file's path within, and its content: sorted by path in a folder and a zip archive, in the archive's order
        in a tar archive. Hidden files (.name, __MACOSX) are passed over.

    Raises:
        DataError: missing, no archive, damaged, cut short, encrypted, larger than `most_bytes`, with a file of more
            than 1.5 GB, with a path that is absolute or contains "..", or with a link or a device in an archive.

    Warns:
        DataWarning: links to folders in a folder, which may lead anywhere, and links to nothing, pipes and devices;
            they are left out.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.txt").write_text("one")
        ...     [(str(path), content) for path, content in read_files(Path(folder), most_bytes=100)]
        [('a.txt', b'one')]
    """
    if not place.exists():
        raise DataError(f"no such file or folder: {str(place)!r}")
    if not (place.is_dir() or place.is_file()):
        raise DataError(f"{str(place)!r} is a pipe or a device; name a folder or an archive")
    try:
        if place.is_dir():
            yield from _of_folder(place, most_bytes)
        elif _start(place).startswith(_ZIP_STARTS):
            yield from _of_zip(place, most_bytes)
        else:
            yield from _of_tar(place, most_bytes)
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(f"{str(place)!r} is damaged, or no zip or tar archive: {error}") from error


def _of_folder(place: Path, most_bytes: int) -> Iterator[tuple[PurePosixPath, bytes]]:
    found = []
    left_out = []
    total = 0
    for root, folders, names in os.walk(place, onerror=_refuse):
        for name in folders + names:
            file = Path(root) / name
            path = PurePosixPath(file.relative_to(place).as_posix())
            if _is_hidden(path):
                continue
            if file.is_file():
                found.append((path, file))
                n_bytes = file.stat().st_size
                _check_file(place, str(path), n_bytes)
                total += n_bytes
            elif file.is_symlink() or not file.is_dir():
                left_out.append(str(path))
    _check_total(place, total, most_bytes)
    if left_out:
        warnings.warn(
            f"left out of {str(place)!r}, being links to folders or to nothing, pipes or devices: {len(left_out)}, "
            f"{quoted(sorted(left_out))}",
            DataWarning,
            stacklevel=3,
        )
    for path, file in sorted(found, key=lambda each: each[1]):
        yield path, file.read_bytes()


def _refuse(error: OSError) -> None:
    """A folder that is passed over would be a domain, or a part of one, that is missing without a word."""
    raise DataError(f"cannot read the folder {error.filename!r}: {error.strerror}") from error


def _of_zip(place: Path, most_bytes: int) -> Iterator[tuple[PurePosixPath, bytes]]:
    with zipfile.ZipFile(place) as archive:
        for member in archive.infolist():
            if not member.filename:
                raise zipfile.BadZipFile("a file without a name")
            if stat.S_ISLNK(member.external_attr >> 16):
                raise DataError(f"{str(place)!r} contains a link, {member.filename!r}, which is not read")
            if member.flag_bits & _ENCRYPTED:
                raise DataError(f"{str(place)!r} is encrypted; unpack it, and name the folder instead")
            _checked(place, member.filename)
        members = sorted((m for m in archive.infolist() if not m.is_dir()), key=lambda member: member.filename)
        _check_total(place, sum(member.file_size for member in members), most_bytes)
        total = 0
        for member in members:
            with archive.open(member) as file:
                # The sizes above are only what the archive says.
                content = file.read(min(_MOST_FILE_BYTES, most_bytes - total) + 1)
            _check_file(place, member.filename, len(content))
            total += len(content)
            _check_total(place, total, most_bytes)
            if not _is_hidden(path := _checked(place, member.filename)):
                yield path, content


def _of_tar(place: Path, most_bytes: int) -> Iterator[tuple[PurePosixPath, bytes]]:
    total = 0
    with _unpacked(place) as unpacked:
        bounded = _Bounded(unpacked)
        # The default is the locale's encoding, in which the same archive would have other names.
        with tarfile.open(fileobj=bounded, mode="r:", encoding="utf-8") as archive:
            for number, member in enumerate(archive, start=1):
                path = _checked(place, member.name)
                if number > _MOST_FILES:
                    raise DataError(f"{str(place)!r} has more than {_MOST_FILES:,} files: not read")
                if member.isdir():
                    continue
                if not member.isfile():
                    kind = "link" if member.issym() or member.islnk() else "device"
                    raise DataError(f"{str(place)!r} contains a {kind}, {member.name!r}, which is not read")
                if member.size < 0:  # the next member would be looked for further back, again and again
                    raise tarfile.ReadError("a file of negative size")
                total += member.size
                _check_total(place, total, most_bytes)
                _check_file(place, member.name, member.size)
                file = archive.extractfile(member)
                assert file is not None  # it is a regular file
                bounded.most_bytes = member.size
                content = file.read()
                bounded.most_bytes = _MOST_HEADER_BYTES
                if not _is_hidden(path):
                    yield path, content
        if bounded.last != bytes(_TAR_BLOCK):  # tarfile takes a damaged header, or none, for the end as well
            raise tarfile.ReadError("it is cut short")
        unpacked.read(_MOST_HEADER_BYTES)  # zeros, behind which a compressed file has its checksum


class _Bounded(io.BufferedIOBase):
    """A file of which nobody reads too much at once: tarfile reads what a header asks for."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        super().__init__()
        self._file, self.most_bytes = file, _MOST_HEADER_BYTES
        self.last = b""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= self.most_bytes:
            raise tarfile.ReadError("a header asks for more than is expected in all")
        self.last = self._file.read(size)
        return self.last

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _unpacked(place: Path) -> Any:
    start = _start(place)
    unpack = next((unpack for magic, unpack in _UNPACKERS.items() if start.startswith(magic)), None)
    return unpack(place) if unpack else place.open("rb")


def _start(place: Path) -> bytes:
    with place.open("rb") as file:
        return file.read(8)


def _checked(place: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or PureWindowsPath(name).drive:
        raise DataError(f"{str(place)!r} contains the path {name!r}, which leads out of its folder; it is not read")
    return path


def _is_hidden(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def _check_total(place: Path, total: int, most_bytes: int) -> None:
    if total > most_bytes:
        raise DataError(
            f"{str(place)!r} unpacks to more than {most_bytes / 1e6:.0f} MB, the most that is expected of it: not read"
        )


def _check_file(place: Path, name: str, n_bytes: int) -> None:
    if n_bytes > _MOST_FILE_BYTES:
        raise DataError(
            f"{name!r} in {str(place)!r} has more than {_MOST_FILE_BYTES / 1e6:.0f} MB, the most of one file: not read"
        )
