import contextlib
import io
import struct
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data.audio import MOST_SAMPLES, cut_around_word, read_waveform
from crossgrad.errors import DataError


def tone(seconds=0.5, rate=16_000, hz=440.0):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def audio(samples, rate=16_000, form="WAV", subtype=None):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    [("PCM_U8", 2**-7), ("PCM_16", 2**-15), ("PCM_24", 2**-23), ("PCM_32", 1e-7), ("FLOAT", 1e-7), ("DOUBLE", 1e-7)],
)
def test_a_wav_file_of_any_depth_gives_its_samples(subtype, tolerance, tmp_path):
    (tmp_path / "a.wav").write_bytes(audio(tone(), subtype=subtype))
    waveform = read_waveform(tmp_path / "a.wav")
    assert waveform.dtype == np.float32
    np.testing.assert_allclose(waveform, tone(), atol=tolerance)


@pytest.mark.parametrize(("form", "tolerance"), [("FLAC", 2**-15), ("OGG", 0.03), ("MP3", 0.03)])
def test_compressed_files_give_the_sound(form, tolerance):
    waveform = read_waveform(io.BytesIO(audio(tone(), form=form)))
    assert len(waveform) == 8_000
    np.testing.assert_allclose(waveform[2_000:6_000], tone()[2_000:6_000], atol=tolerance)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("name", ["a.mp3", "a.wav", "a.raw", "a"])
def test_the_content_says_what_a_file_is_not_its_name(name, form, tmp_path):
    (tmp_path / name).write_bytes(audio(tone(), form=form))
    assert len(read_waveform(str(tmp_path / name))) == 8_000


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_another_rate_is_resampled(rate):
    waveform = read_waveform(io.BytesIO(audio(tone(rate=rate), rate)))
    assert len(waveform) == 8_000
    np.testing.assert_allclose(waveform[1_000:7_000], tone()[1_000:7_000], atol=1e-3)


def test_the_asked_rate_is_given():
    assert len(read_waveform(io.BytesIO(audio(tone())), sample_rate_hz=8_000)) == 4_000


def test_what_the_new_rate_cannot_hold_is_filtered_out():
    above = audio(tone(rate=48_000, hz=10_000), 48_000)
    assert np.abs(read_waveform(io.BytesIO(above))[500:-500]).max() < 1e-3


def test_channels_are_averaged():
    both = np.stack([tone(), np.zeros(8_000)], axis=1)
    np.testing.assert_allclose(read_waveform(io.BytesIO(audio(both))), tone() / 2, atol=2**-14)


def test_three_seconds_are_read_whole():
    assert len(read_waveform(io.BytesIO(audio(tone(3))))) == 48_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (audio(np.zeros(0)), "no samples"),
        (b"this is no audio, but text that goes on for a while " * 10, r"(?<=bad one\.wav': )Format not recognised"),
        (audio(tone())[:5_000], "cut off: 4956 of 16000 bytes of samples"),
        (audio(tone())[:30], "Error in WAV file|Format not recognised"),
        (audio(np.random.RandomState(0).uniform(-1, 1, 8_000), form="FLAC")[:9_000], "cut off or damaged|FLAC|flac"),
        (audio(np.array([0.0, np.nan]), subtype="FLOAT"), "not all finite"),
        (audio(np.array([0.0, np.inf]), subtype="FLOAT"), "not all finite"),
        (audio(tone(), rate=10), "sample rate of 10 Hz"),
        (audio(tone(), rate=10_000_000), "sample rate of 10000000 Hz"),
        (audio(np.zeros(1), rate=192_000), "1 samples at 192000 Hz are too few"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",  # a float file holds its time
)
def test_what_cannot_be_read_is_named_with_the_reason(content, message, tmp_path):
    path = tmp_path / "bad one.wav"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"cannot read audio '.*bad one.wav': .*({message})"):
        read_waveform(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"'.*nowhere\.wav': No such file"):
        read_waveform(tmp_path / "nowhere.wav")


def test_samples_without_a_header_are_refused(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(1_000))
    with pytest.raises(DataError, match=r"cannot read audio '.*a.raw'"):
        read_waveform(tmp_path / "a.raw")


def test_a_folder_is_no_audio(tmp_path):
    with pytest.raises(DataError, match="Is a directory"):
        read_waveform(tmp_path)


def test_an_absurd_length_is_refused_before_anything_is_decoded():
    # FLAC says its number of samples in 36 bits of its header, whatever follows.
    content = bytearray(audio(tone(), form="FLAC"))
    content[21:26] = bytes([content[21] | 0x0F, 0xFF, 0xFF, 0xFF, 0xFF])
    with pytest.raises(DataError, match=f"more than {MOST_SAMPLES} samples .an hour of stereo"):
        read_waveform(io.BytesIO(bytes(content)))


@pytest.mark.parametrize("difference", [-8, 1, 8])
def test_a_wav_file_whose_head_is_wrong_about_the_whole_is_read(difference):
    content = bytearray(audio(tone()))
    content[4:8] = struct.pack("<I", len(content) - 8 + difference)
    assert len(read_waveform(io.BytesIO(bytes(content)))) == 8_000


