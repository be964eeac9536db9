"""Waveforms from audio files, and the stretch of one that holds the word."""

import importlib
import os
from io import BufferedReader, BytesIO, FileIO
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossgrad.data.regular_files import what_is_no_file
from crossgrad.errors import DataError
from crossgrad.extras import how_to_get

AudioFile = str | os.PathLike[str] | BufferedReader | BytesIO
"""A path, or a file opened for reading bytes."""

AUDIO_EXTENSIONS = (".wav", ".flac", ".ogg", ".mp3")

MOST_SAMPLES = 2 * 3600 * 48_000
"""Of all channels together: an hour of stereo at 48 kHz, 1.4 GB when decoded."""
RATES_HZ = (1_000, 768_000)
"""The lowest and highest sample rates that are believed."""

LARGEST_SAMPLE = 1e9
"""In files that hold floats, where full scale is 1."""

# Who writes to a pipe cannot know the length beforehand; ffmpeg writes 2**32 - 1 there, sox a little less than 2**31.
_UNKNOWN_LENGTH = 0x7EFF_0000
_UNKNOWN_LONG_LENGTH = 2**63
_IN_THE_LONG_CHUNK = 2**32 - 1

_CHUNKED = {
    (b"RIFF", b"WAVE"): "little",
    (b"RIFX", b"WAVE"): "big",
    (b"RF64", b"WAVE"): "little",
    (b"FORM", b"AIFF"): "big",
    (b"FORM", b"AIFC"): "big",
}
"""Byte order by how files of chunks begin: WAV, for more than 4 GB too, and AIFF."""


def audio_library(name: str) -> ModuleType:
    """Import one of the libraries of the extra `audio`.

    Raises:
        DataError: it is not installed, or the system lacks what it needs.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise DataError(f"audio needs {name}, which cannot be imported: {how_to_get('audio')}") from error


def check_audio_libraries() -> None:
    """Tell at once that a library is missing, and not of every file that it cannot be read.

    Raises:
        DataError: one of them is not installed, or the system lacks what it needs.
    """
    for name in ("soundfile", "soxr", "librosa"):
        audio_library(name)


def read_waveform(file: AudioFile, *, sample_rate_hz: int = 16_000) -> NDArray[np.float32]:
    """Read an audio file as one channel at the asked rate.

    What it is the content says, not the name: WAV (8, 16, 24, 32 bits or float), FLAC, Ogg Vorbis or Opus, MP3 and
    whatever else libsndfile reads (of rare kinds, such as W64, it takes a file that was cut off for a shorter one).
    Channels are averaged, then resampled by soxr (HQ, linear phase).

    Args:
        file: a path, or a file opened for reading bytes.
        sample_rate_hz: of the result.

    Returns:
        float32, shape (n,), nominally in [-1, 1]; resampling and float files may exceed that.

    Raises:
        DataError: missing, no audio, without samples, cut off, damaged, not finite, of an unbelievable sample rate or
            of more than MOST_SAMPLES; or the extra `audio` is not installed. The file is named.

    Example:
        >>> import io, soundfile
        >>> file = io.BytesIO()
        >>> soundfile.write(file, np.zeros((8_000, 2)), 8_000, format="WAV")
        >>> read_waveform(io.BytesIO(file.getvalue())).shape
        (16000,)
    """
    soundfile, soxr = audio_library("soundfile"), audio_library("soxr")
    try:
        if isinstance(file, str | os.PathLike):
            if reason := what_is_no_file(file):
                raise DataError(reason)
            # By its descriptor: soundfile would believe a name's .raw, and call back into Python for every read.
            with open(file, "rb", buffering=0) as stream:
                _check_length(stream)
                waveform, rate = _decode(stream.fileno(), soundfile, sample_rate_hz)
        else:
            _check_length(file)
            waveform, rate = _decode(file, soundfile, sample_rate_hz)
    except soundfile.LibsndfileError as error:  # whose own message begins with a descriptor's number
        raise DataError(f"cannot read audio {_name(file)}: {error.error_string}") from error
    except (DataError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"cannot read audio {_name(file)}: {why}") from error
    if rate == sample_rate_hz:
        return waveform
    resampled: NDArray[np.float32] = soxr.resample(waveform, rate, sample_rate_hz)
    if not len(resampled):
        raise DataError(f"cannot read audio {_name(file)}: {len(waveform)} samples at {rate} Hz are too few")
    return resampled


def _decode(
    source: int | BufferedReader | BytesIO, soundfile: Any, sample_rate_hz: int
) -> tuple[NDArray[np.float32], int]:
    """Channels averaged, shape (n,), at the file's own rate, and that rate; refused if too long at either rate."""
    with soundfile.SoundFile(source, closefd=False) as sound:
        rate, channels, n_samples = sound.samplerate, sound.channels, sound.frames
        if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
            raise DataError(f"a sample rate of {rate} Hz, not in {RATES_HZ[0]} to {RATES_HZ[1]}")
        if n_samples < 1:
            raise DataError("it has no samples")
        if n_samples * max(channels, sample_rate_hz / rate) > MOST_SAMPLES:
            raise DataError(
                f"{n_samples / rate:.0f} s of {channels} channels at {rate} Hz are more than {MOST_SAMPLES} samples "
                f"(an hour of stereo at 48 kHz), there or at {sample_rate_hz} Hz; cut it"
            )
        samples: NDArray[np.float32] = sound.read(n_samples, dtype="float32", always_2d=True)
    if len(samples) < n_samples:
        raise DataError(f"it is cut off or damaged: {len(samples)} of {n_samples} samples can be read")
    if not -LARGEST_SAMPLE <= samples.min() <= samples.max() <= LARGEST_SAMPLE:  # false of NaN
        raise DataError(f"its samples are not all finite, and at most {LARGEST_SAMPLE:g}")
    return samples.mean(axis=1, dtype=np.float32), rate


