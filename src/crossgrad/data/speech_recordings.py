"""Recordings laid out as Google's Speech Commands: word/SPEAKER_nohash_N.wav, and _background_noise_/ANYTHING.wav."""

import re
import unicodedata
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from crossgrad.data.archives import read_files
from crossgrad.data.audio import audio_library, read_waveform
from crossgrad.data.naming import quoted
from crossgrad.data.speech_sound import SAMPLE_RATE_HZ
from crossgrad.errors import DataError, DataWarning

NOISE_FOLDER = "_background_noise_"

MOST_BYTES = 10_000_000_000
"""Unpacked, of all files together: three times version 0.02."""

_NAME = re.compile(r"(?P<speaker>.+)_nohash_\d+\.wav", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Recording:
    """One recorded word.

    Args:
        speaker: who says it; only its name in the file names is known.
        word: that is said, in Unicode's normal form C.
        path: within the folder or archive.
    """

    speaker: str
    word: str
    path: PurePosixPath


def list_recordings(place: Path) -> tuple[list[Recording], list[NDArray[np.float32]]]:
    """Find out which recordings there are, and read the noise.

    Labels are normalised, since a file system or an archive may hold "ą" as one character or as two. Recordings are
    known by their names alone here, but everything is read once, since a compressed archive cannot be skipped through;
    one file is in memory at a time.

    Args:
        place: a folder or an archive; the words' folders may lie deeper in it.

    Returns:
        Recordings, sorted by speaker, word and path; and the noise, float32 waveforms at 16 kHz, sorted by path.

    Raises:
        DataError: missing, damaged, or without a single recording; or the extra `audio` is not installed.

    Warns:
        DataWarning: sounds whose names say no speaker, or noise that cannot be read; they are left out.
    """
    audio_library("soundfile")  # first, since below it would be taken for damage of every file
    recordings: set[Recording] = set()  # a tar archive may hold a path twice: the later file replaces the earlier one
    noise, nameless = {}, []
    damaged: dict[str, str] = {}
    for path, content in read_files(place, most_bytes=MOST_BYTES):
        if path.suffix.lower() != ".wav":
            continue
        word, name = (unicodedata.normalize("NFC", part) for part in (path.parent.name, path.name))
        if word == NOISE_FOLDER:
            try:
                noise[name] = read_waveform(BytesIO(content), sample_rate_hz=SAMPLE_RATE_HZ)
            except DataError as error:
                damaged[str(path)] = str(error)
        elif word and (found := _NAME.fullmatch(name)):
            recordings.add(Recording(found["speaker"], word, path))
        else:
            nameless.append(str(path))
    if not recordings:
        raise DataError(f"{str(place)!r} holds no recording with a name like yes/SPEAKER_nohash_0.wav")
    if nameless:
        _warn(f"names of {len(nameless)} files say no word and speaker (yes/SPEAKER_nohash_0.wav)", nameless)
    warn_of_damage(damaged)
    return sorted(recordings), [noise[name] for name in sorted(noise)]


def read_recordings(
    place: Path, paths: Collection[PurePosixPath]
) -> Iterator[tuple[PurePosixPath, NDArray[np.float32] | DataError]]:
    """Read recordings in the order in which they lie, one in memory at a time.

    Args:
        place: as for `list_recordings`.
        paths: of those that are wanted.

    Yields:
        Each path and its waveform at 16 kHz, shape (n,), or why it cannot be read.
    """
    for path, content in read_files(place, most_bytes=MOST_BYTES):
        if path in paths:
            try:
                yield path, read_waveform(BytesIO(content), sample_rate_hz=SAMPLE_RATE_HZ)
            except DataError as error:
                yield path, error


def warn_of_damage(damaged: dict[str, str]) -> None:
    """Say which recordings cannot be read, and why the first cannot; nothing where there is none."""
    if damaged:
        _warn(f"{len(damaged)} recordings cannot be read ({next(iter(damaged.values()))})", damaged)


def _warn(what: str, paths: Collection[str]) -> None:
    warnings.warn(f"{what}; they are left out: {quoted(paths)}", DataWarning, stacklevel=4)
