"""What each method took for what on each held-out domain, and the examples that it mistook the worst."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossgrad.errors import RecordError
from crossgrad.printing import printable
from crossgrad.records import Record
from crossgrad.report.archives import damaged, read_arrays
from crossgrad.report.artefacts import Artefacts
from crossgrad.report.gallery import panels
from crossgrad.report.pictures import Picture, picture, png
from crossgrad.report.rows import Table

WORST = 5
"""Examples shown of a method and a domain."""
MOST_LABELS = 12
"""Whose confusions are a table of numbers; those of more are a picture of one pixel each."""
MOST_PICTURED = 512
"""Labels with which nothing of this is shown."""
MOST_CHARACTERS = 900_000
"""Of all this on one page; domains beyond are left out."""
_CELL, _EXAMPLE = 60, 400  # characters of HTML, about

_NEVER, _ALWAYS = np.array((247, 251, 255)), np.array((8, 81, 156))


@dataclass(frozen=True)
class Example:
    """One that was answered wrongly."""

    name: str
    """Its file, or its place in the data."""
    label: str
    answer: str
    truth_percent: float
    """The probability that its true label was given, mean over seeds."""
    answer_percent: float
    picture: Picture | None


@dataclass(frozen=True)
class Confusion:
    """One method on one domain; `method` is its place in the table."""

    method: int
    name: str
    cells: tuple[tuple[tuple[int, float], ...], ...]
    """Number of answers and percent of the row, a row a true label; empty where there are too many labels."""
    picture: Picture | None
    """The same as pixels."""
    often: str
    """The most frequent confusions in words."""
    worst: tuple[Example, ...]
    n_seeds: int


@dataclass(frozen=True)
class Mistakes:
    """One held-out domain; `place` is its place in the table."""

    domain: str
    place: int
    confusions: tuple[Confusion, ...]


def mistakes(table: Table, records: Sequence[Record], artefacts: Artefacts) -> tuple[tuple[str, ...], list[Mistakes]]:
    """The labels' names, and the mistakes on each held-out domain, as many domains as there is room for.

    Args:
        table: of the records.
        records: whose runs left predictions, or did not.
        artefacts: of the runs.

    Raises:
        RecordError: predictions, or the examples left beside them, cannot be read.
    """
    places = {row.method: (place, row.name) for place, row in enumerate(table.rows)}
    labels: tuple[str, ...] = ()
    pooled: dict[tuple[str, str], _Pooled] = {}
    for record in records:
        path = artefacts.find(record["key"], "predictions.npz")
        if record["error"] is None and path is not None:
            labels = tuple(record["labels"])
            shown = _shown(artefacts.find(record["key"], "mistakes.npz"))
            for domain, answers in _answers(path, len(labels)):
                pooled.setdefault((domain, record["method"]), _Pooled()).add(answers, shown, path)
    found: list[Mistakes] = []
    if len(labels) > MOST_PICTURED:
        return labels, found
    room = MOST_CHARACTERS
    for place, domain in enumerate(table.held_out):
        confusions = tuple(
            _confusion(*places[method], labels, pooled[domain, method])
            for method in places
            if (domain, method) in pooled
        )
        room -= sum(map(_size, confusions))
        if room < 0:
            break
        if confusions:
            found.append(Mistakes(domain, place, confusions))
    return labels, found


@dataclass(frozen=True, eq=False)
class _Answers:
    """On one domain's examples, by their places in the data."""

    example: NDArray[np.int64]
    label: NDArray[np.int64]
    probabilities: NDArray[np.float64]


_Shown = dict[int, tuple[str, NDArray[np.float64] | None]]
"""File names, and inputs where they are pictures, by the examples' places in the data."""


@dataclass
class _Pooled:
    """The answers of one method on one domain, over seeds."""

    answers: list[_Answers] = field(default_factory=list)
    """One a seed, all of the same examples."""
    shown: _Shown = field(default_factory=dict)

    def add(self, answers: _Answers, shown: _Shown, path: Path) -> None:
        if self.answers and not np.array_equal(self.answers[0].example, answers.example):
            raise RecordError(f"{path}: its predictions are of other examples than those of the method's other seeds")
        self.answers.append(answers)
        self.shown |= {example: shown[example] for example in answers.example.tolist() if example in shown}


