"""What runs left beside their records: predictions, histories, pictures; in one folder or in several."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossgrad.records import Record
from crossgrad.report.archives import damaged, read_arrays


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
    confidence: NDArray[np.float64] | None
    """The probability of the label that was chosen; None where that was not kept."""

    def of(self, domain: str) -> "Answers":
        """Those on one domain's examples, in the dataset's order."""
        chosen = np.flatnonzero(self.domain == domain)
        chosen = chosen[np.argsort(self.example[chosen], kind="stable")]
        confidence = None if self.confidence is None else self.confidence[chosen]
        return Answers(self.example[chosen], self.domain[chosen], self.right[chosen], confidence)


def read_answers(records: Sequence[Record], artefacts: Artefacts) -> dict[str, Answers]:
    """The answers of finished runs whose predictions are there, by the runs' keys.

    Raises:
        RecordError: predictions cannot be read.
    """
    found: dict[str, Answers] = {}
    for record in records:
        if record.get("error") is None and (path := artefacts.find(record["key"], "predictions.npz")):
            found[record["key"]] = _read(path)
    return found


def _read(path: Path) -> Answers:
    arrays = read_arrays(path, what="the predictions of a run")
    try:
        probabilities = arrays["probabilities"].astype(np.float64)
        answers = Answers(
            example=arrays["example"].astype(np.int64),
            domain=arrays["domain"].astype(np.str_),
            right=probabilities.argmax(axis=1) == arrays["label"],
            confidence=probabilities.max(axis=1),
        )
        n_examples = {values.shape for values in vars(answers).values() if values is not None}
        if len(n_examples) > 1 or len(n_examples.pop()) != 1:
            raise ValueError("its arrays are not as long as each other")
        if not ((probabilities >= 0) & (probabilities <= 1 + 1e-5)).all():
            raise ValueError("its probabilities are not all between 0 and 1")
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise damaged(path, "the predictions of a run", error) from error
    return answers
