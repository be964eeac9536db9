"""What runs left beside their records: predictions, histories, pictures; in one folder or in several."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from crossgrad.errors import RecordError
from crossgrad.records import Record


class Artefacts:
    """Finds a run's files by its key.

    Args:
        runs: folders of runs' folders; where two hold a run, the first counts. They need not exist.
    """

    def __init__(self, *runs: Path) -> None:
        self.runs = runs

    def find(self, key: str, name: str) -> Path | None:
        """The file of that name that a run left; None where there is none."""
        return next((path for runs in self.runs if (path := runs / key / name).is_file()), None)


@dataclass(frozen=True, eq=False)
class Answers:
    """What one trained model answered on held-out examples, n of them."""

    example: NDArray[np.int64]
    """Places in the dataset."""
    domain: NDArray[Any]
    """Names."""
    right: NDArray[np.bool_]
    confidence: NDArray[np.float64]
    """The probability of the label that was chosen."""

    def of(self, domain: str) -> "Answers":
        """Those on one domain's examples, in the dataset's order."""
        chosen = np.flatnonzero(self.domain == domain)
        chosen = chosen[np.argsort(self.example[chosen], kind="stable")]
        return Answers(self.example[chosen], self.domain[chosen], self.right[chosen], self.confidence[chosen])


def read_answers(records: Sequence[Record], artefacts: Artefacts) -> dict[str, Answers]:
    """The answers of finished runs whose predictions are there, by the runs' keys.

    Raises:
        RecordError: predictions cannot be read.
    """
    found: dict[str, Answers] = {}
    for record in records:
        if record["error"] is None and (path := artefacts.find(record["key"], "predictions.npz")):
            found[record["key"]] = _read(path)
    return found


def _read(path: Path) -> Answers:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            probabilities = file["probabilities"]
            answers = Answers(
                example=file["example"].astype(np.int64),
                domain=file["domain"].astype(np.str_),
                right=probabilities.argmax(axis=1) == file["label"],
                confidence=probabilities.max(axis=1).astype(np.float64),
            )
        if not len(answers.example) == len(answers.domain) == len(answers.right):
            raise ValueError("its arrays are of different lengths")
    except (OSError, ValueError, KeyError, IndexError, EOFError, BadZipFile) as error:
        raise RecordError(f"{path}: not the predictions of a run: {error}") from error
    return answers