def _check_length(stream: FileIO | BufferedReader | BytesIO) -> None:
    """Refuse an empty file, and one that holds less than it says where libsndfile would read it as a shorter one."""
    start = stream.tell()
    end = stream.seek(0, os.SEEK_END)
    stream.seek(start)
    if end == start:
        raise DataError("it is empty")
    head = stream.read(12)
    if head.startswith(b"OggS"):
        stream.seek(start)
        if not _ends_with_last_page(stream, end):
            raise DataError("it is cut off: its last page is not whole, or not marked as the last")
    elif n_bytes := _stated_bytes(stream, head):
        n_there = max(0, end - stream.tell())
        if n_there < n_bytes:
            raise DataError(f"it is cut off: {n_there} of {n_bytes} bytes of samples are there")
    stream.seek(start)


def _ends_with_last_page(stream: FileIO | BufferedReader | BytesIO, end: int) -> bool:
    """Whether the last page of an Ogg file is whole, and says that it is the last."""
    flags = 0
    while (head := stream.read(27)).startswith(b"OggS") and len(head) == 27:
        flags = head[5]
        lengths = stream.read(head[26])
        if len(lengths) < head[26] or stream.seek(sum(lengths), os.SEEK_CUR) > end:
            return False
    return bool(flags & 4)


def _stated_bytes(stream: FileIO | BufferedReader | BytesIO, head: bytes) -> int | None:
    """How many bytes of samples a file says it has, with the stream where they begin; None where it does not say.

    By what stands before the samples: what the head says of the whole file is often wrong by a few bytes.
    """
    if head[:4] == b".snd":  # AU, which says where they begin
        stream.seek(int.from_bytes(head[4:8], "big") - len(head), os.SEEK_CUR)
        n_bytes = int.from_bytes(head[8:], "big")
        return n_bytes if n_bytes < _UNKNOWN_LENGTH else None
    order: Any = _CHUNKED.get((head[:4], head[8:]))
    n_long = _UNKNOWN_LONG_LENGTH
    while order and len(chunk := stream.read(8)) == 8:
        n_bytes, begin = int.from_bytes(chunk[4:], order), stream.tell()
        if chunk[:4] in (b"data", b"SSND"):
            if head[:4] == b"RF64" and n_bytes == _IN_THE_LONG_CHUNK:
                return n_long if n_long < _UNKNOWN_LONG_LENGTH else None
            return n_bytes if n_bytes < _UNKNOWN_LENGTH else None
        if chunk[:4] == b"ds64":
            n_long = int.from_bytes(stream.read(16)[8:], "little")
        stream.seek(begin + n_bytes + n_bytes % 2)
    return None


def _name(file: AudioFile) -> str:
    return repr(os.fspath(file)) if isinstance(file, str | os.PathLike) else "from an open file"


def cut_around_word(waveform: NDArray[np.float32], *, n_samples: int) -> NDArray[np.float32]:
    """Bring a waveform to a length, keeping the word.

    A longer one is cut to the window with the most energy (sum of squares); of several such, as where silence of
    zeros surrounds the word, to the one in the middle. A shorter one is padded with zeros, evenly on both ends (the
    odd one at the end).

    Args:
        waveform: shape (n,).
        n_samples: of the result, at least 1.

    Returns:
        Shape (n_samples,).

    Example:
        >>> cut_around_word(np.array([0, 0, 1, 2, 0, 0, 0], dtype=np.float32), n_samples=4)
        array([0., 1., 2., 0.], dtype=float32)
        >>> cut_around_word(np.ones(1, dtype=np.float32), n_samples=4)
        array([0., 1., 0., 0.], dtype=float32)
    """
    surplus = len(waveform) - n_samples
    if surplus <= 0:
        return np.pad(waveform, (-surplus // 2, -surplus - -surplus // 2))
    energy_before = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=np.float64))])
    energy = energy_before[n_samples:] - energy_before[:-n_samples]
    loudest = np.flatnonzero(energy == energy.max())
    start = int(loudest[len(loudest) // 2])
    return waveform[start : start + n_samples]
