import csv
import sys
import warnings

import numpy as np
import pytest
import soundfile

from crossgrad.data import AudioDecoding, open_dataset, read_folder, read_manifest
from crossgrad.defaults import default_net
from crossgrad.errors import DataError, DataWarning, SettingsError


@pytest.fixture
def write_tone(tmp_path):
    """Write a tone of a second under tmp_path."""

    def write(name, hz=440.0):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.5 * np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000), 16_000)
        return path

    return write


def test_a_folder_of_audio_is_read_in_the_order_of_its_paths(tmp_path, write_tone):
    paths = [write_tone(name) for name in ("ann/yes/1.wav", "ann/no/1.FLAC", "bob/yes/1.ogg", "bob/yes/2.mp3")]
    dataset = read_folder(tmp_path)
    assert dataset.decoding == AudioDecoding("mfcc", seconds=1.0)
    assert dataset.inputs.shape == (4, 1, 40, 98)
    assert (dataset.domain_names, dataset.domains.tolist()) == (("ann", "bob"), [0, 0, 1, 1])
    assert (dataset.label_names, dataset.labels.tolist()) == (("no", "yes"), [0, 1, 1, 1])
    for values, path in zip(dataset.inputs, sorted(paths), strict=True):
        np.testing.assert_array_equal(values.numpy(), dataset.decoding.decode(path))


def test_a_manifest_of_audio_is_read_in_its_order(tmp_path, write_tone):
    rows = [("path", "label", "domain")]
    for index, hz in enumerate([880, 440]):
        rows.append((write_tone(f"{hz}.wav", hz).name, str(hz), f"speaker {index}"))
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    dataset = read_manifest(tmp_path / "list.csv", features="log_mel", seconds=0.5)
    assert dataset.decoding == AudioDecoding("log_mel", seconds=0.5)
    assert dataset.inputs.shape == (2, 1, 40, 48)
    assert dataset.domain_names == ("speaker 0", "speaker 1")


def test_features_and_seconds_reach_the_files(tmp_path, write_tone):
    write_tone("d/a/1.wav")
    assert open_dataset(tmp_path, features="log_mel", seconds=2).decoding == AudioDecoding("log_mel", seconds=2.0)


def test_files_of_both_kinds_are_counted_and_refused(tmp_path, write_tone, write_image):
    write_tone("d/a/1.wav")
    write_tone("d/a/2.wav")
    write_image("d/b/1.png")
    with pytest.raises(DataError, match="has 2 audio files and 1 images; a dataset is of one kind"):
        read_folder(tmp_path)


@pytest.mark.parametrize("options", [{"image_size": 8}, {"channels": 1}])
def test_options_of_images_are_refused_for_audio(tmp_path, write_tone, options):
    write_tone("d/a/1.wav")
    with pytest.raises(
        SettingsError, match=r"image size and channels are for image files, and those of '.*' are audio"
    ):
        open_dataset(tmp_path, **options)


@pytest.mark.parametrize("options", [{"features": "mfcc"}, {"seconds": 1.0}])
def test_options_of_audio_are_refused_for_images_and_for_what_is_no_files(tmp_path, write_image, options):
    write_image("d/a/1.png")
    with pytest.raises(SettingsError, match=r"features and seconds are for audio files, and those of '.*' are images"):
        open_dataset(tmp_path, **options)
    for source in ("digits", "some.npz"):
        with pytest.raises(SettingsError, match=f"features and seconds are for audio files, and '{source}'"):
            open_dataset(source, **options)


def test_unreadable_audio_is_named_and_left_out_only_if_asked(tmp_path, write_tone):
    write_tone("d/a/1.wav")
    (tmp_path / "d" / "a" / "2.wav").write_bytes(b"")
    with pytest.raises(
        DataError,
        match=r"cannot read audio '.*2\.wav': it is empty; --skip-unreadable \(skip_unreadable=True\) leaves such",
    ):
        read_folder(tmp_path)
    with pytest.warns(DataWarning, match=r"1 of 2 audio files cannot be read: '.*2\.wav'"):
        assert len(read_folder(tmp_path, skip_unreadable=True)) == 1


@pytest.mark.parametrize("library", ["soundfile", "librosa"])
def test_a_missing_library_is_told_once_and_not_taken_for_unreadable_files(tmp_path, write_tone, monkeypatch, library):
    write_tone("d/a/1.wav")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DataError, match=rf"^audio needs {library}.*pip install .*\[audio\]'$"):
        read_folder(tmp_path, skip_unreadable=True)


@pytest.mark.parametrize(("seconds", "net"), [(1.0, "lenet"), (0.1, "lenet"), (0.03, "mlp")])
def test_audio_gets_a_net_that_its_length_allows(tmp_path, write_tone, seconds, net):
    write_tone("d/a/1.wav")
    assert default_net(read_folder(tmp_path, seconds=seconds)) == net


def test_sound_files_raise_no_warning(tmp_path, write_tone):
    write_tone("d/a/1.wav")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_folder(tmp_path, skip_unreadable=True)
