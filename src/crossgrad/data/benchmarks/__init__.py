"""The benchmarks by name."""

from crossgrad.data.benchmarks.benchmark import Benchmark
from crossgrad.data.benchmarks.digits import DIGITS, DIGITS_OVERLAPPING
from crossgrad.data.benchmarks.fonts import FONTS
from crossgrad.data.benchmarks.fonts_authors import FONTS_AUTHORS
from crossgrad.data.benchmarks.handwriting import HANDWRITING
from crossgrad.data.benchmarks.lipitk import LIPITK
from crossgrad.data.benchmarks.mnist_angles import MNIST_ANGLES
from crossgrad.data.benchmarks.rotated_mnist import ROTATED_MNIST
from crossgrad.data.benchmarks.speech import SPEECH, SPEECH_LITHUANIAN, SPEECH_V2
from crossgrad.data.benchmarks.synthetic_speakers import SYNTHETIC_SPEAKERS

BENCHMARKS: dict[str, Benchmark] = {
    "digits": DIGITS,
    "digits-overlapping": DIGITS_OVERLAPPING,
    "fonts": FONTS,
    "fonts_authors": FONTS_AUTHORS,
    "handwriting": HANDWRITING,
    "lipitk": LIPITK,
    "rotated_mnist": ROTATED_MNIST,
    "mnist_angles": MNIST_ANGLES,
    "speech": SPEECH,
    "speech_v2": SPEECH_V2,
    "speech_lithuanian": SPEECH_LITHUANIAN,
    "synthetic_speakers": SYNTHETIC_SPEAKERS,
}

__all__ = ["BENCHMARKS", "Benchmark"]
