"""Settings chosen on validation domains: domains that are neither trained on nor the one they are chosen for."""

import json
from collections.abc import Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

from crossgrad.errors import RecordError
from crossgrad.records import Record


def validation_pairs(domain_names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of domains to hold out together, so that settings can be chosen for each domain without it.

    A model that is trained without domains a and b validates the settings for b on a, and those for a on b.

    Example:
        >>> validation_pairs(["0", "15", "30"])
        [('0', '15'), ('0', '30'), ('15', '30')]
    """
    return list(combinations(domain_names, 2))


def validation_accuracies(records: Sequence[Record], held_out: str) -> dict[str, dict[str, float]]:
    """How each method's settings do on the validation domains of one held-out domain.

    Args:
        records: of runs with pairs of domains held out, one with every other domain for each setting.
        held_out: the domain that the settings are for. Nothing that was measured on it is looked at.

    Returns:
        By method, then by the settings as JSON: accuracy, the mean over validation domains and seeds.

    Raises:
        RecordError: a setting lacks a validation domain that another one has, so that they cannot be compared.
    """
    found: dict[str, dict[str, dict[tuple[str, int], float]]] = {}
    for record in records:
        if held_out not in record["held_out"] or len(record["held_out"]) != 2:
            continue
        (validation,) = set(record["held_out"]) - {held_out}
        settings = json.dumps(record["settings"], sort_keys=True)
        # A run that failed is a setting that does not work.
        outside = record["out_of_domain"]
        accuracy = outside["by_domain"][validation] if outside else 0.0
        found.setdefault(record["method"], {}).setdefault(settings, {})[validation, record["seed"]] = accuracy
    for method, by_settings in found.items():
        if len({frozenset(cells) for cells in by_settings.values()}) > 1:
            raise RecordError(f"settings of {method} were not all measured on the same domains for {held_out!r}")
    return {
        method: {settings: fmean(cells.values()) for settings, cells in by_settings.items()}
        for method, by_settings in found.items()
    }


def choose(records: Sequence[Record], held_out: str) -> dict[str, dict[str, Any]]:
    """Each method's settings with the highest accuracy on the validation domains of one held-out domain.

    Of equals, the first in the order of records is taken.

    Args, Raises: as `validation_accuracies`.

    Example:
        >>> def record(step: float, first: float, second: float) -> Record:
        ...     by_domain = {"0": first, "15": second}
        ...     return {
        ...         "held_out": ["0", "15"], "method": "crossgrad", "seed": 0, "settings": {"step": step},
        ...         "out_of_domain": {"by_domain": by_domain},
        ...     }
        >>> records = [record(0.3, 0.9, 0.5), record(1.0, 0.7, 0.6)]
        >>> choose(records, "15"), choose(records, "0")
        ({'crossgrad': {'step': 0.3}}, {'crossgrad': {'step': 1.0}})
    """
    return {
        method: json.loads(max(accuracies, key=lambda settings: accuracies[settings]))
        for method, accuracies in validation_accuracies(records, held_out).items()
    }
