"""Synthetic speakers: the words of Speech Commands, said by voices of the synthesizer espeak-ng. No person speaks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad.data.audio import audio_library, cut_around_word
from crossgrad.data.audio_decoding import AudioDecoding
from crossgrad.data.benchmarks.benchmark import Benchmark, Facts
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.domain_split import DomainSplit
from crossgrad.data.espeak import SAMPLE_RATE_HZ, Utterance, speak
from crossgrad.data.naming import name_indices
from crossgrad.data.speech_selection import choose_speakers
from crossgrad.data.speech_sound import N_SAMPLES, features_named
from crossgrad.data.speech_sound import SAMPLE_RATE_HZ as RECORDING_RATE_HZ
from crossgrad.errors import SettingsError

KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
"""The ten of TensorFlow's tutorial on audio recognition."""

OTHER_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("bed", "bird", "cat", "dog", "happy", "house", "marvin", "sheila", "tree", "wow"),
)
"""The other twenty of Speech Commands v0.01: examples of the class "unknown"."""

ACCENTS = ("en", "en-029", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-gb-x-rp", "en-us", "en-us-nyc")
"""Britain, the Caribbean, Scotland, Lancaster, the West Midlands, received pronunciation, America, New York."""

VARIANTS = (
    *("f1", "f2", "f3", "f4", "f5", "Alicia", "Andrea", "Annie", "anika", "belinda", "grandma", "linda", "shelby"),
    *("m1", "m2", "m3", "m4", "m6", "m7", "m8", "Andy", "Denis", "Lee", "Nguyen", "grandpa", "victor"),
)
"""Of the voice: thirteen like women and thirteen like men; espeak-ng's robots and whisperers are not among them."""

_MOST_SHIFT = N_SAMPLES // 10
_MOST_SPEAKERS = 10_000
_MOST_TAKES = 100


@dataclass(frozen=True)
class _Speaker:
    voice: str
    rate: float
    pitch: float
    pitch_range: float
    level_db: float
    noise_db: float


def load_synthetic_speakers(
    *,
    speakers: int = 100,
    training_speakers: int | None = None,
    takes: int = 3,
    features: Literal["mfcc", "log_mel"] = "mfcc",
    seed: int = 0,
) -> DomainDataset:
    """Have synthetic speakers say the ten keywords.

    A speaker has an accent, a variant of the voice, a speed, a pitch, a loudness and a level of noise in the room, all
    drawn from its number: the first 100 of 200 speakers are those of 100, and say the same. Each take varies around
    them and lies elsewhere in its second. For every take of the ten keywords there is one "unknown", another word of
    Speech Commands, and one "silence", the room's noise alone: a tenth of the keywords each, as in TensorFlow's
    tutorial. A fifth of the speakers tests, a fifth validates, and of the rest as many as asked for train; the others
    are not spoken.

    Args:
        speakers: how many there are, 5 to 10,000.
        training_speakers: how many train; None: all that neither validate nor test. With one seed, the dataset of 40
            is the beginning of that of 100: the same validation and test speakers, and the first 40 to train.
        takes: times that each says each keyword, 1 to 100.
        features: of a recording, 40 in each of 98 frames.
        seed: of everything drawn.

    Returns:
        takes * 12 examples of each speaker, shape (n, 1, 40, 98), speaker by speaker; domains "synthetic-00000" and so
        on. With `training_speakers`, those who validate come first, then those who test, then those who train.

    Raises:
        DataError: the extra `audio` is not installed.
        SettingsError: a number out of its range, or features that there are not.

    Example:
        >>> dataset = load_synthetic_speakers(speakers=5, takes=1)
        >>> dataset.inputs.shape, dataset.domain_names[:2]
        (torch.Size([60, 1, 40, 98]), ('synthetic-00000', 'synthetic-00001'))
    """
    for name, value, least, most in (("speakers", speakers, 5, _MOST_SPEAKERS), ("takes", takes, 1, _MOST_TAKES)):
        if not least <= value <= most:
            raise SettingsError(f"{name} must be {least} to {most}, but is {value}")
    heard, soxr = features_named(features), audio_library("soxr")
    names = [f"synthetic-{number:05d}" for number in range(speakers)]
    parts = choose_speakers(names, training_speakers=training_speakers, seed=seed)
    # What is said depends a little on all that was said before. So whoever is measured speaks first, and more training
    # speakers follow fewer; where all speak, they do in the order of their numbers, and more speakers follow fewer.
    chosen = names if training_speakers is None else [*parts.validation, *parts.test, *parts.training]
    numbers = {name: number for number, name in enumerate(names)}
    planned = [(numbers[name], *words) for name in chosen for words in _words(numbers[name], takes, seed)]
    # All drawn before the first is spoken: takes draw their utterances, then their recordings, from one stream.
    utterances = [_utterance(_speaker(number, seed), word, stream) for number, _, word, stream in planned if word]
    spoken = speak(utterances)
    inputs = np.empty((len(planned), 1, 40, 98), dtype=np.float32)
    for index, (number, _, word, stream) in enumerate(planned):
        said = soxr.resample(next(spoken), SAMPLE_RATE_HZ, RECORDING_RATE_HZ) if word else np.zeros(1, np.float32)
        inputs[index, 0] = heard(_recorded(said, _speaker(number, seed), stream))
    labels, label_names = name_indices([label for _, label, _, _ in planned], what="labels")
    return DomainDataset(
        torch.from_numpy(inputs),
        labels,
        torch.arange(len(chosen)).repeat_interleave(len(planned) // len(chosen)),
        label_names,
        tuple(chosen),
        "synthetic_speakers",
        AudioDecoding(features),
        domain_split=DomainSplit(parts.validation, parts.test),
    )


def _words(number: int, takes: int, seed: int) -> Iterator[tuple[str, str | None, np.random.RandomState]]:
    """For each example of a speaker: its label, the word to be said, and what draws the rest of it."""
    for take in range(takes):
        stream = np.random.RandomState([seed, number, 1 + take])
        for word in KEYWORDS:
            yield word, word, stream
        yield "unknown", OTHER_WORDS[stream.randint(len(OTHER_WORDS))], stream
        yield "silence", None, stream


def _speaker(number: int, seed: int) -> _Speaker:
    stream = np.random.RandomState([seed, number, 0])
    accent, variant = ACCENTS[stream.randint(len(ACCENTS))], VARIANTS[stream.randint(len(VARIANTS))]
    return _Speaker(
        voice=f"{accent}+{variant}",
        rate=stream.uniform(130, 220),
        pitch=stream.uniform(30, 70),
        pitch_range=stream.uniform(30, 70),
        level_db=stream.uniform(-20, 0),
        noise_db=stream.uniform(-65, -40),
    )


def _utterance(speaker: _Speaker, word: str, stream: np.random.RandomState) -> Utterance:
    return Utterance(
        word,
        speaker.voice,
        rate=round(speaker.rate * stream.uniform(0.9, 1.1)),
        pitch=round(speaker.pitch + stream.uniform(-5, 5)),
        pitch_range=round(speaker.pitch_range + stream.uniform(-10, 10)),
    )


def _recorded(said: NDArray[np.float32], speaker: _Speaker, stream: np.random.RandomState) -> NDArray[np.float32]:
    """One second in the speaker's room, the word up to 100 ms before or after its middle."""
    shifted = np.roll(cut_around_word(said, n_samples=N_SAMPLES), stream.randint(-_MOST_SHIFT, _MOST_SHIFT + 1))
    level, noise = (10 ** ((db + stream.uniform(-3, 3)) / 20) for db in (speaker.level_db, speaker.noise_db))
    return (level * shifted + noise * stream.normal(size=N_SAMPLES)).clip(-1, 1).astype(np.float32)


SYNTHETIC_SPEAKERS = Benchmark(
    name="synthetic_speakers",
    description="synthetic: ten English words and the classes silence and unknown, said by voices of espeak-ng",
    load=load_synthetic_speakers,
    net="keyword",
    settings={"max_steps": 500, "batch_size": 32, "learning_rate": 3e-4},
    licence="none: made on this machine, by a library under GPL-3.0-or-later",
    facts=Facts(labels=12, domains=100, examples=3600, input_shape=(1, 40, 98)),
)
