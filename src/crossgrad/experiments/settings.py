"""What a run is trained with: frozen, JSON both ways, refused at the edge where it makes no sense."""

import dataclasses
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, SupportsIndex

import numpy as np
import torch
from torch.nn import Parameter

from crossgrad.building import known, method_fields, method_name, parse_field
from crossgrad.errors import SettingsError
from crossgrad.methods import PRESETS
from crossgrad.perturb import Step

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}
"""Names on the command line and in records; all at torch's defaults but for learning rate and weight decay."""

LARGEST = torch.finfo(torch.float32).max

SCALINGS = ("auto", "none", "standardise")
"""How inputs are scaled: "auto" leaves images in [0, 1] as they are and standardises everything else."""


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
    """Of the optimiser, constant."""
    optimizer: str = "adam"
    """Name in OPTIMIZERS."""
    weight_decay: float = 0.0
    """The optimiser's L2 penalty."""
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
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The method's own, by name."""

    def __post_init__(self) -> None:
        known("optimizer", self.optimizer, list(OPTIMIZERS))
        known("scaling", self.scaling, SCALINGS)
        if not isinstance(self.balanced, bool):
            raise SettingsError(f"balanced is true or false, not {self.balanced!r}")
        for name in ("max_steps", "batch_size", "threads"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, SupportsIndex) or operator.index(value) < 1:
                raise SettingsError(f"{name} is a whole number of at least 1, not {value!r}")
            object.__setattr__(self, name, operator.index(value))  # NumPy's integers are no JSON
        for name, low, high in (
            ("learning_rate", math.ulp(0.0), LARGEST),
            ("weight_decay", 0.0, LARGEST),
            ("dropout", 0.0, 1.0),
            ("in_domain_fraction", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not isinstance(value, int | float | np.floating) or not low <= value < high:
                rule = "positive and finite" if low > 0 else f"at least 0 and {'finite' if high > 1 else 'below 1'}"
                raise SettingsError(f"{name} is a number, {rule}, not {value!r}")
            object.__setattr__(self, name, float(value))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Settings":
        """Settings by name, with an error that names the nearest where there is none of that name."""
        for name in values:
            known("setting", name, [field.name for field in dataclasses.fields(cls) if field.name != "fields"])
        return cls(**values)

    def make_optimizer(self, parameters: Iterable[Parameter]) -> torch.optim.Optimizer:
        """The optimiser over a method's parameters."""
        return OPTIMIZERS[self.optimizer](parameters, lr=self.learning_rate, weight_decay=self.weight_decay)

    def to_json(self) -> dict[str, Any]:
        """By name; `balanced` only where it is set: runs from before there was such a setting keep their name."""
        values = asdict(self) | {"fields": dict(self.fields)}
        return values if self.balanced else {name: value for name, value in values.items() if name != "balanced"}

    def for_method(self, method: str, fields: Mapping[str, Any]) -> "Settings":
        """These settings with all of a method's fields written out, defaults included, as JSON can hold them."""
        return replace(
            self, fields={name: _plain(value) for name, value in (method_fields(method) | dict(fields)).items()}
        )


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
