"""Raw files fetched from where they are published: checked, and never half there."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

from crossgrad.data.partial_files import partial_beside
from crossgrad.data.raw_files import RawFile
from crossgrad.errors import DataError

Follow = Callable[[RawFile, int, int], None]
"""Told while a file comes: which, bytes so far (0 whenever it starts anew), bytes in all."""

_TIMEOUT_SECONDS = (10, 60)  # to be connected; then between any two pieces
_MOST_SPARE_BYTES = 2**20  # beyond twice the file's own size, for copies that others packed anew
_PASSING = (408, 429, 500, 502, 503, 504)  # answers that may be others a moment later


def _follow_nothing(file: RawFile, done_bytes: int, total_bytes: int) -> None:
    pass


def fetch(
    files: Sequence[RawFile], *, follow: Follow = _follow_nothing, pauses: Sequence[float] = (0.5, 2.0, 5.0)
) -> None:
    """Fetch raw files that are not here, one after another.

    A file comes under a temporary name in its own folder, and gets its name when it is whole and its checksum right;
    what was broken off is started anew. The first address is CROSSGRAD_MIRROR's where that is set (a base address,
    under which files lie by their `RawFile.path`), then `RawFile.urls` in order. Proxies are taken from HTTP_PROXY,
    HTTPS_PROXY and NO_PROXY.

    Args:
        files: those that are here already are checked and left as they are.
        follow: is told while files come.
        pauses: seconds to wait before an address is tried again where its answer may be another a moment later (the
            connection was cut, the server is busy); there are as many tries more as pauses.

    Raises:
        DataError: a file cannot be had, written, or be fetched by a program at all; or the one that is here already is
            another. The message says what to do by hand. Files before it have been fetched.
    """
    for file in files:
        if file.place.exists():
            _check(file)
        else:
            _fetch(file, follow, pauses)


def _check(file: RawFile) -> None:
    try:
        is_it = file.is_published_as(file.place)
    except OSError as error:
        raise DataError(f"{str(file.place)!r} cannot be read: {error.strerror}") from error
    if not is_it:
        raise DataError(
            f"{str(file.place)!r} is not the file that is published as {file.path!r} (sha256 {file.sha256}), and is "
            "left as it is; delete it or put it elsewhere, and it will be fetched"
        )


def _fetch(file: RawFile, follow: Follow, pauses: Sequence[float]) -> None:
    urls = _urls(file)
    if not urls:
        raise DataError(
            f"{file.path!r} cannot be fetched by a program; get it by hand and put it at {str(file.place)!r}"
        )
    reasons = []
    with _writable(file) as partial:
        for url in urls:
            reason = _fetch_from(url, file, partial, follow, pauses)
            if reason is None:
                os.replace(partial, file.place)
                return
            reasons.append(f"{url}: {reason}")
    raise DataError(
        f"{file.path!r} could not be fetched ({'; '.join(reasons)}); try again later, or fetch it by hand from "
        f"{file.urls[0] if file.urls else urls[0]} and put it at {str(file.place)!r}"
    )


def _urls(file: RawFile) -> tuple[str, ...]:
    mirror = os.environ.get("CROSSGRAD_MIRROR")
    if file.sha256 is None or not mirror:
        return file.urls
    return (f"{mirror.rstrip('/')}/{quote(file.path)}", *file.urls)


@contextmanager
def _writable(file: RawFile) -> Iterator[Path]:
    """A temporary name beside the file's own, and what goes wrong with writing there told with what to do."""
    place = file.place
    try:
        with partial_beside(place) as partial:
            yield partial
    except OSError as error:
        by_hand = f", or fetch it by hand from {file.urls[0]} and put it there" if file.urls else ""
        raise DataError(
            f"{file.path!r} cannot be written to {str(place)!r}: {error.strerror or error}; make room, make the "
            f"folder writable, name another by CROSSGRAD_DATA{by_hand}"
        ) from error


def _fetch_from(url: str, file: RawFile, partial: Path, follow: Follow, pauses: Sequence[float]) -> str | None:
    """Fetch a file from one address under a temporary name; why it is not there, or None if it is."""
    import pooch
    import requests

    # Servers that pack files while sending them would send other bytes than those of the checksum.
    download = pooch.HTTPDownloader(chunk_size=2**16, timeout=_TIMEOUT_SECONDS, headers={"Accept-Encoding": "identity"})
    reason = ""
    for pause in (0.0, *pauses):
        time.sleep(pause)
        try:
            with partial.open("wb") as opened:
                download(url, _Followed(opened, file, follow), None)
                os.fsync(opened.fileno())
        except requests.HTTPError as error:
            answer = cast(requests.Response, error.response)  # never None: the error is about an answer
            reason = f"{answer.status_code} {answer.reason}"
            if answer.status_code not in _PASSING:
                return reason
        except requests.exceptions.SSLError as error:
            return f"its certificate is not trusted: {error}"
        except requests.exceptions.ProxyError:
            reason = "the proxy gave no connection"
        except requests.Timeout:
            reason = "no answer in time"
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            reason = "no connection, or it was cut"
        except (requests.RequestException, ValueError) as error:
            return str(error)
        else:
            if file.is_published_as(partial):
                return None
            return (
                f"{partial.stat().st_size:,} bytes that are not the file (sha256 {file.sha256}, {file.n_bytes:,} bytes)"
            )
    return reason


class _Followed:
    """A file that tells how far it is, and takes no more than it may be long."""

    def __init__(self, opened: BinaryIO, file: RawFile, follow: Follow) -> None:
        self._opened, self._file, self._follow = opened, file, follow
        self._done_bytes = 0
        follow(file, 0, file.n_bytes)

    def write(self, chunk: bytes) -> None:
        self._done_bytes += len(chunk)
        if self._done_bytes > 2 * self._file.n_bytes + _MOST_SPARE_BYTES:
            raise ValueError(f"more than the file is long ({self._file.n_bytes:,} bytes); it was not taken to its end")
        self._opened.write(chunk)
        self._follow(self._file, self._done_bytes, self._file.n_bytes)

    def flush(self) -> None:
        pass  # the downloader flushes every piece, which would be a write to the disk for each
