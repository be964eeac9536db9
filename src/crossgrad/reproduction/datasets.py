"""Table 3, the datasets: as published, and counted in the data that is here."""

from collections.abc import Mapping
from dataclasses import dataclass

from crossgrad.data import BENCHMARKS, Benchmark, DomainDataset
from crossgrad.errors import DataError
from crossgrad.reproduction.paper_table import Cell, PaperTable


@dataclass(frozen=True)
class _Task:
    """A row of table 3 as it was published, and the benchmarks that stand beside it, with what each is."""

    name: str
    labels: int
    domains: int
    split: str
    benchmarks: Mapping[str, str]


_TASKS = (
    _Task(
        "Font",
        36,
        109,
        "65 % / 10 % / 25 %",
        {
            "fonts_authors": "the arrays that the authors published with their code",
            "fonts": "drawn anew from handwriting families of Google Fonts, as the paper describes it",
        },
    ),
    _Task(
        "Handwriting",
        111,
        74,
        "60 % / 15 % / 25 %",
        {
            "lipitk": "the paper's own: LipiTk's Devanagari characters of HP Labs",
            "handwriting": "a stand-in: Omniglot's Devanagari characters (its alphabet Sanskrit)",
        },
    ),
    _Task(
        "MNIST",
        10,
        6,
        "each in turn",
        {
            "rotated_mnist": "the paper's own: the file of Ghifary et al. (2015), each digit at every angle",
            "mnist_angles": "drawn anew from MNIST in the way of Ghifary et al., with other digits",
        },
    ),
    _Task(
        "Speech",
        12,
        1888,
        "100 / 20 % / 20 %",
        {
            "speech": "the paper's own: Google Speech Commands v0.01, with 100 training speakers as in table 4",
            "speech_v2": "its successor: Google Speech Commands v0.02, with 100 training speakers too",
            "speech_lithuanian": "a stand-in: Lithuanian commands recorded in the same way",
            "synthetic_speakers": "a stand-in: commands spoken by a synthesiser's voices",
        },
    ),
)


def table3() -> PaperTable:
    """Table 3, the summary of datasets: as published, and counted in the data that is here.

    What is not prepared yet is prepared for it, which may take a minute.

    Reference:
        Shankar et al., "Generalizing Across Domains via Cross-Gradient Training", ICLR 2018, section 4.
    """
    rows: list[Mapping[str, Cell]] = []
    notes: list[str] = []
    for task in _TASKS:
        published: dict[str, Cell] = {
            "labels": task.labels,
            "domains": task.domains,
            "split": task.split,
            "examples": None,
        }
        rows.append({"dataset": task.name, "benchmark": "as published", **published})
        for name, what in task.benchmarks.items():
            benchmark = BENCHMARKS[name]
            cells, why_not = _counted(benchmark)
            rows.append({"dataset": task.name, "benchmark": name, **cells})
            notes.append(f"{name}: {what}. {why_not}".rstrip())
    return PaperTable(
        "Table 3: summary of datasets",
        {
            "dataset": "Dataset",
            "benchmark": "Benchmark",
            "labels": "Labels",
            "domains": "Domains",
            "split": "Train / validation / test",
            "examples": "Examples",
        },
        tuple(rows),
        tuple(notes),
    )


def _counted(benchmark: Benchmark) -> tuple[dict[str, Cell], str]:
    """A row's cells, and where there is nothing to count, why."""
    absent: dict[str, Cell] = {"labels": None, "domains": None, "split": "not here", "examples": None}
    if not benchmark.is_here:
        return absent, f"Not here. {benchmark.instructions}"
    try:
        dataset = benchmark.open()
    except DataError as error:  # such as audio without the libraries for it: the other rows can be told all the same
        return absent | {"split": "not usable"}, f"Not usable: {error}."
    counted: dict[str, Cell] = {
        "labels": len(set(dataset.labels.tolist())),
        "domains": len(set(dataset.domains.tolist())),
        "split": _split(dataset),
        "examples": len(dataset),
    }
    return counted, ""


def _split(dataset: DomainDataset) -> str:
    own = dataset.domain_split
    if own is None:
        return "each in turn"
    n_validation, n_test = len(own.validation), len(own.test)
    return f"{len(dataset.domain_names) - n_validation - n_test} / {n_validation} / {n_test}"
