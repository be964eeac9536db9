"""Speech made by the synthesizer espeak-ng, the library of the package espeakng-loader."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossgrad.data.audio import audio_library
from crossgrad.errors import DataError

SAMPLE_RATE_HZ = 22050
"""Of what is spoken: the library's own."""

_PROCESS = Path(__file__).with_name("espeak_process.py")


@dataclass(frozen=True)
class Utterance:
    """What is to be said, and how.

    Args:
        text: English words.
        voice: an accent and a variant of the voice, as the library names them: "en-us+f3".
        rate: words a minute, 80 to 450.
        pitch: 0 to 99, where 50 is the variant's own.
        pitch_range: how much the pitch moves, 0 (a monotone) to 99, where 50 is the variant's own.
    """

    text: str
    voice: str
    rate: int = 175
    pitch: int = 50
    pitch_range: int = 50


def speak(utterances: Iterable[Utterance]) -> Iterator[NDArray[np.float32]]:
    """Say one utterance after another.

    The library is one speaker with one memory for a whole process: the phase of its vibrato and the state of its noise
    go on from word to word, nothing sets them back, and threads must not share it. So it is loaded in a process of its
    own, fresh at every call. What is said is thereby a function of the utterances alone; an utterance sounds a little
    different after other utterances, and the same whatever follows it.

    Args:
        utterances: any number.

    Yields:
        float32 waveforms, shape (n,), in [-1, 1] at `SAMPLE_RATE_HZ`, in the utterances' order.

    Raises:
        DataError: there is no such voice, the library fails, or the extra `audio` is not installed.

    Example:
        >>> [waveform] = speak([Utterance("yes", "en-us+f3")])
        >>> waveform.dtype, 0.2 < len(waveform) / SAMPLE_RATE_HZ < 1
        (dtype('float32'), True)
    """
    espeakng_loader = audio_library("espeakng_loader")
    asked = {
        "library": espeakng_loader.get_library_path(),
        "data": espeakng_loader.get_data_path(),
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "utterances": [asdict(utterance) for utterance in utterances],
    }
    command = [sys.executable, "-I", str(_PROCESS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None  # both are pipes
        assert process.stdout is not None
        try:
            with suppress(BrokenPipeError), process.stdin as question:
                question.write(json.dumps(asked).encode())
            for _ in asked["utterances"]:
                yield _answer(process.stdout.read)
        finally:
            process.kill()  # the caller may not want the rest


def _answer(read: Callable[[int], bytes]) -> NDArray[np.float32]:
    header = read(4)
    n_samples = struct.unpack("<i", header)[0] if len(header) == 4 else 0
    content = read(2 * n_samples if n_samples > 0 else -n_samples)
    if n_samples < 0:
        raise DataError(content.decode(errors="replace"))
    if len(header) < 4 or len(content) < 2 * n_samples:
        raise DataError("espeak-ng ended before it had said everything")
    return np.frombuffer(content, "<i2").astype(np.float32) / np.float32(32768)
