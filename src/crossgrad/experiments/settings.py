"""What a run is trained with: frozen, JSON both ways, refused at the edge where it makes no sense."""

import dataclasses
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, SupportsIndex

import numpy as np
import torch
from torch.nn import Parameter
from torch.optim.lr_scheduler import LRScheduler

from crossgrad.building import known, method_fields, method_name, parse_field, trunk_factory
from crossgrad.errors import SettingsError
from crossgrad.methods import PRESETS
from crossgrad.perturb import Step
from crossgrad.training.averaging import WeightAverage
from crossgrad.training.clipping import GradientClip
from crossgrad.training.devices import resolve_device
from crossgrad.training.precision import check_precision
from crossgrad.training.rmsprop_tf import RMSpropTF
from crossgrad.training.schedules import SCHEDULES, make_schedule

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
    "sgd_momentum": partial(torch.optim.SGD, momentum=0.9),
    "rmsprop": torch.optim.RMSprop,
    "rmsprop_tf": RMSpropTF,
}
"""Names on the command line and in records; all at their defaults but for learning rate and weight decay."""

MOST_LEARNING = 1e35
"""Bound on the learning rate: what optimisers divide it by must not make it more than any float32."""

LARGEST = torch.finfo(torch.float32).max

SCALINGS = ("auto", "none", "standardise")
"""How inputs are scaled: "auto" leaves images in [0, 1] as they are and standardises everything else."""

OF_THE_FIRST_RECORDS = (
    "max_steps",
    "batch_size",
    "learning_rate",
    "optimizer",
    "weight_decay",
    "dropout",
    "scaling",
    "in_domain_fraction",
    "threads",
    "fields",
)
"""Settings that every record has; the others came later and are told only where they differ from their defaults, so
that runs from before there were such settings keep their name."""

WHERE = ("threads", "device")
"""Settings that say where a run is trained and not how: no choice of the others depends on them."""

LATER_FIELDS: Mapping[str, tuple[str, ...]] = {"crossgrad": ("mixing",)}
"""Of methods: fields that came after the first records, likewise told only where they differ from their defaults."""


