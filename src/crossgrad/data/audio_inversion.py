"""From features of speech back to sound, as far as they tell it."""

import numpy as np
from numpy.typing import NDArray

from crossgrad.data.audio import audio_library
from crossgrad.data.audio_features import HIGHEST_HZ, LOWEST_HZ, N_BANDS, STRIDE_SECONDS, WINDOW_SECONDS
from crossgrad.errors import SettingsError

RATE_HZ = 8_000
"""Of the sound: features say nothing above 4000 Hz."""
N_ITERATIONS = 16
_LOUDEST = 10.0
"""Of a band's logarithm; what was moved far must not overflow."""


def waveform_of(features: NDArray[np.float32], *, kind: str) -> NDArray[np.float32]:
    """Sound at 8000 Hz whose features are near the given ones.

    Two things are guessed: how a band's magnitude spreads over its frequencies (the least squares solution, negative
    ones set to zero) and the phases (Griffin and Lim's algorithm). So it sounds hollow even where nothing was moved.

    Args:
        features: float32, shape (40, frames), from `log_mel` or `mfcc` at any sample rate.
        kind: "log_mel" or "mfcc".

    Returns:
        float32, shape (80 * (frames - 1),). How loud it is depends on the rate that the features were taken at.

    Raises:
        DataError: the extra `audio` is not installed.
        SettingsError: features of another kind.

    Example:
        >>> waveform_of(np.full((40, 98), -9.0, dtype=np.float32), kind="log_mel").shape
        (7760,)

    Reference:
        Griffin and Lim, "Signal estimation from modified short-time Fourier transform", IEEE Transactions on Acoustics,
        Speech, and Signal Processing 32(2), 1984.
    """
    if kind == "mfcc":
        from scipy.fft import idct

        features = idct(features, axis=0, norm="ortho")
    elif kind != "log_mel":
        raise SettingsError(f"features {kind!r} are not inverted; log_mel and mfcc are")
    librosa = audio_library("librosa")
    window, stride = round(WINDOW_SECONDS * RATE_HZ), round(STRIDE_SECONDS * RATE_HZ)
    edges = {"fmin": LOWEST_HZ, "fmax": HIGHEST_HZ}
    filters = librosa.filters.mel(sr=RATE_HZ, n_fft=window, n_mels=N_BANDS, htk=True, norm=None, **edges)
    magnitudes = np.maximum(np.linalg.pinv(filters) @ np.exp(np.minimum(features, _LOUDEST)), 0)
    sound: NDArray[np.float32] = librosa.griffinlim(
        magnitudes, n_iter=N_ITERATIONS, hop_length=stride, win_length=window, n_fft=window, random_state=0
    )
    return sound.astype(np.float32)
