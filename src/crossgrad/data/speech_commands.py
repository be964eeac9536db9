"""Spoken words with speakers as domains, from recordings laid out as Google's Speech Commands."""

import unicodedata
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad.data.audio import cut_around_word
from crossgrad.data.audio_decoding import AudioDecoding
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.domain_split import DomainSplit
from crossgrad.data.naming import name_indices, quoted
from crossgrad.data.speech_recordings import (
    NOISE_FOLDER,
    Recording,
    list_recordings,
    read_recordings,
    warn_of_damage,
)
from crossgrad.data.speech_selection import Example, Parts, choose_examples, choose_speakers
from crossgrad.data.speech_sound import N_SAMPLES, augmented, features_named, named_stream, silence
from crossgrad.errors import DataError, DataWarning, SettingsError

_SHAPE = (1, 40, 98)
_MOST_VARIANTS = 100


def read_speech_commands(
    place: Path,
    *,
    name: str,
    keywords: Collection[str],
    classes: Literal["twelve", "all"],
    training_speakers: int | None,
    fewest: int,
    features: Literal["mfcc", "log_mel"],
    variants: int,
    seed: int,
) -> DomainDataset:
    """Read a folder or archive of spoken words; speakers are the domains.

    What a speaker's examples are, noise and augmentation included, does not depend on how many speakers train. The
    files are gone through twice, for their names and for their sound, with one in memory at a time beside the inputs
    (16 kB each) and the noise.

    Args:
        place: the folder or archive.
        name: of the dataset.
        keywords: the ten words that are classes of their own.
        classes: "twelve": the keywords, "unknown" of other words and "silence"; "all": every word is a class.
        training_speakers: how many train; None: all that neither validate nor test.
        fewest: recordings of the classes' words that a speaker must have to be in the dataset, at least 1; a
            DataWarning counts those who have some, but fewer.
        features: of a recording, 40 in each of 98 frames.
        variants: augmented versions of each example, at most 100; 0: none.
        seed: of everything drawn.

    Returns:
        Inputs of shape (n, 1, 40, 98): training, validation, test speakers.

    Raises:
        DataError: no recordings, a keyword that nobody says, no noise to make silence of, or too few speakers.
        SettingsError: a number out of its range.

    Warns:
        DataWarning: recordings that cannot be read, speakers left out, or labels that a part lacks.
    """
    for option, value, least in (("fewest", fewest, 1), ("variants", variants, 0)):
        if value < least:
            raise SettingsError(f"{option} must be at least {least}, but is {value}")
    if variants > _MOST_VARIANTS:
        raise SettingsError(f"variants must be at most {_MOST_VARIANTS}, but is {variants}")
    features_named(features)  # before the minutes that reading may take
    recordings, noise = list_recordings(place)
    named = None if classes == "all" else frozenset(keywords)
    _check(place, recordings, noise, named)
    parts = choose_speakers(_speakers(recordings, named, fewest), training_speakers=training_speakers, seed=seed)
    examples = [
        example
        for speakers in (parts.training, parts.validation, parts.test)
        for example in choose_examples(recordings, speakers, keywords=named, seed=seed)
    ]
    inputs, versions, is_read = _sounds(place, examples, noise, features=features, variants=variants, seed=seed)
    return _dataset(
        [example for example, here in zip(examples, is_read, strict=True) if here],
        inputs[is_read],
        versions[is_read] if variants else None,
        parts,
        name=name,
        decoding=AudioDecoding(features),
    )


def _check(
    place: Path,
    recordings: Sequence[Recording],
    noise: Sequence[NDArray[np.float32]],
    keywords: Collection[str] | None,
) -> None:
    if keywords is None:
        return
    if absent := set(keywords) - {recording.word for recording in recordings}:
        raise DataError(f"{str(place)!r} holds no recording of {quoted(sorted(absent))}; classes=all takes other words")
    if not noise:
        raise DataError(
            f"{str(place)!r} holds no {NOISE_FOLDER}/*.wav, of which the class silence is made; classes=all needs none"
        )


def _speakers(recordings: Sequence[Recording], keywords: Collection[str] | None, fewest: int) -> list[str]:
    said = Counter(recording.speaker for recording in recordings if keywords is None or recording.word in keywords)
    enough = sorted(speaker for speaker, count in said.items() if count >= fewest)
    if len(enough) < len(said):
        warnings.warn(
            f"{len(said) - len(enough)} of {len(said)} speakers have fewer than {fewest} recordings and are left out",
            DataWarning,
            stacklevel=4,
        )
    return enough


def _sounds(
    place: Path,
    examples: Sequence[Example],
    noise: Sequence[NDArray[np.float32]],
    *,
    features: str,
    variants: int,
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Inputs, shape (n, 1, 40, 98), their variants, (n, v, 1, 40, 98), and which of the n could be read."""
    inputs = np.zeros((len(examples), *_SHAPE), dtype=np.float32)
    versions = np.zeros((len(examples), variants, *_SHAPE), dtype=np.float32)
    is_read = np.ones(len(examples), dtype=np.bool_)
    heard = features_named(features)
    positions: dict[PurePosixPath, int] = {}
    n_silence: Counter[str] = Counter()
    for index, example in enumerate(examples):
        if example.recording:
            positions[example.recording.path] = index
            continue
        n_silence[example.speaker] += 1
        stream = named_stream(seed, "silence", example.speaker, n_silence[example.speaker])
        inputs[index, 0] = heard(silence(noise, stream))
        for version in versions[index]:
            version[0] = heard(silence(noise, stream))
    damaged: dict[str, str] = {}
    for path, waveform in read_recordings(place, positions):
        index = positions[path]
        if isinstance(waveform, DataError):
            damaged[str(path)], is_read[index] = str(waveform), False
            continue
        word = cut_around_word(waveform, n_samples=N_SAMPLES)
        inputs[index, 0] = heard(word)
        stream = named_stream(seed, "variants", examples[index].label, unicodedata.normalize("NFC", path.name))
        for version in versions[index]:
            version[0] = heard(augmented(word, noise, stream))
    warn_of_damage(damaged)
    return inputs, versions, is_read


def _dataset(
    examples: Sequence[Example],
    inputs: NDArray[np.float32],
    variants: NDArray[np.float32] | None,
    parts: Parts,
    *,
    name: str,
    decoding: AudioDecoding,
) -> DomainDataset:
    labels, label_names = name_indices([example.label for example in examples], what="labels")
    domains, domain_names = name_indices([example.speaker for example in examples], what="domains")
    for part, speakers in (("training", parts.training), ("validation", parts.validation), ("test", parts.test)):
        said = {example.label for example in examples if example.speaker in set(speakers)}
        if absent := set(label_names) - said:
            warnings.warn(f"no {part} speaker says {quoted(sorted(absent))}", DataWarning, stacklevel=4)
    here = set(domain_names)  # a speaker may have had nothing but damaged recordings
    return DomainDataset(
        torch.from_numpy(inputs),
        labels,
        domains,
        label_names,
        domain_names,
        name,
        decoding,
        variants=None if variants is None else torch.from_numpy(variants),
        domain_split=DomainSplit(
            tuple(speaker for speaker in parts.validation if speaker in here),
            tuple(speaker for speaker in parts.test if speaker in here),
        ),
    )
