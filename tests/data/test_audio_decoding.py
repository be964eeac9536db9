import io
import json
import re

import jaxtyping
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data import AudioDecoding, ImageDecoding, decoding_from_json
from crossgrad.data.audio_features import log_mel, mfcc
from crossgrad.errors import DataError, SettingsError


def recording(seconds=1.0, rate=16_000, hz=440.0, channels=1):
    """A tone in the middle of silence."""
    sound = 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    sound[: len(sound) // 4] = sound[-(len(sound) // 4) :] = 0
    file = io.BytesIO()
    soundfile.write(file, np.stack([sound] * channels, axis=1), rate, format="WAV", subtype="FLOAT")
    file.seek(0)
    return file


@pytest.mark.parametrize(("features", "function"), [("mfcc", mfcc), ("log_mel", log_mel)])
def test_a_second_at_its_own_rate_gives_the_features_of_its_samples(features, function):
    waveform, _ = soundfile.read(recording(), dtype="float32")
    decoded = AudioDecoding(features).decode(recording())
    assert decoded.dtype == np.float32
    assert decoded.shape == (1, 40, 98)
    np.testing.assert_array_equal(decoded[0], function(waveform))


@given(st.floats(0.05, 3), st.sampled_from([8_000, 16_000, 44_100]), st.floats(0.03, 2), st.integers(1, 2))
def test_recordings_of_any_length_and_rate_have_inputs_of_one_shape(length, rate, seconds, channels):
    decoding = AudioDecoding("log_mel", seconds=seconds)
    frames = 1 + (round(16_000 * seconds) - 480) // 160
    assert decoding.decode(recording(length, rate, channels=channels)).shape == (1, 40, frames)


def test_the_seconds_are_those_around_the_sound():
    short = AudioDecoding("log_mel", seconds=0.5).decode(recording(1.0))
    assert (short.max(axis=1) > 1).all()  # the tone fills the window, and no frame is silence


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_the_rate_of_a_file_does_not_show_in_its_features(rate):
    of_its_own = AudioDecoding("log_mel").decode(recording())
    band = of_its_own[0].mean(axis=1).argmax()
    resampled = AudioDecoding("log_mel").decode(recording(rate=rate))
    np.testing.assert_allclose(resampled[0, band, 30:68], of_its_own[0, band, 30:68], atol=0.01)


def test_another_rate_has_the_same_bands_and_frames():
    at_8_khz = AudioDecoding("log_mel", sample_rate_hz=8_000).decode(recording())
    assert at_8_khz.shape == (1, 40, 98)
    assert at_8_khz[0, :, 49].argmax() == AudioDecoding("log_mel").decode(recording())[0, :, 49].argmax()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": "mfc"}, "no audio features 'mfc'; did you mean 'mfcc'? There are 'mfcc', 'log_mel'"),
        ({"seconds": 0.029}, "seconds must be from 0.03 to 60, but is 0.029"),
        ({"seconds": 61.0}, "seconds must be from 0.03 to 60, but is 61.0"),
        ({"seconds": float("nan")}, "seconds must be from 0.03 to 60, but is nan"),
        ({"sample_rate_hz": 4_000}, "sample_rate_hz must be from 8000 to 768000, but is 4000"),
        ({"sample_rate_hz": 1_000_000}, "sample_rate_hz must be from 8000 to 768000, but is 1000000"),
    ],
)
def test_impossible_decodings_are_refused(arguments, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        AudioDecoding(**({"features": "mfcc"} | arguments))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seconds", True, "seconds must be a number, but is True"),
        ("seconds", "1", "seconds must be a number, but is '1'"),
        ("sample_rate_hz", 16_000.5, "sample_rate_hz must be a whole number, but is 16000.5"),
    ],
)
def test_values_of_another_type_are_refused(name, value, message, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # what a user, whose types go unchecked, sees
    with pytest.raises(SettingsError, match=re.escape(message)):
        AudioDecoding.from_json({"features": "mfcc", "seconds": 1.0, "sample_rate_hz": 16_000} | {name: value})


@pytest.mark.parametrize(
    "decoding", [AudioDecoding("mfcc"), AudioDecoding("log_mel", 0.5, 8_000), ImageDecoding(8, 3), None]
)
def test_a_decoding_of_either_kind_comes_back_from_json(decoding):
    value = json.loads(json.dumps(decoding.to_json() if decoding else None))
    assert decoding_from_json(value) == decoding


def test_what_was_saved_before_there_was_audio_is_of_images():
    assert decoding_from_json({"image_size": 8, "channels": 3}) == ImageDecoding(8, 3)


def test_a_kind_of_a_later_version_is_named():
    with pytest.raises(DataError, match="files of kind 'video'; known here are 'image', 'audio'"):
        decoding_from_json({"kind": "video"})
