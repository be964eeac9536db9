"""What a sweep chose: a JSON file that comparisons and trainings take settings from."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import NoneType
from typing import Any

from crossgrad.building import method_name, parse_field
from crossgrad.data import DomainDataset
from crossgrad.data.naming import quoted
from crossgrad.errors import SettingsError
from crossgrad.experiments.optimisations import SCHEDULED
from crossgrad.experiments.settings import Settings
from crossgrad.folders import CHOICE, write_whole

CHOSEN_VERSION = 1


@dataclass(frozen=True)
class Choice:
    """The settings chosen for one fold of held-out domains.

    Args:
        held_out: names of the domains, which had no part in the choice unless it was made by them (oracle); none: for
            a model that is trained on all domains.
        settings: by the names of `Settings`, those that were the same for all candidates among them.
        fields: all of the method's.
        accuracy: mean over the domains it was chosen by.
        standard_error: of that mean; None where one value was all there was.
    """

    held_out: tuple[str, ...]
    settings: dict[str, Any]
    fields: dict[str, Any]
    accuracy: float
    standard_error: float | None


@dataclass(frozen=True)
class Chosen:
    """A sweep's choice: one for each fold of held-out domains, and one for all domains.

    Args:
        method: name in METHODS.
        dataset: name of the dataset it was chosen on.
        net: that was trained.
        select: how it was chosen, a key of `selection.WAYS`.
        how: the same in words, with what was searched.
        choices: each for another fold.
        fingerprint: of that dataset's inputs, labels and domains; "" in files of before it was kept, which go by the
            name alone.
    """

    method: str
    dataset: str
    net: str
    select: str
    how: str
    choices: tuple[Choice, ...]
    fingerprint: str = ""

    def choice_for(self, held_out: Collection[str]) -> Choice:
        """The choice for these domains held out together.

        Raises:
            SettingsError: nothing was chosen for them.
        """
        for choice in self.choices:
            if set(choice.held_out) == set(held_out):
                return choice
        folds = "; ".join(quoted(choice.held_out) for choice in self.choices if choice.held_out)
        raise SettingsError(
            f"the settings of {self.method} were chosen for other held-out domains than {quoted(held_out)}: for "
            f"{folds}. Give the sweep the same --hold-out"
        )

    def without(self, settings: Collection[str]) -> "Chosen":
        """The choice but for settings that something else is asked for; a schedule goes with all that is of it."""
        asked = {*settings, *(SCHEDULED if "schedule" in settings else ())}
        return replace(
            self,
            choices=tuple(
                replace(choice, settings={k: v for k, v in choice.settings.items() if k not in asked})
                for choice in self.choices
            ),
        )

    def check_dataset(self, dataset: DomainDataset) -> None:
        """Refuse another dataset than the settings were chosen on.

        Raises:
            SettingsError: says how the two differ.
        """
        if dataset.name != self.dataset:
            raise SettingsError(
                f"the settings of {self.method} were chosen on {self.dataset!r}, this is {dataset.name!r}; give them "
                "by --set if they are to be used here all the same"
            )
        if self.fingerprint and dataset.fingerprint != self.fingerprint:
            raise SettingsError(
                f"the settings of {self.method} were chosen on other data of the same name, {self.dataset!r} "
                f"(fingerprint {self.fingerprint!r}, this one's is {dataset.fingerprint!r}): have examples changed, or "
                "options of reading them? Run the sweep again, or give the settings by --set if they are to be used "
                "all the same"
            )


def write_chosen(path: Path, chosen: Chosen) -> None:
    """Write a choice, the same bytes for the same choice."""
    text = json.dumps({"version": CHOSEN_VERSION, **asdict(chosen)}, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(path, (text + "\n").encode(), overwrite=True)


def read_chosen(path: Path | str) -> Chosen:
    """Read a choice from its file, or from the folder of its sweep.

    Raises:
        SettingsError: there is none, or it is not a choice.
    """
    file = Path(path) / CHOICE if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise SettingsError(f"no choice at {str(file)!r}; give the folder of a finished sweep, or its {CHOICE}")
    try:
        found = json.loads(file.read_bytes())
        version = found.pop("version")
        if version == CHOSEN_VERSION:
            choices = tuple(_choice(choice) for choice in found.pop("choices"))
            if not choices or not all(isinstance(value, str) for value in found.values()):
                raise TypeError("no choices, or names that are no text")
            chosen = Chosen(**found, choices=choices)
            for choice in choices:
                _check(chosen.method, choice)
            return chosen
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SettingsError(f"{str(file)!r} is no choice that a sweep made: {error}") from error
    raise SettingsError(f"{str(file)!r} is in format {version!r}, this crossgrad reads {CHOSEN_VERSION}")


def _check(method: str, choice: Choice) -> None:
    """Refuse values that are not of the types that settings and fields are."""
    Settings.of(choice.settings)
    for name, value in choice.fields.items():
        text = "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        parsed = parse_field(method_name(method), name, text)
        if any(isinstance(value, kind) != isinstance(parsed, kind) for kind in (str, bool, NoneType)):
            raise TypeError(f"{name} is {value!r}")


def _choice(found: dict[str, Any]) -> Choice:
    if not isinstance(found["settings"], dict) or not isinstance(found["fields"], dict):
        raise TypeError("settings and fields are by name")
    settings = {name: value for name, value in found["settings"].items() if name != "device"}  # of earlier versions
    return Choice(**{**found, "settings": settings, "held_out": tuple(str(name) for name in found["held_out"])})
