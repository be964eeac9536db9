"""Which speakers train, validate and test, and which of their recordings are examples of which class."""

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from crossgrad.data.domain_split import random_domain_split
from crossgrad.data.speech_recordings import Recording
from crossgrad.data.speech_sound import named_stream
from crossgrad.errors import SettingsError

SILENCE = "silence"
UNKNOWN = "unknown"
ONE_IN = 10
"""Keywords for one "silence" and one "unknown": the tutorial's 10 % (train.py: silence_percentage,
unknown_percentage)."""


@dataclass(frozen=True)
class Parts:
    """Names of speakers; no two parts share one."""

    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """What becomes one input: a recording, or silence in a speaker's name."""

    speaker: str
    label: str
    recording: Recording | None


def choose_speakers(names: Sequence[str], *, training_speakers: int | None, seed: int) -> Parts:
    """Draw a fifth of the speakers to test, a fifth to validate, and some of the rest to train.

    Args:
        names: of all speakers.
        training_speakers: how many train; None: all that are left.
        seed: of the drawing.

    Returns:
        Validation and test speakers in the order of `names`, training speakers in the order drawn: with the same seed,
        40 of them are the first of 100, and those the first of 200.

    Raises:
        SettingsError: fewer speakers are left than are to train, or fewer than two are to.

    Example:
        >>> names = [f"speaker {number}" for number in range(10)]
        >>> choose_speakers(names, training_speakers=2, seed=0).training
        ('speaker 0', 'speaker 7')
    """
    split = random_domain_split(names, validation=0.2, test=0.2, seed=seed)
    held_out = {*split.validation, *split.test}
    left = [name for name in names if name not in held_out]
    n_training = len(left) if training_speakers is None else training_speakers
    if not 2 <= n_training <= len(left):
        raise SettingsError(
            f"training_speakers must be 2 to {len(left)}, since {len(split.test)} of {len(names)} speakers test and "
            f"{len(split.validation)} validate, but is {training_speakers}"
        )
    order = np.random.RandomState([seed, 1]).permutation(len(left))
    return Parts(tuple(left[index] for index in order[:n_training]), split.validation, split.test)


def choose_examples(
    recordings: Sequence[Recording], speakers: Sequence[str], *, keywords: Collection[str] | None, seed: int
) -> list[Example]:
    """Choose the examples of one part.

    Args:
        recordings: sorted; those of other speakers are passed over.
        speakers: of the part.
        keywords: words that are classes of their own. Of the other words as many are drawn as make one "unknown" for
            ten keywords, and there is one "silence" for ten, counted from the first speaker on and rounded up: so what
            the first speakers have does not depend on how many follow. A speaker without enough other words leaves
            them to the next. None: every word is a class, and there is no other.
        seed: of the drawing.

    Returns:
        Speaker by speaker: keywords, "unknown", "silence".
    """
    by_speaker = defaultdict(list)
    for recording in recordings:
        by_speaker[recording.speaker].append(recording)
    examples: list[Example] = []
    n_keywords = n_unknown = n_silence = 0
    for speaker in speakers:
        own = by_speaker[speaker]
        named = [recording for recording in own if keywords is None or recording.word in keywords]
        examples += [Example(speaker, recording.word, recording) for recording in named]
        if keywords is None:
            continue
        n_keywords += len(named)
        due = math.ceil(n_keywords / ONE_IN)
        others = [recording for recording in own if recording.word not in keywords]
        drawn = named_stream(seed, "unknown", speaker).permutation(len(others))[: due - n_unknown]
        examples += [Example(speaker, UNKNOWN, others[index]) for index in np.sort(drawn)]
        examples += [Example(speaker, SILENCE, None)] * (due - n_silence)
        n_unknown, n_silence = n_unknown + len(drawn), due
    return examples
