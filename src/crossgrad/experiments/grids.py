"""Which settings a sweep tries: the points of a grid, all of them or some at random. Pure planning."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crossgrad.building import method_fields, method_name, parse_field
from crossgrad.data.naming import choices, quoted
from crossgrad.errors import SettingsError
from crossgrad.experiments.optuna_studies import quiet_optuna
from crossgrad.experiments.settings import Settings
from crossgrad.parsing import parse_argument
from crossgrad.selection import Point

SWEPT_SETTINGS = (
    "learning_rate",
    "optimizer",
    "weight_decay",
    "schedule",
    "warmup_steps",
    "decay",
    "decay_epochs",
    "clip_value",
    "clip_norm",
    "patience",
    "average",
    "dropout",
    "batch_size",
    "balanced",
    "max_steps",
)
"""Settings that may be swept beside the method's own fields. Not among them is what only says where a run runs
(threads, device) or how fast (precision), and what changes the data it is measured on (scaling, in_domain_fraction)."""

PAPER_WEIGHTS = (0.1, 0.25, 0.5, 0.75, 0.9)
PAPER_MULTIPLES = (0.5, 1, 2, 2.5)
CALIBRATED_BASE = 0.1
"""Mean L-infinity norm of the perturbation in input units that the paper's multiples are of; the paper names none."""

_PAPER_NAMES = {
    "crossgrad": (("label_weight", "domain_weight"), ("domain_gradient_step", "label_gradient_step")),
    "label_grad": (("label_weight",), ("label_gradient_step",)),
}


@dataclass(frozen=True)
class Dimension:
    """Names of fields or settings that take a value together, and the values they take in turn."""

    names: tuple[str, ...]
    values: tuple[Any, ...]


def paper_grid(method: str) -> list[Dimension]:
    """The grid that the paper chose a method's settings from.

    Raises:
        SettingsError: the paper names none for the method.

    Example:
        >>> weights, steps = paper_grid("crossgrad")
        >>> weights.names, steps.values
        (('label_weight', 'domain_weight'), ('calibrated:0.05', 'calibrated:0.1', 'calibrated:0.2', 'calibrated:0.25'))

    Reference:
        Shankar et al., ICLR 2018, section 4: weights of 0.1 to 0.9, a_l = a_d, and steps of 0.5, 1, 2 and 2.5 times a
        base that makes the L-infinity norms of the methods' perturbations alike; the base is ours.
    """
    if method not in _PAPER_NAMES:
        fields = list(method_fields(method))
        raise SettingsError(
            f"the paper names no grid for {method}, only for {quoted(_PAPER_NAMES)}; write --grid NAME=VALUE,VALUE "
            f"with {f'its fields ({quoted(fields)}) or ' if fields else ''}settings ({quoted(SWEPT_SETTINGS)})"
        )
    weights, steps = _PAPER_NAMES[method]
    sizes = tuple(f"calibrated:{CALIBRATED_BASE * multiple:g}" for multiple in PAPER_MULTIPLES)
    return [Dimension(weights, PAPER_WEIGHTS), Dimension(steps, sizes)]


def parse_grid(method: str, texts: Iterable[str]) -> list[Dimension]:
    """Read "paper" and NAME=VALUE,VALUE, the names those of the method's fields or of SWEPT_SETTINGS.

    Names with a plus between take their values together.

    Raises:
        SettingsError: an unknown name, one named twice, a value that is not of its type, or none.

    Example:
        >>> parse_grid("label_grad", ["label_weight=0.1,0.5", "dropout=0,0.5"])
        [Dimension(names=('label_weight',), values=(0.1, 0.5)), Dimension(names=('dropout',), values=(0.0, 0.5))]
        >>> parse_grid("crossgrad", ["label_weight+domain_weight=0.1,0.5"])
        [Dimension(names=('label_weight', 'domain_weight'), values=(0.1, 0.5))]
    """
    method = method_name(method)
    grid: list[Dimension] = []
    for text in texts:
        if text.strip() == "paper":
            grid += paper_grid(method)
            continue
        left, equals, right = text.partition("=")
        names = tuple(name.strip() for name in left.split("+") if name.strip())
        values = [value.strip() for value in right.split(",") if value.strip()]
        if not (equals and names and values):
            raise SettingsError(f"write --grid paper or NAME=VALUE,VALUE, such as label_weight=0.1,0.5, not {text!r}")
        read = [tuple(_parse(method, name, value) for value in values) for name in names]
        if any(other != read[0] for other in read):
            raise SettingsError(f"{left.strip()} cannot take the same values: {quoted(map(str, read))}")
        grid.append(Dimension(names, tuple(dict.fromkeys(read[0]))))
    check_grid(method, grid)
    return grid


