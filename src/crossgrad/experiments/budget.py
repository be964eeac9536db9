"""How much of a sweep fits in a time. Pure planning."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crossgrad.errors import SettingsError

_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Fitted:
    """What fits: places of the candidates that stay, sorted, and the number of seeds each is trained with."""

    candidates: tuple[int, ...]
    n_seeds: int


def parse_duration(text: str) -> float:
    """Seconds of a duration.

    Raises:
        SettingsError: it is none.

    Example:
        >>> parse_duration("2h"), parse_duration("90m"), parse_duration("3600s")
        (7200.0, 5400.0, 3600.0)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh])\s*", text)
    seconds = float(found[1]) * _UNIT_SECONDS[found[2]] if found else 0.0
    if not seconds > 0:
        raise SettingsError(f"a duration is a number above 0 with s, m or h, such as 90m or 2h, not {text!r}")
    return seconds


def fit(seconds: Sequence[float], n_seeds: int, budget: float) -> Fitted:
    """Halve the seeds until all candidates fit in the time; where one seed is too much, leave candidates out at random.

    Candidates at random, not every second: in a grid those would often have one value in common. A larger budget keeps
    all that a smaller one keeps. One candidate with one seed stays however small the budget is.

    Args:
        seconds: that each candidate takes with one seed.
        n_seeds: at least 1.
        budget: in seconds.

    Example:
        >>> fit([10.0, 10.0, 10.0, 10.0], 3, 60.0)
        Fitted(candidates=(0, 1, 2, 3), n_seeds=1)
        >>> fit([10.0, 10.0, 10.0, 10.0], 3, 25.0)
        Fitted(candidates=(2, 3), n_seeds=1)
    """
    while n_seeds > 1 and n_seeds * sum(seconds) > budget:
        n_seeds //= 2
    kept: list[int] = []
    for candidate in np.random.RandomState(0).permutation(len(seconds)).tolist():
        if kept and n_seeds * sum(seconds[place] for place in [*kept, candidate]) > budget:
            break
        kept.append(candidate)
    return Fitted(tuple(sorted(kept)), n_seeds)
