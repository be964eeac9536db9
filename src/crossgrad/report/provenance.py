"""How the runs were made: settings, command, versions. What somebody needs to do it again."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crossgrad.records import Record

_MOST_VALUES = 4
_MOST_CHARACTERS = 160


@dataclass(frozen=True)
class Provenance:
    """How the runs were made."""

    common: dict[str, str]
    """Settings in which all methods agree."""
    by_method: dict[str, dict[str, str]]
    """The others: setting to method to value; a method without that setting is absent."""
    commands: tuple[str, ...]
    versions: dict[str, str]
    seconds: float
    """Sum over runs."""


def provenance(records: Sequence[Record]) -> Provenance:
    """Collect the settings, commands and versions of a table's records.

    Args:
        records: those that `summarise` was given.

    Example:
        >>> run = {"method": "erm", "net": "mlp", "select": None, "max_steps": 9, "seconds": 1.5, "error": None,
        ...        "settings": {"optimizer": {"learning_rate": 0.1}}, "versions": {}, "command": ["crossgrad"]}
        >>> provenance([run]).common
        {'net': 'mlp', 'select': 'null', 'max_steps': '9', 'optimizer.learning_rate': '0.1'}
    """
    values: dict[str, dict[str, list[str]]] = {}
    for record in records:
        for name, value in _settings(record):
            of_method = values.setdefault(name, {}).setdefault(record["method"], [])
            if (text := _text(value)) not in of_method:
                of_method.append(text)
    methods = {record["method"] for record in records}
    common, by_method = {}, {}
    for name, found in values.items():
        shown = {method: _shown(of_method) for method, of_method in found.items()}
        if len(shown) == len(methods) and len(set(shown.values())) == 1:
            common[name] = next(iter(shown.values()))
        else:
            by_method[name] = shown
    return Provenance(
        common=common,
        by_method=by_method,
        commands=tuple(dict.fromkeys(_command(record["command"]) for record in records if record.get("command"))),
        versions=_versions(records),
        seconds=sum(record.get("seconds") or 0.0 for record in records),
    )


def _settings(record: Record) -> Iterator[tuple[str, Any]]:
    yield "net", record["net"]
    yield "select", record["select"]
    if record["error"] is None:
        yield "max_steps", record["max_steps"]
    for name, value in _flat(record["settings"], ""):
        own = name.removeprefix("fields.")  # a method's own settings, shown by the name that options give them
        shown = name if own in record["settings"] else own
        if shown not in ("net", "select", "max_steps"):  # the record's own fields, said above
            yield shown, value


def _flat(settings: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."


def _shown(values: Sequence[str]) -> str:
    return ", ".join(values) if len(values) <= _MOST_VALUES else f"{len(values)} different values"


def _command(command: str | Iterable[str]) -> str:
    return command if isinstance(command, str) else shlex.join(command)


def _versions(records: Sequence[Record]) -> dict[str, str]:
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, version in (record.get("versions") or {}).items():
            found.setdefault(name, {})[str(version)] = None
    return {name: ", ".join(versions) for name, versions in found.items()}