def test_what_stands_before_the_samples_is_passed_over():
    content = audio(tone())
    padded = content[:36] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + content[36:]
    np.testing.assert_array_equal(read_waveform(io.BytesIO(padded)), read_waveform(io.BytesIO(content)))
    with pytest.raises(DataError, match="cut off"):
        read_waveform(io.BytesIO(padded[:-1]))


def test_a_stream_of_unknown_length_is_read():
    content = bytearray(audio(tone()))
    content[4:8] = content[40:44] = struct.pack("<I", 2**32 - 1)
    assert len(read_waveform(io.BytesIO(bytes(content)))) == 8_000
    content = bytearray(audio(tone(), form="AU"))
    content[8:12] = struct.pack("<I", 2**32 - 1)
    assert len(read_waveform(io.BytesIO(bytes(content)))) == 8_000


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("WAV", None), ("RF64", None), ("AIFF", None), ("AU", None), ("FLAC", None), ("OGG", "VORBIS"), ("OGG", "OPUS")],
)
def test_a_file_that_was_cut_anywhere_is_refused(form, subtype):
    content = audio(np.random.RandomState(0).uniform(-0.5, 0.5, 48_000), form=form, subtype=subtype)
    whole = len(read_waveform(io.BytesIO(content)))
    assert whole == 48_000
    cuts = {*np.linspace(len(content) // 10, len(content) - 2, 40).astype(int).tolist(), len(content) - 1}
    if form == "OGG":
        pages = [place for place in range(len(content)) if content.startswith(b"OggS", place)]
        cuts |= {page + behind for page in pages[2:] for behind in (0, 4, 26, 27, 28)}
    for cut in sorted(cuts):
        with pytest.raises(DataError, match=r"cut off|has no samples|malformed|damaged|FLAC|flac"):
            read_waveform(io.BytesIO(content[:cut]))


def test_samples_of_big_endian_files_are_counted_too():
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 16_000, 1, "PCM_16", "BIG", "WAV") as sound:
        sound.write(tone())
    assert file.getvalue().startswith(b"RIFX")
    assert len(read_waveform(io.BytesIO(file.getvalue()))) == 8_000
    with pytest.raises(DataError, match="cut off: 15999 of 16000 bytes"):
        read_waveform(io.BytesIO(file.getvalue()[:-1]))


@pytest.mark.parametrize(("form", "subtype"), [("WAV", "GSM610"), ("AU", "G721_32")])
def test_coded_speech_is_read(form, subtype):
    waveform = read_waveform(io.BytesIO(audio(tone(), form=form, subtype=subtype)))
    assert len(waveform) == pytest.approx(8_000, abs=320)  # whole blocks
    np.testing.assert_allclose(waveform[2_000:6_000], tone()[2_000:6_000], atol=0.15)


def test_a_device_is_not_read(tmp_path):
    (tmp_path / "a.wav").symlink_to("/dev/zero")
    with pytest.raises(DataError, match=r"a\.wav': it is a device; write it to a file first"):
        read_waveform(tmp_path / "a.wav")


@pytest.mark.parametrize("form", ["WAV", "RF64", "AIFF", "AU", "FLAC", "OGG", "MP3"])
@given(damage=st.binary(max_size=50), place=st.integers(0, 2_000))
def test_no_damage_raises_anything_but_a_data_error(tmp_path_factory, form, damage, place):
    content = bytearray(audio(tone(0.05), form=form))
    content[place : place + len(damage)] = damage
    path = tmp_path_factory.mktemp("damaged") / "file"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        assert read_waveform(path).ndim == 1


@pytest.mark.parametrize("library", ["soundfile", "soxr"])
def test_without_its_libraries_it_says_how_to_get_them(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DataError, match=rf"{library}.*pip install .*\[audio\]'"):
        read_waveform(io.BytesIO(audio(tone())))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 1_000))
def test_a_cut_is_a_stretch_of_the_waveform_that_no_other_beats(n, n_samples, seed):
    waveform = np.random.RandomState(seed).standard_normal(n).astype(np.float32)
    cut = cut_around_word(waveform, n_samples=n_samples)
    assert cut.shape == (n_samples,)
    if n >= n_samples:
        stretches = np.lib.stride_tricks.sliding_window_view(waveform, n_samples)
        assert (stretches == cut).all(axis=1).any()
        assert (cut.astype(float) ** 2).sum() >= (stretches.astype(float) ** 2).sum(axis=1).max() - 1e-9
    else:
        before = (n_samples - n) // 2
        assert (cut[before : before + n] == waveform).all()
        assert not cut[:before].any()
        assert not cut[before + n :].any()


@given(st.integers(0, 80), st.integers(0, 80))
def test_a_word_between_silences_comes_to_the_middle(before, after):
    waveform = np.zeros(before + 10 + after, dtype=np.float32)
    waveform[before : before + 10] = 1
    cut = cut_around_word(waveform, n_samples=30)
    assert cut.sum() == 10
    if before >= 20 and after >= 20:
        assert cut[10:20].all()
