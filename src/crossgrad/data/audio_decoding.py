"""From an audio file to an input."""

import math
import operator
from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from crossgrad.data.audio import RATES_HZ, AudioFile, cut_around_word, read_waveform
from crossgrad.data.audio_features import FEATURES, HIGHEST_HZ, N_BANDS, WINDOW_SECONDS, n_frames
from crossgrad.data.naming import choices
from crossgrad.errors import SettingsError

MOST_SECONDS = 60.0


@dataclass(frozen=True)
class AudioDecoding:
    """How an audio file becomes an input; kept with a model, so that it predicts as it was trained.

    The channels are averaged and resampled (`read_waveform`), the result is padded or cut to `seconds` around the word
    (`cut_around_word`) and described every 10 ms by 40 numbers (`mfcc` or `log_mel`).

    Args:
        features: "mfcc", cepstral coefficients, or "log_mel", log magnitudes in bands.
        seconds: of every input, from 0.03 (one window) to 60.
        sample_rate_hz: that files are brought to, at least 8000; the bands end at 4000 Hz whatever it is.

    Raises:
        SettingsError: unknown features, or a duration or rate out of range.

    Example:
        >>> AudioDecoding.from_json(AudioDecoding("log_mel", seconds=0.5).to_json())
        AudioDecoding(features='log_mel', seconds=0.5, sample_rate_hz=16000)
    """

    features: str
    seconds: float = 1.0
    sample_rate_hz: int = 16_000

    def __post_init__(self) -> None:
        if self.features not in FEATURES:
            raise SettingsError(f"no audio features {self.features!r}{choices(self.features, list(FEATURES))}")
        if isinstance(self.seconds, bool) or not isinstance(self.seconds, int | float):
            raise SettingsError(f"seconds must be a number, but is {self.seconds!r}")
        if isinstance(self.sample_rate_hz, bool) or not isinstance(self.sample_rate_hz, SupportsIndex):
            raise SettingsError(f"sample_rate_hz must be a whole number, but is {self.sample_rate_hz!r}")
        object.__setattr__(self, "sample_rate_hz", operator.index(self.sample_rate_hz))  # NumPy's are no JSON
        if not (math.isfinite(self.seconds) and WINDOW_SECONDS <= self.seconds <= MOST_SECONDS):
            raise SettingsError(f"seconds must be from {WINDOW_SECONDS:g} to {MOST_SECONDS:g}, but is {self.seconds}")
        if not 2 * HIGHEST_HZ <= self.sample_rate_hz <= RATES_HZ[1]:
            raise SettingsError(
                f"sample_rate_hz must be from {2 * HIGHEST_HZ:.0f} to {RATES_HZ[1]}, but is {self.sample_rate_hz}"
            )

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(1, 40, frames)."""
        n_samples = round(self.seconds * self.sample_rate_hz)
        return 1, N_BANDS, n_frames(n_samples, sample_rate_hz=self.sample_rate_hz)

    def decode(self, file: AudioFile) -> NDArray[np.float32]:
        """Read one audio file.

        Args:
            file: a path, or a file opened for reading bytes.

        Returns:
            float32, shape (1, 40, frames); 98 frames for one second.

        Raises:
            DataError: missing, no audio, damaged or cut off, or the extra `audio` is not installed.
        """
        waveform = read_waveform(file, sample_rate_hz=self.sample_rate_hz)
        word = cut_around_word(waveform, n_samples=round(self.seconds * self.sample_rate_hz))
        return FEATURES[self.features](word, sample_rate_hz=self.sample_rate_hz)[None]

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "audio",
            "features": self.features,
            "seconds": self.seconds,
            "sample_rate_hz": self.sample_rate_hz,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "AudioDecoding":
        return cls(features=value["features"], seconds=value["seconds"], sample_rate_hz=value["sample_rate_hz"])
