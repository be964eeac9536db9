import re
import shutil
import tarfile
import unicodedata
import warnings
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from crossgrad.data.audio_decoding import AudioDecoding
from crossgrad.data.benchmarks import BENCHMARKS
from crossgrad.data.benchmarks.speech import ENGLISH, LITHUANIAN, load_speech, load_speech_lithuanian, load_speech_v2
from crossgrad.errors import DataError, DataWarning, SettingsError

SPEAKERS = tuple(f"{number:08x}" for number in range(10))
OTHERS = ("bed", "cat", "wow")
(LT,) = BENCHMARKS["speech_lithuanian"].files
on_lithuanian = pytest.mark.skipif(not LT.is_here, reason=f"{LT.path} is not in the data root")


def write_sound(path: Path, *, seed: int, seconds: float = 0.5, rate: int = 16_000, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.RandomState(seed).normal(scale=0.1, size=(round(seconds * rate), channels))
    soundfile.write(path, samples.clip(-1, 1), rate)


def write_commands(folder: Path, *, words=(*ENGLISH, *OTHERS), speakers=SPEAKERS, noise: bool = True) -> Path:
    for column, word in enumerate(words):
        for row, speaker in enumerate(speakers):
            write_sound(folder / word / f"{speaker}_nohash_0.wav", seed=1000 * column + row)
    if noise:
        for seed, seconds in enumerate((3.0, 0.5)):
            write_sound(folder / "_background_noise_" / f"noise {seed}.wav", seed=seed, seconds=seconds)
    (folder / "README.md").write_text("no sound")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_commands(tmp_path_factory.mktemp("commands"))


def load(folder: Path, **options):
    return load_speech(folder=folder, **{"training_speakers": None, **options})


def examples_by_name(dataset) -> dict[tuple[str, str], list[bytes]]:
    found: dict[tuple[str, str], list[bytes]] = {}
    for values, label, domain in zip(dataset.inputs, dataset.labels.tolist(), dataset.domains.tolist(), strict=True):
        key = (dataset.domain_names[domain], dataset.label_names[label])
        found.setdefault(key, []).append(values.numpy().tobytes())
    return found


def of_part(dataset, names) -> list[str]:
    """Labels of these speakers' examples."""
    chosen = {dataset.domain_names.index(name) for name in names}
    return [
        dataset.label_names[label]
        for label, domain in zip(dataset.labels.tolist(), dataset.domains.tolist(), strict=True)
        if domain in chosen
    ]


def training(dataset) -> list[str]:
    split = dataset.domain_split
    return [name for name in dataset.domain_names if name not in {*split.validation, *split.test}]


def test_ten_words_silence_and_unknown_in_the_tutorials_proportions_in_every_part(folder):
    dataset = load(folder)
    assert set(dataset.label_names) == {*ENGLISH, "silence", "unknown"}
    assert dataset.inputs.shape == (100 + 10 + 10, 1, 40, 98)
    split = dataset.domain_split
    for names, n_speakers in ((split.test, 2), (split.validation, 2), (training(dataset), 6)):
        labels = of_part(dataset, names)
        assert len(names) == n_speakers
        assert {label: labels.count(label) for label in set(labels)} == dict.fromkeys(dataset.label_names, n_speakers)


def test_parts_share_no_speaker(folder):
    """Also where speakers are left out of the training: those are in no part."""
    for n_training, n_left in ((None, 6), (3, 3)):
        dataset = load(folder, training_speakers=n_training)
        parts = (training(dataset), dataset.domain_split.validation, dataset.domain_split.test)
        assert [len(part) for part in parts] == [n_left, 2, 2]
        assert sorted(speaker for part in parts for speaker in part) == sorted(dataset.domain_names)
        sounds = [
            {values for (who, _), all_of in examples_by_name(dataset).items() if who in part for values in all_of}
            for part in parts
        ]
        assert not any(one & other for one, other in combinations(sounds, 2))


def test_all_words_are_classes_and_need_no_noise(tmp_path):
    dataset = load(write_commands(tmp_path, words=("one", "two"), noise=False), classes="all")
    assert (dataset.label_names, len(dataset)) == (("one", "two"), 20)


@pytest.mark.parametrize("features", ["mfcc", "log_mel"])
def test_a_recording_is_read_alone_as_the_dataset_reads_it(folder, features):
    dataset = load(folder, features=features)
    assert dataset.decoding == AudioDecoding(features)
    known = examples_by_name(dataset)
    for speaker in SPEAKERS[:3]:
        alone = dataset.decoding.decode(folder / "yes" / f"{speaker}_nohash_0.wav")
        assert known[speaker, "yes"] == [alone.tobytes()]


def test_fewer_training_speakers_are_the_first_of_more_with_the_same_examples(folder):
    few, more, every = (load(folder, training_speakers=n, variants=1) for n in (2, 4, None))
    assert set(training(few)) < set(training(more)) < set(training(every))
    assert few.domain_split == more.domain_split == every.domain_split
    n_training = len(of_part(few, training(few)))
    torch.testing.assert_close(more.inputs[:n_training], few.inputs[:n_training], rtol=0, atol=0)
    torch.testing.assert_close(more.variants[:n_training], few.variants[:n_training], rtol=0, atol=0)
    assert examples_by_name(few).items() <= examples_by_name(every).items()


def test_a_folder_and_archives_of_it_give_the_same(folder, tmp_path):
    archive = tmp_path / "commands.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for file in sorted(folder.rglob("*.wav"), reverse=True):
            tar.add(file, Path("dataset") / file.relative_to(folder))
    assert load(archive).fingerprint == load(folder).fingerprint


@pytest.mark.parametrize("other", [{"seed": 1}, {"features": "log_mel"}, {"variants": 1}, {"training_speakers": 3}])
def test_every_option_changes_something(folder, other):
    assert load(folder, **other).fingerprint != load(folder).fingerprint


def test_v2_is_read_likewise(folder):
    dataset = load_speech_v2(folder=folder, training_speakers=None)
    assert (dataset.name, dataset.fingerprint) == ("speech_v2", load(folder).fingerprint)


def test_a_recording_that_an_archive_holds_twice_is_one_example_of_the_later(folder, tmp_path):
    archive, changed = tmp_path / "commands.tar", tmp_path / "changed"
    twice = Path("yes") / f"{SPEAKERS[0]}_nohash_0.wav"
    write_sound(tmp_path / "later.wav", seed=9999)
    with tarfile.open(archive, "w") as tar:
        tar.add(folder, ".")
        tar.add(tmp_path / "later.wav", Path(".") / twice)
    shutil.copytree(folder, changed)
    shutil.copy(tmp_path / "later.wav", changed / twice)
    assert load(archive).fingerprint == load(changed).fingerprint


def test_variants_differ_from_each_other_and_leave_the_inputs_alone(folder):
    plain, augmented = load(folder), load(folder, variants=2)
    torch.testing.assert_close(augmented.inputs, plain.inputs, rtol=0, atol=0)
    assert augmented.variants.shape == (len(plain), 2, 1, 40, 98)
    versions = torch.cat([augmented.inputs[:, None], augmented.variants], dim=1)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (versions[:, one] != versions[:, other]).flatten(1).any(dim=1).all()


def test_names_in_either_normal_form_are_one_label(tmp_path):
    for form, speakers in (("NFC", SPEAKERS[:5]), ("NFD", SPEAKERS[5:])):
        words = [unicodedata.normalize(form, word) for word in LITHUANIAN]
        write_commands(tmp_path, words=words, speakers=speakers, noise=form == "NFC")
    with pytest.warns(DataWarning, match="no training speaker says 'unknown'|no .* speaker says"):
        dataset = load_speech_lithuanian(folder=write_commands(tmp_path, words=["labas"], speakers=SPEAKERS[:1]))
    assert set(dataset.label_names) == {*LITHUANIAN, "silence", "unknown"}


def test_variants_of_a_speaker_are_the_same_in_either_normal_form(tmp_path):
    speakers = [f"ąžuolas{number}" for number in range(5)]
    folders = [
        write_commands(
            tmp_path / form, words=("one", "two"), speakers=[unicodedata.normalize(form, name) for name in speakers]
        )
        for form in ("NFC", "NFD")
    ]
    composed, decomposed = (load(folder, classes="all", variants=2) for folder in folders)
    assert composed.fingerprint == decomposed.fingerprint


def test_other_rates_channels_and_lengths_become_one_second(tmp_path):
    write_commands(tmp_path, words=("one", "two"))
    for speaker, sound in zip(
        SPEAKERS, ({"rate": 44_100}, {"channels": 2}, {"seconds": 3.0}, {"seconds": 0.01}), strict=False
    ):
        write_sound(tmp_path / "one" / f"{speaker}_nohash_0.wav", seed=7, **sound)
    dataset = load(tmp_path, classes="all")
    assert dataset.inputs.shape == (20, 1, 40, 98)
    assert torch.isfinite(dataset.inputs).all()


def test_damaged_recordings_are_named_counted_and_left_out(tmp_path, folder):
    write_commands(tmp_path)
    for name in ("yes/00000000_nohash_0.wav", "no/00000001_nohash_0.wav"):
        (tmp_path / name).write_bytes(b"no sound at all")
    with pytest.warns(DataWarning, match=re.escape("2 recordings cannot be read")) as caught:
        dataset = load(tmp_path)
    assert "'yes/00000000_nohash_0.wav'" in str(caught[0].message)
    lost = {("00000000", "yes"), ("00000001", "no")}
    assert examples_by_name(dataset).keys() == examples_by_name(load(folder)).keys() - lost


def test_a_speaker_of_nothing_but_damage_is_in_no_part(tmp_path):
    write_commands(tmp_path, words=("one",))
    test_speaker = load(tmp_path, classes="all").domain_split.test[0]
    (tmp_path / "one" / f"{test_speaker}_nohash_0.wav").write_bytes(b"")
    with pytest.warns(DataWarning, match="1 recordings cannot be read"):
        dataset = load(tmp_path, classes="all")
    assert test_speaker not in {*dataset.domain_names, *dataset.domain_split.test}
    assert len(dataset) == 9


def test_damaged_noise_is_left_out(tmp_path):
    write_commands(tmp_path)
    (tmp_path / "_background_noise_" / "noise 1.wav").write_bytes(b"hiss")
    with pytest.warns(DataWarning, match=r"_background_noise_/noise 1\.wav"):
        assert len(load(tmp_path)) == 120


def test_sounds_whose_names_say_no_speaker_are_left_out(tmp_path):
    write_commands(tmp_path)
    write_sound(tmp_path / "yes" / "somebody.wav", seed=0)
    with pytest.warns(DataWarning, match=r"names of 1 files say no word and speaker .*'yes/somebody\.wav'"):
        assert len(load(tmp_path)) == 120


def test_speakers_with_fewer_recordings_are_counted_and_left_out(tmp_path):
    write_commands(tmp_path)
    write_commands(tmp_path, words=("yes", "bed"), speakers=("once",))
    assert "once" in load(tmp_path).domain_names
    with pytest.warns(DataWarning, match="1 of 11 speakers have fewer than 2 recordings"):
        assert "once" not in load(tmp_path, fewest=2).domain_names


def test_a_speaker_without_keywords_is_in_the_dataset_only_where_all_words_are_classes(tmp_path):
    write_commands(tmp_path)
    write_commands(tmp_path, words=("bed",), speakers=("sleepy",))
    assert "sleepy" not in load(tmp_path).domain_names
    assert "sleepy" in load(tmp_path, classes="all").domain_names


def test_a_part_that_lacks_a_label_is_told(tmp_path):
    write_commands(tmp_path)
    dataset = load(tmp_path)
    for speaker in training(dataset):
        (tmp_path / "yes" / f"{speaker}_nohash_0.wav").unlink()
    with pytest.warns(DataWarning, match="no training speaker says 'yes'"):
        load(tmp_path)


def test_without_noise_there_is_no_silence(tmp_path):
    with pytest.raises(DataError, match=r"_background_noise_.*classes=all needs none"):
        load(write_commands(tmp_path, noise=False))


def test_keywords_that_nobody_says_are_named(tmp_path):
    with pytest.raises(DataError, match=r"no recording of 'down', 'go', .*classes=all"):
        load(write_commands(tmp_path, words=("yes", "no")))


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no sound")
    with pytest.raises(DataError, match="holds no recording with a name like"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"training_speakers": 7}, "training_speakers must be 2 to 6, .* but is 7"),
        ({"training_speakers": 1}, "training_speakers must be 2 to 6, .* but is 1"),
        ({"fewest": 0}, "fewest must be at least 1, but is 0"),
        ({"variants": -1}, "variants must be at least 0, but is -1"),
        ({"variants": 1_000_000}, "variants must be at most 100, but is 1000000"),
    ],
)
def test_numbers_out_of_range_are_quoted(folder, options, message):
    with pytest.raises(SettingsError, match=message):
        load(folder, **options)


@cache
def lithuanian(**options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a default load has nothing to say
        return load_speech_lithuanian(**options)


@on_lithuanian
def test_the_lithuanian_set_is_as_its_facts_say():
    dataset, facts = lithuanian(), BENCHMARKS["speech_lithuanian"].facts
    assert LT.place.stat().st_size == LT.n_bytes
    assert dataset.inputs.shape == (facts.examples, *facts.input_shape)
    assert dataset.variants.shape == (facts.examples, 4, *facts.input_shape)
    assert (len(dataset.label_names), len(dataset.domain_names)) == (facts.labels, facts.domains)


@on_lithuanian
def test_every_lithuanian_label_is_in_every_part():
    dataset = lithuanian()
    split = dataset.domain_split
    assert [len(names) for names in (training(dataset), split.validation, split.test)] == [16, 6, 6]
    for names in (training(dataset), split.validation, split.test):
        assert set(of_part(dataset, names)) == set(dataset.label_names)


@on_lithuanian
def test_all_489_lithuanian_recordings_are_read_where_all_words_are_classes():
    dataset = lithuanian(classes="all")
    assert (len(dataset), len(dataset.label_names), len(dataset.domain_names)) == (489, 20, 28)
