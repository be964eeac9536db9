import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data.audio_features import FLOOR, log_mel, mfcc, n_frames
from crossgrad.errors import DataError, SettingsError


def noise(n_samples, seed=0, level=0.1):
    return (level * np.random.RandomState(seed).standard_normal(n_samples)).astype(np.float32)


def tone(hz, n_samples=16_000, rate=16_000):
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(n_samples) / rate)).astype(np.float32)


def mel(hz):
    return 1127 * np.log(1 + hz / 700)


def log_mel_by_hand(window):
    """Log magnitudes of one window of 480 samples at 16 kHz, every step spelled out."""
    t = np.arange(480)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * t / 480)
    frequencies = np.arange(241) * 16_000 / 480
    dft = np.exp(-2j * np.pi * np.outer(np.arange(241), t) / 480) @ (window.astype(np.float64) * hann)
    edges = 700 * (np.exp(np.linspace(mel(20.0), mel(4000.0), 42) / 1127) - 1)
    bands = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
        bands.append(np.maximum(0, np.minimum(rising, falling)) @ np.abs(dft))
    return np.log(np.maximum(bands, 1e-4))


@pytest.mark.parametrize("level", [1e-5, 1e-2, 1.0])
def test_a_window_of_noise_is_as_worked_by_hand(level):
    window = noise(480, level=level)
    np.testing.assert_allclose(log_mel(window)[:, 0], log_mel_by_hand(window), atol=1e-4)


def test_cepstra_are_the_cosine_transform_worked_by_hand():
    window = noise(480)
    logs = log_mel_by_hand(window)
    bands = np.arange(40)
    expected = [
        np.sqrt((1 if k == 0 else 2) / 40) * (logs * np.cos(np.pi * k * (bands + 0.5) / 40)).sum() for k in range(40)
    ]
    np.testing.assert_allclose(mfcc(window)[:, 0], expected, atol=1e-4)


@pytest.mark.parametrize("band", [0, 1, 7, 20, 39])
def test_a_pure_tone_is_loudest_in_its_own_band(band):
    middle = 700 * (np.exp(np.linspace(mel(20.0), mel(4000.0), 42)[band + 1] / 1127) - 1)
    assert (log_mel(tone(middle)).argmax(axis=0) == band).all()


@pytest.mark.parametrize("features", [log_mel, mfcc])
def test_silence_is_finite_and_the_same_in_every_frame(features):
    silence = features(np.zeros(16_000, dtype=np.float32))
    assert np.isfinite(silence).all()
    assert (silence == silence[:, :1]).all()


def test_silence_lies_on_the_floor():
    np.testing.assert_allclose(log_mel(np.zeros(480, dtype=np.float32)), np.log(FLOOR), rtol=1e-6)


def test_the_rounding_of_16_bit_samples_reaches_the_floor_and_no_further():
    rounding = (np.random.RandomState(0).uniform(-0.5, 0.5, 16_000) / 2**15).astype(np.float32)
    assert 0 <= log_mel(rounding).mean(axis=1)[0] - np.log(FLOOR) < np.log(2)


@given(st.floats(0.25, 4.0))
def test_a_louder_waveform_raises_every_band_alike(gain):
    waveform = noise(1_600)
    raised = log_mel((gain * waveform).astype(np.float32)) - log_mel(waveform)
    np.testing.assert_allclose(raised, np.log(gain), atol=1e-4)


@given(st.floats(0.25, 4.0))
def test_a_louder_waveform_changes_the_first_coefficient_alone(gain):
    waveform = noise(1_600)
    changed = mfcc((gain * waveform).astype(np.float32)) - mfcc(waveform)
    np.testing.assert_allclose(changed[0], np.sqrt(40) * np.log(gain), atol=1e-3)
    np.testing.assert_allclose(changed[1:], 0, atol=1e-3)


@pytest.mark.parametrize("features", [log_mel, mfcc])
def test_a_waveform_begun_a_stride_later_has_its_frames_one_earlier(features):
    waveform = noise(4_000)
    np.testing.assert_allclose(features(waveform)[:, 1:], features(waveform[160:]), atol=1e-4)


@given(st.integers(480, 40_000))
def test_frames_are_the_windows_that_lie_within_the_waveform(n_samples):
    starts = range(0, n_samples - 480 + 1, 160)
    assert n_frames(n_samples) == len(starts)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100])
def test_a_second_has_98_frames_at_every_rate(rate):
    assert log_mel(noise(rate), sample_rate_hz=rate).shape == (40, 98)
    assert mfcc(noise(rate), sample_rate_hz=rate).dtype == np.float32


def test_what_is_shorter_than_a_window_is_refused():
    with pytest.raises(DataError, match="479 samples at 16000 Hz are shorter than a window of 480"):
        mfcc(noise(479))


def test_a_rate_that_cannot_hold_the_highest_band_is_refused():
    with pytest.raises(SettingsError, match="at least 8000, but is 4000"):
        log_mel(noise(4_000), sample_rate_hz=4_000)
