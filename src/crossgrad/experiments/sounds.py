"""What inputs that are features of sound sound like, and what they were moved to."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossgrad.data import AudioDecoding, DomainDataset
from crossgrad.data.audio_inversion import RATE_HZ, waveform_of
from crossgrad.errors import DataError

SOUNDING = 2
"""Examples that are made to sound."""
SECONDS = 2.0
"""Of each at most."""
STEPS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""As multiples of the move."""


def sounds(
    dataset: DomainDataset, inputs: NDArray[np.float32], moved: Mapping[str, NDArray[np.float32]]
) -> dict[str, Any]:
    """The first inputs as sound, and what lies along each move; nothing where they cannot be inverted.

    Args:
        dataset: that the inputs are of; it knows how they were decoded.
        inputs: shape (n, 1, 40, frames).
        moved: by name, likewise.

    Returns:
        For an archive: "sound/inputs", int16, (examples, samples), "sound/NAME", (examples, steps, samples), the steps
        and the rate. Each example has one loudness, which moves change.
    """
    if not isinstance(dataset.decoding, AudioDecoding):
        return {}
    kind, n_frames = dataset.decoding.features, round(SECONDS * 100)
    kept = inputs[:SOUNDING, 0, :, :n_frames]
    try:
        clean = np.stack([waveform_of(each, kind=kind) for each in kept])
    except DataError:  # librosa is not here: what was kept of an earlier reading needs none
        return {}
    loudness = 0.5 / np.maximum(np.abs(clean).max(axis=1, keepdims=True), 1e-9)
    found = {"sound/inputs": _samples(clean * loudness)}
    for name, values in moved.items():
        added = values[:SOUNDING, 0, :, :n_frames] - kept
        along = [np.stack([waveform_of(each, kind=kind) for each in kept + step * added]) for step in STEPS]
        found[f"sound/{name}"] = np.stack([_samples(each * loudness) for each in along], axis=1)
    return found | {"sound/steps": np.array(STEPS), "sound/sample_rate_hz": np.array(RATE_HZ)}


def _samples(waveforms: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.round(32767 * waveforms.clip(-1, 1)).astype(np.int16)
