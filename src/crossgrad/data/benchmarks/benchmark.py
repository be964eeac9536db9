"""What a benchmark is: a dataset that can be had by name, with the net and settings it is run with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crossgrad.data.dataset import DomainDataset


@dataclass(frozen=True)
class Benchmark:
    """A dataset by name.

    Args:
        name: on the command line and in records.
        description: one line.
        load: makes the dataset, the same at every call; takes the benchmark's own options.
        net: name of the net it is run with where no other is asked for.
        settings: that differ from the defaults where no others are asked for.
        chosen: settings that differ from those above, "fields" of the method among them, chosen on validation
            domains: by the name of the held-out domain (which was no part of the choice), then by method.
    """

    name: str
    description: str
    load: Callable[..., DomainDataset]
    net: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    chosen: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