def check_grid(method: str, grid: Sequence[Dimension]) -> None:
    """Refuse a grid of nothing, of names that there are not, or that has one of them twice.

    Raises:
        SettingsError: says which.
    """
    if not grid or any(not dimension.values or not dimension.names for dimension in grid):
        raise SettingsError("there is nothing to choose from; give --grid paper or NAME=VALUE,VALUE")
    names = [name for dimension in grid for name in dimension.names]
    for name in names:
        _check_name(method, name)
        if names.count(name) > 1:
            raise SettingsError(f"{name!r} is in the grid twice; give all its values at once")


def points(grid: Sequence[Dimension]) -> list[Point]:
    """Every combination of the grid's values, the last dimension's changing first.

    Example:
        >>> points([Dimension(("a", "b"), (1, 2)), Dimension(("c",), (3, 4))])
        [{'a': 1, 'b': 1, 'c': 3}, {'a': 1, 'b': 1, 'c': 4}, {'a': 2, 'b': 2, 'c': 3}, {'a': 2, 'b': 2, 'c': 4}]
    """
    return [_point(grid, values) for values in itertools.product(*(dimension.values for dimension in grid))]


def random_points(grid: Sequence[Dimension], trials: int, *, seed: int = 0) -> list[Point]:
    """So many different points of a grid, drawn by Optuna's random sampler; all of them where there are no more.

    Raises:
        SettingsError: fewer than one are asked for, or Optuna is not installed.
    """
    if trials < 1:
        raise SettingsError(f"--trials is at least 1, not {trials!r}")
    if trials >= math.prod(len(dimension.values) for dimension in grid):
        return points(grid)
    drawn: dict[tuple[int, ...], Point] = {}
    with quiet_optuna() as optuna:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        # By place, not by value: Optuna's categories hold fewer types than fields have.
        places = {
            " ".join(dimension.names): optuna.distributions.CategoricalDistribution(range(len(dimension.values)))
            for dimension in grid
        }
        while len(drawn) < trials:
            place = tuple(study.ask(places).params.values())
            drawn[place] = _point(grid, [grid[n].values[index] for n, index in enumerate(place)])
    return list(drawn.values())


def settings_at(point: Mapping[str, Any], method: str, settings: Settings) -> Settings:
    """A candidate's settings: those of all candidates, with the point's settings and fields in their places."""
    fields = {name: value for name, value in point.items() if name in method_fields(method)}
    others = {name: value for name, value in point.items() if name not in fields}
    return replace(settings, **others).for_method(method, {**settings.fields, **fields})


def _point(grid: Sequence[Dimension], values: Sequence[Any]) -> Point:
    return {name: value for dimension, value in zip(grid, values, strict=True) for name in dimension.names}


def _parse(method: str, name: str, text: str) -> Any:
    _check_name(method, name)
    if name in method_fields(method):
        return parse_field(method, name, text)
    return parse_argument(Settings, name, text, what=name)


def _check_name(method: str, name: str) -> None:
    names = [*method_fields(method), *SWEPT_SETTINGS]
    if name not in names:
        raise SettingsError(f"nothing called {name!r} to choose for {method}{choices(name, names)}")
