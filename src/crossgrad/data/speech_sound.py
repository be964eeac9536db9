"""One second of speech: what is cut, mixed and shifted, as in TensorFlow's tutorial on audio recognition."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from crossgrad.data.audio_features import FEATURES
from crossgrad.data.naming import did_you_mean, quoted
from crossgrad.errors import SettingsError

SAMPLE_RATE_HZ = 16_000
N_SAMPLES = SAMPLE_RATE_HZ
"""Of every example: one second."""

MOST_SHIFT_SECONDS = 0.1
NOISE_SHARE = 0.8
"""Of the augmented examples, noise is mixed into these."""

LOUDEST_NOISE = 0.1
"""The noise is multiplied by up to this. All three are the tutorial's (train.py: time_shift_ms, background_frequency,
background_volume)."""


def features_named(name: str) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """One of FEATURES.

    Raises:
        SettingsError: there is none of this name.
    """
    if name not in FEATURES:
        raise SettingsError(f"features are one of {quoted(FEATURES)}, not {name!r}{did_you_mean(name, list(FEATURES))}")
    return FEATURES[name]


def named_stream(*names: object) -> np.random.RandomState:
    """Random numbers for these names alone, so that what one thing draws does not depend on which others there are.

    Example:
        >>> named_stream(0, "alice").randint(100) == named_stream(0, "alice").randint(100)
        True
    """
    digest = hashlib.sha256(repr(names).encode()).digest()
    return np.random.RandomState(np.frombuffer(digest, "<u4").astype(np.int64))


def silence(noise: Sequence[NDArray[np.float32]], stream: np.random.RandomState) -> NDArray[np.float32]:
    """A second of noise from a random place, at a volume drawn from [0, 1).

    Args:
        noise: waveforms at 16 kHz, at least one; a shorter one than a second is repeated.
        stream: draws.
    """
    return np.float32(stream.uniform(0, 1)) * _second_of(noise, stream)


def augmented(
    waveform: NDArray[np.float32], noise: Sequence[NDArray[np.float32]], stream: np.random.RandomState
) -> NDArray[np.float32]:
    """Another version of a recording: up to 100 ms earlier or later, and, of four in five, with quiet noise.

    Args:
        waveform: one second, shape (16000,).
        noise: waveforms at 16 kHz; none: the recording is shifted alone.
        stream: draws.

    Returns:
        In [-1, 1], shape (16000,); zeros where the shift leaves nothing.
    """
    most = round(MOST_SHIFT_SECONDS * SAMPLE_RATE_HZ)
    start = most + stream.randint(-most, most + 1)
    shifted = np.pad(waveform, most)[start : start + len(waveform)]
    if noise and stream.uniform(0, 1) < NOISE_SHARE:
        shifted = shifted + np.float32(stream.uniform(0, LOUDEST_NOISE)) * _second_of(noise, stream)
    return shifted.clip(-1, 1)


def _second_of(noise: Sequence[NDArray[np.float32]], stream: np.random.RandomState) -> NDArray[np.float32]:
    chosen = noise[stream.randint(len(noise))]
    if len(chosen) < N_SAMPLES:
        chosen = np.resize(chosen, N_SAMPLES)
    start = stream.randint(len(chosen) - N_SAMPLES + 1)
    return chosen[start : start + N_SAMPLES]
