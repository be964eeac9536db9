import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data.speech_sound import N_SAMPLES, augmented, features_named, named_stream, silence
from crossgrad.errors import SettingsError

CLICK = np.zeros(N_SAMPLES, dtype=np.float32)
CLICK[N_SAMPLES // 2] = 1
HUM = [np.full(2 * N_SAMPLES, 0.5, dtype=np.float32)]


def versions(waveform, noise, n=400):
    return np.stack([augmented(waveform, noise, named_stream("test", number)) for number in range(n)])


def test_without_noise_a_recording_is_shifted_by_up_to_100_ms_either_way_and_nothing_else():
    found = versions(CLICK, [])
    assert ((found == 1).sum(axis=1) == 1).all()
    assert (np.count_nonzero(found, axis=1) == 1).all()
    shifts = found.argmax(axis=1) - N_SAMPLES // 2
    assert -1600 <= shifts.min() < -1500
    assert 1500 < shifts.max() <= 1600


def test_four_in_five_have_noise_of_up_to_a_tenth():
    noise = versions(np.zeros(N_SAMPLES, dtype=np.float32), HUM)[:, 0] / 0.5
    assert abs(np.count_nonzero(noise) / len(noise) - 0.8) < 0.06  # three standard deviations
    assert 0.09 < noise.max() < 0.1


def test_what_is_mixed_stays_within_full_scale():
    assert versions(np.ones(N_SAMPLES, dtype=np.float32), HUM, n=20).max() == 1


def test_silence_is_noise_at_every_volume():
    volumes = [silence(HUM, named_stream("test", number)).max() / 0.5 for number in range(200)]
    assert 0 <= min(volumes) < 0.05
    assert 0.95 < max(volumes) < 1


@given(st.integers(1, 3 * N_SAMPLES), st.integers(0, 100))
def test_noise_of_any_length_gives_a_second_of_it(n_samples, seed):
    noise = np.arange(1, n_samples + 1, dtype=np.float32)
    found = silence([noise], named_stream(seed))
    steps = np.diff(found) / np.float32(named_stream(seed).uniform(0, 1))
    assert found.shape == (N_SAMPLES,)
    # It is the noise itself, one sample after another, and where it ends it begins again.
    np.testing.assert_allclose(steps[np.diff(found) > 0], 1, atol=0.05)
    assert (np.diff(found) < 0).sum() <= N_SAMPLES / n_samples


def test_streams_of_other_names_are_others():
    drawn = {named_stream(*names).randint(2**31) for names in ((0, "a"), (1, "a"), (0, "b"), ("0", "a"), (0, "a", 0))}
    assert len(drawn) == 5


def test_unknown_features_are_quoted():
    with pytest.raises(SettingsError, match="'mfcc', 'log_mel', not 'mfc'; did you mean 'mfcc'"):
        features_named("mfc")
