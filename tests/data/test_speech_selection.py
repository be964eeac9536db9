import math
from collections import Counter
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data.speech_recordings import Recording
from crossgrad.data.speech_selection import SILENCE, UNKNOWN, choose_examples, choose_speakers

people = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), min_size=1, max_size=12)
"""For each speaker, how many keywords and how many other words it says."""


def recordings_of(counts) -> list[Recording]:
    return sorted(
        Recording(f"speaker {speaker:02}", word, PurePosixPath(word, f"speaker {speaker:02}_nohash_{number}.wav"))
        for speaker, said in enumerate(counts)
        for word, n in zip(("key", "other"), said, strict=True)
        for number in range(n)
    )


def chosen(counts, n_speakers):
    speakers = [f"speaker {speaker:02}" for speaker in range(n_speakers)]
    return choose_examples(recordings_of(counts), speakers, keywords={"key"}, seed=0)


@given(people)
def test_a_tenth_rounded_up_is_silence_and_no_more_than_a_tenth_unknown(counts):
    labels = Counter(example.label for example in chosen(counts, len(counts)))
    n_keywords = sum(keywords for keywords, _ in counts)
    assert labels["key"] == n_keywords
    assert labels[SILENCE] == math.ceil(n_keywords / 10)
    assert labels[UNKNOWN] <= labels[SILENCE]
    if all(others >= 25 for _, others in counts):
        assert labels[UNKNOWN] == labels[SILENCE]


@given(people, st.integers(0, 12))
def test_what_the_first_speakers_have_does_not_depend_on_how_many_follow(counts, n_speakers):
    few, every = chosen(counts, min(n_speakers, len(counts))), chosen(counts, len(counts))
    assert every[: len(few)] == few


@given(people)
def test_nobody_is_given_a_recording_of_another_or_one_twice(counts):
    used = [example for example in chosen(counts, len(counts)) if example.recording]
    assert all(example.speaker == example.recording.speaker for example in used)
    assert len({example.recording for example in used}) == len(used)


@given(st.integers(5, 60), st.integers(0, 5))
def test_every_speaker_is_in_one_part_and_fewer_to_train_are_the_first_of_more(n_speakers, seed):
    names = [str(number) for number in range(n_speakers)]
    every = choose_speakers(names, training_speakers=None, seed=seed)
    assert sorted(every.training + every.validation + every.test) == sorted(names)
    few = choose_speakers(names, training_speakers=2, seed=seed)
    assert (few.training, few.test) == (every.training[:2], every.test)
