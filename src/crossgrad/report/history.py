"""Training curves: the mean over a method's runs of what each logged at the same steps."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crossgrad.errors import RecordError
from crossgrad.records import Record
from crossgrad.report.artefacts import Artefacts

MOST_POINTS = 200
"""Points of a curve on the page; longer ones are averaged within equal stretches of steps."""


@dataclass(frozen=True)
class Curve:
    """One method's mean of one logged value."""

    method: str
    steps: tuple[float, ...]
    values: tuple[float, ...]
    n_runs: int


def curves(records: Sequence[Record], artefacts: Artefacts, value: str) -> tuple[Curve, ...]:
    """One curve a method, in the order of the records.

    A mean over changing runs would jump where one ends, so only steps that all of a method's runs logged are
    used, and failed runs are left out.

    Args:
        records: of one table.
        artefacts: of the runs; runs without a history are passed over.
        value: a name in history.json, such as "label_loss".

    Raises:
        RecordError: a history cannot be read.
    """
    by_method: dict[str, list[dict[int, float]]] = {}
    for record in records:
        if record["error"] is None and (logged := _logged(artefacts.find(record["key"], "history.json"), value)):
            by_method.setdefault(record["method"], []).append(logged)
    found = (_curve(method, logs) for method, logs in by_method.items())
    return tuple(curve for curve in found if curve is not None)


def _curve(method: str, logs: Sequence[dict[int, float]]) -> Curve | None:
    common = sorted(set.intersection(*(set(log) for log in logs)))
    if not common:
        return None
    mean = [float(np.mean([log[step] for log in logs])) for step in common]
    stretches = np.array_split(np.arange(len(common)), min(len(common), MOST_POINTS))
    return Curve(
        method,
        tuple(float(np.mean([common[i] for i in stretch])) for stretch in stretches),
        tuple(float(np.mean([mean[i] for i in stretch])) for stretch in stretches),
        len(logs),
    )


def _logged(path: Path | None, value: str) -> dict[int, float]:
    if path is None:
        return {}
    try:
        history: dict[str, Any] = json.loads(path.read_bytes())
        pairs = zip(history["steps"], history.get(value, []), strict=False)
        logged = {int(step): float(number) for step, number in pairs if number is not None and math.isfinite(number)}
        if not all(0 <= step < 2**53 for step in logged):
            raise ValueError("its steps are no numbers of steps")
        return logged
    except (ArithmeticError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RecordError(f"{path}: not a training history: {error}") from error
