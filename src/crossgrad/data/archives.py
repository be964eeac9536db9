"""Files in a zip or tar archive, or in a folder, one after another: read in memory, never unpacked to the disk."""

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from crossgrad.errors import DataError

_DAMAGE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, tarfile.TarError, RuntimeError)


def read_files(place: Path, *, most_bytes: int) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Read every file of a folder, or of a .zip, .tar, .tar.gz, .tgz or .tar.xz archive.

    Nothing is written anywhere, so that no name in an archive can lead out of a folder; names that try are refused all
    the same, since nobody honest writes them.

    Args:
        place: the folder or archive.
        most_bytes: that all files may have together when unpacked; more is refused before it is read.

    Yields:
        Each file's path within, and its content: sorted by path in a folder and a zip archive, in the archive's order
        in a tar archive. Hidden files (.name, __MACOSX) are passed over.

    Raises:
        DataError: missing, no archive, damaged, larger than `most_bytes`, or with a path that is absolute or contains
            "..", or with a link or a device in an archive.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.txt").write_text("one")
        ...     [(str(path), content) for path, content in read_files(Path(folder), most_bytes=100)]
        [('a.txt', b'one')]
    """
    if place.is_dir():
        yield from _of_folder(place, most_bytes)
        return
    if not place.is_file():
        raise DataError(f"no such file or folder: {str(place)!r}")
    try:
        if zipfile.is_zipfile(place):
            yield from _of_zip(place, most_bytes)
        else:
            yield from _of_tar(place, most_bytes)
    except _DAMAGE as error:
        raise DataError(f"{str(place)!r} is damaged, or no zip or tar archive: {error}") from error


def _of_folder(place: Path, most_bytes: int) -> Iterator[tuple[PurePosixPath, bytes]]:
    found = []
    total = 0
    for file in sorted(place.rglob("*")):
        path = PurePosixPath(file.relative_to(place).as_posix())
        if file.is_file() and not _is_hidden(path):
            found.append((path, file))
            total += file.stat().st_size
    _check_total(place, total, most_bytes)
    for path, file in found:
        yield path, file.read_bytes()


def _of_zip(place: Path, most_bytes: int) -> Iterator[tuple[PurePosixPath, bytes]]:
    with zipfile.ZipFile(place) as archive:
        members = sorted((m for m in archive.infolist() if not m.is_dir()), key=lambda member: member.filename)
        for member in archive.infolist():
            if stat.S_ISLNK(member.external_attr >> 16):
                raise DataError(f"{str(place)!r} contains a link, {member.filename!r}, which is not read")
            _checked(place, member.filename)
        _check_total(place, sum(member.file_size for member in members), most_bytes)
        total = 0
        for member in members:
            with archive.open(member) as file:
                content = file.read(most_bytes - total + 1)  # the sizes above are only what the archive says
            total += len(content)
            _check_total(place, total, most_bytes)
            if not _is_hidden(path := _checked(place, member.filename)):
                yield path, content


def _of_tar(place: Path, most_bytes: int) -> Iterator[tuple[PurePosixPath, bytes]]:
    total = 0
    with tarfile.open(place, "r:*") as archive:
        for member in archive:
            path = _checked(place, member.name)
            if member.isdir():
                continue
            if not member.isfile():
                kind = "link" if member.issym() or member.islnk() else "device"
                raise DataError(f"{str(place)!r} contains a {kind}, {member.name!r}, which is not read")
            total += member.size
            _check_total(place, total, most_bytes)
            file = archive.extractfile(member)
            assert file is not None  # it is a regular file
            if not _is_hidden(path):
                yield path, file.read()


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
