"""What a benchmark is: a dataset that can be had by name, with the net and settings it is run with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crossgrad.data.cache import kept_at, load_or_make
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.naming import choices
from crossgrad.data.raw_files import RawFile, require
from crossgrad.data.roots import data_root
from crossgrad.errors import SettingsError
from crossgrad.parsing import keyword_defaults, parse_argument

_SEEDS = 2**32
"""Those of numpy.random.RandomState."""


@dataclass(frozen=True)
class Facts:
    """What a benchmark holds with its default options, told without loading it."""

    labels: int
    domains: int
    examples: int
    input_shape: tuple[int, ...]


@dataclass(frozen=True)
class Benchmark:
    """A dataset by name.

    Args:
        name: on the command line and in records.
        description: one line.
        load: makes the dataset from its raw files, the same at every call; its keyword arguments are the benchmark's
            options. Use `open`, which keeps what it made.
        net: name of the net it is run with where no other is asked for.
        licence: of the data.
        facts: of the dataset with default options; None where they are not known before it is here.
        files: raw files it needs, but where the option `folder` says that they lie elsewhere.
        how: to get those that cannot be fetched by a program; "{root}" in it stands for the data root.
        settings: that differ from the defaults where no others are asked for.
        chosen: settings that differ from those above, "fields" of the method among them, chosen on validation
            domains: by the name of the held-out domain (which was no part of the choice), then by method.
    """

    name: str
    description: str
    load: Callable[..., DomainDataset]
    net: str
    licence: str
    facts: Facts | None
    files: tuple[RawFile, ...] = ()
    how: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    chosen: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def chosen_settings(self) -> set[str]:
        """Names of the settings that were chosen, for any domain and method; fields are none."""
        by_method = [settings for of_domain in self.chosen.values() for settings in of_domain.values()]
        return {name for settings in by_method for name in settings} - {"fields"}

    @property
    def is_here(self) -> bool:
        """Whether all of its raw files are here."""
        return all(file.is_here for file in self.files)

    @property
    def instructions(self) -> str:
        """How it can be had on this machine."""
        by_hand = self.how.replace("{root}", str(data_root()))
        return by_hand or f"`crossgrad data prepare {self.name}` gets it."

    @property
    def options(self) -> dict[str, Any]:
        """Names and defaults of what `open` takes."""
        return keyword_defaults(self.load)

    def parse_options(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Read options from text.

        Raises:
            SettingsError: an unknown option, or a text that is not of its type.
        """
        for name in texts:
            self._check_option(name)
        return {name: parse_argument(self.load, name, text, what=name) for name, text in texts.items()}

    def open(self, **options: Any) -> DomainDataset:
        """Load the dataset, from the cache where it was made before with these options from these raw files.

        Options that are not the defaults join the dataset's name: "rotated_mnist[angles=0,90]".

        Raises:
            DataError: raw files are not here, or are not what they should be.
            SettingsError: an unknown option, or a value that makes no sense.
        """
        chosen = self._chosen(options)
        other = {name: value for name, value in chosen.items() if value != self.options[name]}
        if chosen.get("folder") is None:
            require(self.files, name=self.name)
        dataset = load_or_make(lambda: self.load(**chosen), name=self.name, options=chosen, raw=self._raw(chosen))
        named = ",".join(f"{name}={_as_text(value)}" for name, value in other.items())
        return replace(dataset, name=f"{self.name}[{named}]" if named else self.name, benchmark=self.name)

    def kept_at(self, **options: Any) -> Path:
        """Where `open` keeps the dataset of these options and of the raw files as they are now; it may not be there.

        Raises:
            SettingsError: an unknown option.
        """
        chosen = self._chosen(options)
        return kept_at(name=self.name, options=chosen, raw=self._raw(chosen))

    def _chosen(self, options: Mapping[str, Any]) -> dict[str, Any]:
        for name in options:
            self._check_option(name)
        if not 0 <= (seed := options.get("seed", 0)) < _SEEDS:
            raise SettingsError(f"seed must be from 0 to {_SEEDS - 1}, but is {seed}")
        return {name: options.get(name, default) for name, default in self.options.items()}

    def _raw(self, chosen: Mapping[str, Any]) -> list[Path]:
        folder = chosen.get("folder")
        return [file.place for file in self.files] if folder is None else [Path(folder)]

    def _check_option(self, name: str) -> None:
        if name not in self.options:
            there = choices(name, list(self.options)) if self.options else "; it has none"
            raise SettingsError(f"{self.name} has no option {name!r}{there}")


def _as_text(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, tuple) else str(value)
