"""The paper's tables beside ours: Shankar et al., "Generalizing Across Domains via Cross-Gradient Training", ICLR 2018.

Every table is a function in TABLES that measures or counts anew; nothing of ours is written down here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crossgrad.data import BENCHMARKS, Benchmark, DomainDataset

Cell = str | int | None


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper with ours in it.

    Args:
        title: as a sentence without an end.
        columns: headings by the keys of the rows' cells, in their order.
        rows: cells by key; None: not to be told.
        notes: what a reader has to know beside the numbers.
    """

    title: str
    columns: Mapping[str, str]
    rows: tuple[Mapping[str, Cell], ...]
    notes: tuple[str, ...]


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
        {"rotated_mnist": "the paper's own: the file of Ghifary et al. (2015)"},
    ),
    _Task(
        "Speech",
        12,
        1888,
        "100 / 20 % / 20 %",
        {
            "speech": "the paper's own: Google Speech Commands, version 0.01",
            "speech_v2": "a successor: Google Speech Commands, version 0.02",
            "speech_lithuanian": "a stand-in: Lithuanian commands recorded in the same way",
            "synthetic_speakers": "a stand-in: commands spoken by a synthesiser's voices",
        },
    ),
)


def table3() -> PaperTable:
    """Table 3, the summary of datasets: as published, and counted in the data that is here.

    Raises:
        DataError: raw data that is here is not what it should be.

    Reference:
        Section 4.
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
            if name not in BENCHMARKS:
                continue
            benchmark = BENCHMARKS[name]
            rows.append({"dataset": task.name, "benchmark": name, **_counted(benchmark)})
            notes.append(f"{name}: {what}." + ("" if benchmark.is_here else f" Not here. {benchmark.instructions}"))
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


TABLES: dict[str, Callable[[], PaperTable]] = {"table3": table3}
"""By the names that `crossgrad reproduce` takes."""


def _counted(benchmark: Benchmark) -> dict[str, Cell]:
    if not benchmark.is_here:
        return {"labels": None, "domains": None, "split": "not here", "examples": None}
    dataset = benchmark.open()
    return {
        "labels": len(set(dataset.labels.tolist())),
        "domains": len(set(dataset.domains.tolist())),
        "split": _split(dataset),
        "examples": len(dataset),
    }


def _split(dataset: DomainDataset) -> str:
    own = dataset.domain_split
    if own is None:
        return "each in turn"
    n_validation, n_test = len(own.validation), len(own.test)
    return f"{len(dataset.domain_names) - n_validation - n_test} / {n_validation} / {n_test}"
