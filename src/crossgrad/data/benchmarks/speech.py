"""Speech commands of people: Google's, which the paper used, and a Lithuanian set of the same form."""

from pathlib import Path
from typing import Literal

from crossgrad.data.benchmarks.benchmark import Benchmark, Facts
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.raw_files import RawFile
from crossgrad.data.speech_commands import read_speech_commands

ENGLISH = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
"""The ten words of TensorFlow's tutorial on audio recognition, and of the paper."""

LITHUANIAN = ("taip", "ne", "į_viršų", "į_apačią", "į_kairę", "į_dešinę", "įjunk", "išjunk", "stop", "startas")
"""Their counterparts, in the same order; for "go" there is "startas", start."""

_MIRRORS = ("https://storage.googleapis.com/download.tensorflow.org/data/", "http://download.tensorflow.org/data/")

_V1 = RawFile(
    "speech_commands/speech_commands_v0.01.tar.gz",
    sha256="743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
    n_bytes=1_489_096_277,
    urls=tuple(f"{mirror}speech_commands_v0.01.tar.gz" for mirror in _MIRRORS),
)

_V2 = RawFile(
    "speech_commands/speech_commands_v0.02.tar.gz",
    sha256="af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
    n_bytes=2_428_923_189,
    urls=tuple(f"{mirror}speech_commands_v0.02.tar.gz" for mirror in _MIRRORS),
)

_LT = RawFile("lt_speech_commands/lt_speech_commands.tar.gz", sha256=None, n_bytes=18_924_913)


def load_speech(
    *,
    folder: Path | None = None,
    classes: Literal["twelve", "all"] = "twelve",
    training_speakers: int | None = 100,
    fewest: int = 1,
    features: Literal["mfcc", "log_mel"] = "mfcc",
    variants: int = 0,
    seed: int = 0,
) -> DomainDataset:
    """Load Google's Speech Commands v0.01; `read_speech_commands` says what the options mean."""
    return read_speech_commands(
        folder or _V1.place,
        name="speech",
        keywords=ENGLISH,
        classes=classes,
        training_speakers=training_speakers,
        fewest=fewest,
        features=features,
        variants=variants,
        seed=seed,
    )


def load_speech_v2(
    *,
    folder: Path | None = None,
    classes: Literal["twelve", "all"] = "twelve",
    training_speakers: int | None = 100,
    fewest: int = 1,
    features: Literal["mfcc", "log_mel"] = "mfcc",
    variants: int = 0,
    seed: int = 0,
) -> DomainDataset:
    """Load Google's Speech Commands v0.02: more speakers and words, and its labels were checked once more."""
    return read_speech_commands(
        folder or _V2.place,
        name="speech_v2",
        keywords=ENGLISH,
        classes=classes,
        training_speakers=training_speakers,
        fewest=fewest,
        features=features,
        variants=variants,
        seed=seed,
    )


def load_speech_lithuanian(
    *,
    folder: Path | None = None,
    classes: Literal["twelve", "all"] = "twelve",
    training_speakers: int | None = None,
    fewest: int = 1,
    features: Literal["mfcc", "log_mel"] = "mfcc",
    variants: int = 4,
    seed: int = 0,
) -> DomainDataset:
    """Load the Lithuanian speech commands: 489 recordings of 20 words by 28 people, all of whom are used.

    So few recordings are augmented by default, as those of TensorFlow's tutorial always are.
    """
    return read_speech_commands(
        folder or _LT.place,
        name="speech_lithuanian",
        keywords=LITHUANIAN,
        classes=classes,
        training_speakers=training_speakers,
        fewest=fewest,
        features=features,
        variants=variants,
        seed=seed,
    )


SPEECH = Benchmark(
    name="speech",
    description="Google's Speech Commands v0.01: ten English words, silence and unknown, across speakers",
    load=load_speech,
    net="keyword",
    settings={"max_steps": 2000, "batch_size": 32, "learning_rate": 3e-4},
    licence="CC BY 4.0",
    facts=None,
    files=(_V1,),
)

SPEECH_V2 = Benchmark(
    name="speech_v2",
    description="Google's Speech Commands v0.02: ten English words, silence and unknown, across speakers",
    load=load_speech_v2,
    net="keyword",
    settings={"max_steps": 2000, "batch_size": 32, "learning_rate": 3e-4},
    licence="CC BY 4.0",
    facts=None,
    files=(_V2,),
)

SPEECH_LITHUANIAN = Benchmark(
    name="speech_lithuanian",
    description="ten Lithuanian words, silence and unknown, across 28 speakers",
    load=load_speech_lithuanian,
    net="keyword",
    settings={"max_steps": 300, "batch_size": 32, "learning_rate": 3e-4},
    licence="none stated; made for academic research",
    facts=Facts(labels=12, domains=28, examples=277, input_shape=(1, 40, 98)),
    files=(_LT,),
    how=(
        "git clone https://github.com/kolesov93/lt_speech_commands && "
        "git -C lt_speech_commands checkout 19ab7098e9211bec6e71b0359165172a66117047 && "
        "mkdir -p {root}/lt_speech_commands && "
        "tar -czf {root}/lt_speech_commands/lt_speech_commands.tar.gz -C lt_speech_commands dataset; "
        "or name the folder lt_speech_commands/dataset by the option folder."
    ),
)
