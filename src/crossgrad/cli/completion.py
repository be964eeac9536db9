"""What the shell completes, without torch: names of methods, nets and benchmarks, and files where data may be files."""

from pathlib import Path

METHODS = (
    "erm",
    "label_grad",
    "dann",
    "ccsa",
    "mtae",
    "crossgrad",
    "crossgrad_separate",
    "hybrid",
    "random",
    "repeat",
    "erm_matched",
)
NETS = ("lenet", "resnet", "conv2", "keyword", "conv1d", "mlp")
BENCHMARKS = (
    "digits",
    "digits-overlapping",
    "fonts",
    "fonts_authors",
    "handwriting",
    "lipitk",
    "rotated_mnist",
    "mnist_angles",
    "speech",
    "speech_v2",
    "speech_lithuanian",
    "synthetic_speakers",
)
"""Names in METHODS, NETS and BENCHMARKS, which load torch; a test holds these to be the same."""


def method(incomplete: str) -> list[str]:
    """Names that begin so.

    Example:
        >>> method("cross")
        ['crossgrad', 'crossgrad_separate']
    """
    return _beginning(METHODS, incomplete)


def methods(incomplete: str) -> list[str]:
    """Names with commas between, the last of which begins so and is not among the others.

    Example:
        >>> methods("erm,cc")
        ['erm,ccsa']
    """
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in _beginning(METHODS, last) if name not in before.split(",")]


def net(incomplete: str) -> list[str]:
    return _beginning(NETS, incomplete)


def benchmark(incomplete: str) -> list[str]:
    return _beginning(BENCHMARKS, incomplete)


def data(incomplete: str) -> list[str]:
    """Benchmarks, and files and folders of this machine, which begin so."""
    folder, slash, start = incomplete.rpartition("/")
    try:
        entries = sorted(Path(f"{folder}{slash}" or ".").iterdir())
    except OSError:
        entries = []
    return [
        *([] if slash else benchmark(incomplete)),
        *(
            f"{folder}{slash}{entry.name}{'/' if entry.is_dir() else ''}"
            for entry in entries
            if entry.name.startswith(start) and (start or not entry.name.startswith("."))
        ),
    ]


def _beginning(names: tuple[str, ...], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