def _answers(path: Path, n_labels: int) -> Iterator[tuple[str, _Answers]]:
    """Of each domain in a run's predictions, in the order of the data."""
    arrays = read_arrays(path, what="the predictions of a run")
    try:
        probabilities = arrays["probabilities"].astype(np.float64)
        example, label = arrays["example"].astype(np.int64), arrays["label"].astype(np.int64)
        domains = arrays["domain"].astype(np.str_)
        if probabilities.shape != (len(example), n_labels) or not len(example) == len(label) == len(domains):
            raise ValueError(f"its arrays are not of as many examples as each other, or not of {n_labels} labels")
        if label.size and not 0 <= label.min() <= label.max() < n_labels:
            raise ValueError(f"it has labels from {label.min()} to {label.max()} of {n_labels}")
        order = np.argsort(example, kind="stable")
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise damaged(path, "the predictions of a run", error) from error
    for domain in np.unique(domains).tolist():
        chosen = order[domains[order] == domain]
        yield domain, _Answers(example[chosen], label[chosen], probabilities[chosen])


def _shown(path: Path | None) -> _Shown:
    if path is None:
        return {}
    arrays = read_arrays(path, what="the worst mistakes of a run")
    try:
        examples, files = arrays["example"].tolist(), arrays["name"].astype(np.str_).tolist()
        inputs = list(arrays["inputs"].astype(np.float64)) if "inputs" in arrays else [None] * len(examples)
        if any(each is not None and each.ndim != 3 for each in inputs):
            raise ValueError("its inputs are no pictures")
        named = zip(files, inputs, strict=True)
        return {int(example): each for example, each in zip(examples, named, strict=True)}
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(path, "the worst mistakes of a run", error) from error


def _confusion(place: int, name: str, labels: tuple[str, ...], pooled: _Pooled) -> Confusion:
    n = len(labels)
    pairs = np.concatenate([n * answers.label + answers.probabilities.argmax(axis=1) for answers in pooled.answers])
    counts = np.bincount(pairs, minlength=n * n).reshape(n, n)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    often = _often(counts, labels)
    is_table = n <= MOST_LABELS
    text = f"Answers of {printable(name)}, a row a true label, a column an answer: {often}"
    return Confusion(
        method=place,
        name=name,
        cells=_cells(counts, shares) if is_table else (),
        picture=None if is_table else Picture(png(_pixels(shares)), text),
        often=often,
        worst=tuple(_worst(pooled, labels)),
        n_seeds=len(pooled.answers),
    )


def _cells(counts: NDArray[np.int64], shares: NDArray[np.float64]) -> tuple[tuple[tuple[int, float], ...], ...]:
    percents = np.round(100 * shares, 1).tolist()
    return tuple(tuple(zip(*row, strict=True)) for row in zip(counts.tolist(), percents, strict=True))


def _pixels(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    colours: NDArray[np.float64] = _NEVER + shares[..., None] * (_ALWAYS - _NEVER)
    return np.round(colours).astype(np.uint8)


def _often(counts: NDArray[np.int64], labels: tuple[str, ...]) -> str:
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:3]
    pairs = [divmod(int(index), len(labels)) for index in order]
    said = [
        f"{printable(labels[truth])} for {printable(labels[answer])} ({wrong[truth, answer]} of {counts[truth].sum()})"
        for truth, answer in pairs
        if wrong[truth, answer]
    ]
    right = f"{np.trace(counts)} of {counts.sum()} answers are right"
    return f"{right}; most often taken: {', '.join(said)}" if said else right


def _worst(pooled: _Pooled, labels: tuple[str, ...]) -> Iterator[Example]:
    answers = pooled.answers[0]
    mean = np.mean([each.probabilities for each in pooled.answers], axis=0)
    answer, truth = mean.argmax(axis=1), mean[np.arange(len(mean)), answers.label]
    wrong = np.flatnonzero(answer != answers.label)
    for index in wrong[np.argsort(truth[wrong], kind="stable")][:WORST].tolist():
        place = int(answers.example[index])
        file, inputs = pooled.shown.get(place, ("", None))
        label, given = labels[answers.label[index]], labels[answer[index]]
        yield Example(
            name=file or f"example {place}",
            label=label,
            answer=given,
            truth_percent=100 * float(truth[index]),
            answer_percent=100 * float(mean[index].max()),
            picture=None if inputs is None else picture(_drawn(inputs), f"{label}, taken for {given}"),
        )


def _drawn(inputs: NDArray[np.float64]) -> NDArray[np.uint8]:
    ((pixels,),) = panels(inputs[None], {}).rows
    return pixels


def _size(confusion: Confusion) -> int:
    """Characters in the page, about."""
    pictures = [confusion.picture, *(example.picture for example in confusion.worst)]
    return (
        sum(_CELL * len(row) for row in confusion.cells)
        + sum(len(each.uri) for each in pictures if each)
        + sum(_EXAMPLE + len(example.name) for example in confusion.worst)
    )