@dataclass(frozen=True)
class Settings:
    """Everything that determines a run beside its data, split, method, net and seed.

    Raises:
        SettingsError: a value is out of range or unknown; quotes it.

    Example:
        >>> Settings(max_steps=0)
        Traceback (most recent call last):
        crossgrad.errors.SettingsError: max_steps is a whole number of at least 1, not 0
    """

    max_steps: int = 1000
    """Optimiser steps of each of the method's phases; all but MTAE have one."""
    batch_size: int = 64
    """Examples a step."""
    learning_rate: float = 1e-3
    """Of the optimiser, below 1e35; what the schedule's factors are of."""
    optimizer: str = "adam"
    """Name in OPTIMIZERS."""
    weight_decay: float = 0.0
    """The optimiser's L2 penalty."""
    schedule: str = "constant"
    """How the learning rate changes: one of SCHEDULES."""
    warmup_steps: int = 0
    """Steps over which the learning rate first grows evenly to its full value, fewer than max_steps."""
    decay: float | None = None
    """Of the schedule step, and of no other: what the learning rate is multiplied by, in (0, 1)."""
    decay_epochs: float | None = None
    """Of the schedule step, and of no other: after how many passes over the training examples, each time."""
    clip_value: float | None = None
    """Bound on each value of a parameter's gradient; None for none."""
    clip_norm: float | None = None
    """Bound on the L2 norm of all parameters' gradients together; None for none."""
    patience: int | None = None
    """Measurements of in-domain accuracy in a row, no better than the best before them, that end training with the
    weights of the best; None trains all steps."""
    score_every: int = 100
    """Steps between two measurements; of patience, and of nothing else."""
    average: float | None = None
    """Decay of an exponential moving average of the weights, in (0, 1), that is evaluated, kept and saved in their
    place; None for the weights of the last step."""
    domain_net: str | None = None
    """Trunk of the domain net, as of the label net; None for the same."""
    dropout: float = 0.0
    """Probability of zeroing a unit of a net's last hidden layer."""
    scaling: str = "auto"
    """Of inputs, by the statistics of training examples alone: one of SCALINGS."""
    in_domain_fraction: float = 0.2
    """Share of each training domain's examples kept from training to measure in-domain accuracy."""
    balanced: bool = False
    """Whether batches draw from the training domains in turn instead of from all examples alike."""
    threads: int = 1
    """Of torch within the run; results depend on it."""
    precision: str = "float32"
    """Of the nets' passes in training: one of PRECISIONS."""
    device: str = "cpu"
    """That trains and evaluates: "cpu", "cuda", "cuda:1"; "auto" becomes the one that there is."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The method's own, by name."""

    def __post_init__(self) -> None:
        known("optimizer", self.optimizer, list(OPTIMIZERS))
        if self.domain_net is not None and ":" not in self.domain_net:  # one's own runs code, when a net is built
            trunk_factory(self.domain_net)
        known("scaling", self.scaling, SCALINGS)
        if not isinstance(self.balanced, bool):
            raise SettingsError(f"balanced is true or false, not {self.balanced!r}")
        for name in ("max_steps", "batch_size", "threads"):
            value = getattr(self, name)
            object.__setattr__(self, name, _whole(name, value, least=1))
        self._check_later_ones()
        for name, low, high in (
            ("learning_rate", math.ulp(0.0), MOST_LEARNING),
            ("weight_decay", 0.0, LARGEST),
            ("dropout", 0.0, 1.0),
            ("in_domain_fraction", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not isinstance(value, int | float | np.floating) or not low <= value < high:
                above = "positive" if low > 0 else "at least 0"
                rule = f"{above} and {'finite' if high == LARGEST else f'below {high:g}'}"
                raise SettingsError(f"{name} is a number, {rule}, not {value!r}")
            object.__setattr__(self, name, float(value))

    def _check_later_ones(self) -> None:
        known("schedule", self.schedule, SCHEDULES)
        for name, least in (("warmup_steps", 0), ("patience", 1), ("score_every", 1)):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, _whole(name, value, least=least))
        if self.warmup_steps >= self.max_steps:
            raise SettingsError(f"warmup_steps is below max_steps, {self.max_steps}, not {self.warmup_steps}")
        for name, below in (
            ("decay", 1.0),
            ("decay_epochs", LARGEST),
            ("clip_value", LARGEST),
            ("clip_norm", LARGEST),
            ("average", 1.0),
        ):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float | np.floating) and 0 < value < below):
                raise SettingsError(
                    f"{name} is a number above 0, {'below 1' if below == 1 else 'finite'}, not {value!r}"
                )
            if value is not None:
                object.__setattr__(self, name, float(value))
        given = [name for name in ("decay", "decay_epochs") if getattr(self, name) is not None]
        if self.schedule == "step" and len(given) < 2:
            raise SettingsError("the schedule step needs decay and decay_epochs, such as 0.94 and 2")
        if self.schedule != "step" and given:
            raise SettingsError(f"{given[0]} is of the schedule step, and the schedule is {self.schedule}")
        if self.patience is None and self.score_every != Settings.score_every:
            raise SettingsError("score_every is of early stopping; give patience too")
        if self.patience is not None and self.in_domain_fraction == 0:
            raise SettingsError(
                "patience needs examples of the training domains to measure on; with an in_domain_fraction of 0 there "
                "are none: give one above 0, or no patience"
            )
        check_precision(self.precision)
        object.__setattr__(self, "device", resolve_device(self.device))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Settings":
        """Settings by name, with an error that names the nearest where there is none of that name."""
        for name in values:
            known("setting", name, [field.name for field in dataclasses.fields(cls) if field.name != "fields"])
        return cls(**values)

    def make_optimizer(self, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
        """The optimiser over a method's parameters."""
        return OPTIMIZERS[self.optimizer](parameters, lr=self.learning_rate, weight_decay=self.weight_decay)

    def make_schedule(self, optimizer: torch.optim.Optimizer, *, n_examples: int) -> LRScheduler | None:
        """The schedule of the optimiser's learning rate; None where that is constant.

        Args:
            optimizer: that `make_optimizer` made.
            n_examples: to train on, which a pass over them depends on.
        """
        return make_schedule(
            optimizer,
            self.schedule,
            max_steps=self.max_steps,
            warmup_steps=self.warmup_steps,
            decay=1.0 if self.decay is None else self.decay,
            steps_per_decay=max(1, int(n_examples / self.batch_size * (self.decay_epochs or 0.0))),
        )

    def make_clip(self) -> GradientClip | None:
        """The bounds on gradients; None where there are none."""
        if self.clip_value is None and self.clip_norm is None:
            return None
        return GradientClip(value=self.clip_value, norm=self.clip_norm)

    def make_average(self) -> WeightAverage | None:
        """The average of the weights, of nothing yet; None where the last ones are kept."""
        return None if self.average is None else WeightAverage(self.average)

    def to_json(self) -> dict[str, Any]:
        """By name; those that are not OF_THE_FIRST_RECORDS only where they differ from their defaults."""
        values = asdict(self) | {"fields": dict(self.fields)}
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        return {
            name: value for name, value in values.items() if name in OF_THE_FIRST_RECORDS or value != defaults[name]
        }

    def for_method(self, method: str, fields: Mapping[str, Any]) -> "Settings":
        """These settings with a method's fields as JSON can hold them: all, but LATER_FIELDS at their defaults."""
        defaults = method_fields(method)
        values = {name: _plain(value) for name, value in (defaults | dict(fields)).items()}
        untold = [name for name in LATER_FIELDS.get(method, ()) if values[name] == defaults[name]]
        return replace(self, fields={name: value for name, value in values.items() if name not in untold})


def untold_defaults(method: str) -> dict[str, Any]:
    """What records of a method leave out where it has this value: settings and fields of after the first records."""
    settings = {field.name: field.default for field in dataclasses.fields(Settings)}
    later = {name: value for name, value in settings.items() if name not in OF_THE_FIRST_RECORDS}
    return later | {name: method_fields(method)[name] for name in LATER_FIELDS.get(method, ())}


def _whole(name: str, value: Any, *, least: int) -> int:
    """Python's own int: NumPy's are no JSON."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex) or operator.index(value) < least:
        raise SettingsError(f"{name} is a whole number of at least {least}, not {value!r}")
    return operator.index(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Step):
        return f"calibrated:{value.size}" if value.is_calibrated else value.size
    return value.item() if isinstance(value, np.generic) else value


def parse_overrides(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read METHOD.FIELD=VALUE and METHOD.preset=NAME, in order, into fields by method.

    Raises:
        SettingsError: an unknown method, field or preset, a value of the wrong type, or no "=" or ".".

    Example:
        >>> parse_overrides(["crossgrad.label_weight=0.25", "dan.reversal=0.5"])
        {'crossgrad': {'label_weight': 0.25}, 'dann': {'reversal': 0.5}}
    """
    overrides: dict[str, dict[str, Any]] = {}
    for text in texts:
        target, equals, value = text.partition("=")
        name, dot, field_name = target.strip().partition(".")
        if not (equals and dot):
            raise SettingsError(f"write METHOD.FIELD=VALUE, such as crossgrad.label_weight=0.25, not {text!r}")
        method = method_name(name)
        fields = overrides.setdefault(method, {})
        if field_name == "preset":
            if method != "crossgrad":
                raise SettingsError(f"{method} has no presets, only crossgrad has: {', '.join(PRESETS)}")
            fields |= PRESETS[known("preset", value.strip(), list(PRESETS))]
        else:
            fields[field_name] = parse_field(method, field_name, value)
    return overrides
