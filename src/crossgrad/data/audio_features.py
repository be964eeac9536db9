"""Spectrograms of speech on the mel scale, and their cepstra."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossgrad.data.audio import audio_library
from crossgrad.errors import DataError, SettingsError

N_BANDS = 40
LOWEST_HZ = 20.0
HIGHEST_HZ = 4_000.0
WINDOW_SECONDS = 0.030
STRIDE_SECONDS = 0.010

FLOOR = 1e-4
"""Of a band's magnitude: what the rounding of 16-bit samples alone leaves in the lowest band at 16 kHz."""


def n_frames(n_samples: int, *, sample_rate_hz: int = 16_000) -> int:
    """Windows that lie wholly within a waveform: 98 in a second.

    Raises:
        DataError: not even one.
        SettingsError: a sample rate that cannot hold the highest band.

    Example:
        >>> n_frames(16_000)
        98
    """
    window, stride = _window_and_stride(sample_rate_hz)
    if n_samples < window:
        raise DataError(f"{n_samples} samples at {sample_rate_hz} Hz are shorter than a window of {window}")
    return 1 + (n_samples - window) // stride


def log_mel(waveform: NDArray[np.float32], *, sample_rate_hz: int = 16_000) -> NDArray[np.float32]:
    """Natural logarithm of the magnitude in each of 40 mel bands, in windows of 30 ms every 10 ms.

    The settings are those of TensorFlow's tutorial on audio recognition: a periodic Hann window, magnitudes (not
    powers), triangular bands of height 1 equally wide on the scale 1127 ln(1 + f / 700) from 20 to 4000 Hz, natural
    logarithm. It departs in two: the transform is as long as the window (TensorFlow pads 480 samples to 512, which
    interpolates between the same frequencies), and the floor under the logarithm is 1e-4 (there 1e-12), so that the
    zeros which pad a short recording look like its quietest room and not like nothing ever heard.

    Args:
        waveform: shape (n,), at least one window long.
        sample_rate_hz: of the waveform, at least 8000.

    Returns:
        float32, shape (40, frames), the lowest band first; frames as `n_frames` counts them.

    Raises:
        DataError: shorter than one window.
        SettingsError: a sample rate that cannot hold the highest band.

    Example:
        >>> log_mel(np.zeros(16_000, dtype=np.float32)).shape
        (40, 98)

    Reference:
        TensorFlow, examples/speech_commands/models.py (prepare_model_settings) and core/kernels/mfcc.cc,
        mfcc_mel_filterbank.cc, spectrogram.cc.
    """
    n_frames(len(waveform), sample_rate_hz=sample_rate_hz)
    window, stride = _window_and_stride(sample_rate_hz)
    spectrum = audio_library("librosa").stft(waveform, n_fft=window, hop_length=stride, window="hann", center=False)
    # librosa's own product of the two is one of dense matrices, whose threads can cost ten times the work itself.
    magnitudes: NDArray[np.float32] = _mel_filters(sample_rate_hz) @ np.abs(spectrum)
    return np.log(np.maximum(magnitudes, np.float32(FLOOR)))


def mfcc(waveform: NDArray[np.float32], *, sample_rate_hz: int = 16_000) -> NDArray[np.float32]:
    """Mel-frequency cepstral coefficients: the cosine transform of each frame of `log_mel`, all 40 of it.

    The transform is the orthonormal DCT-II. TensorFlow's differs in coefficient 0 alone, which is larger there by the
    square root of 2.

    Args:
        waveform: shape (n,), at least one window long.
        sample_rate_hz: of the waveform, at least 8000.

    Returns:
        float32, shape (40, frames), coefficient 0 first.

    Raises:
        DataError: shorter than one window.
        SettingsError: a sample rate that cannot hold the highest band.

    Example:
        >>> mfcc(np.zeros(16_000, dtype=np.float32)).shape
        (40, 98)

    Reference:
        Davis and Mermelstein, IEEE Transactions on Acoustics, Speech, and Signal Processing 28(4), 1980; TensorFlow,
        core/kernels/mfcc_dct.cc.
    """
    from scipy.fft import dct

    coefficients: NDArray[np.float32] = dct(log_mel(waveform, sample_rate_hz=sample_rate_hz), axis=0, norm="ortho")
    return coefficients


FEATURES: Mapping[str, Callable[..., NDArray[np.float32]]] = {"mfcc": mfcc, "log_mel": log_mel}


@cache
def _mel_filters(sample_rate_hz: int) -> Any:
    """A sparse matrix (40, frequencies), float32; of 9,640 entries at 16 kHz 231 are not zero."""
    from scipy.sparse import csr_array

    window, _ = _window_and_stride(sample_rate_hz)
    edges = {"fmin": LOWEST_HZ, "fmax": HIGHEST_HZ}
    filters = audio_library("librosa").filters.mel
    return csr_array(filters(sr=sample_rate_hz, n_fft=window, n_mels=N_BANDS, htk=True, norm=None, **edges))


def _window_and_stride(sample_rate_hz: int) -> tuple[int, int]:
    """In samples."""
    if sample_rate_hz < 2 * HIGHEST_HZ:
        raise SettingsError(f"sample_rate_hz must be at least {2 * HIGHEST_HZ:.0f}, but is {sample_rate_hz}")
    return round(WINDOW_SECONDS * sample_rate_hz), round(STRIDE_SECONDS * sample_rate_hz)
