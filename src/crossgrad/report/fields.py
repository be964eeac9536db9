"""What the fields of a record are: a record may come from anywhere, and a table is made of numbers and names alone."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from crossgrad.errors import RecordError
from crossgrad.records import Record

_MOST_CHARACTERS = 60

REQUIRED = (
    *("dataset", "fingerprint", "n_examples", "labels", "domains", "held_out", "method", "net", "seed", "select"),
    *("settings", "max_steps", "out_of_domain", "in_domain", "perturbation", "error"),
)
"""Fields without which a record is no result of a run."""


def check_whole(record: Record) -> None:
    """Refuse a record that lacks a field which tables need, or has one that is not what it should be.

    Raises:
        RecordError: as `check_fields`, and names what is missing.
    """
    if missing := [field for field in REQUIRED if field not in record]:
        raise RecordError(f"record {record.get('key')!r} has no {', '.join(missing)}")
    check_fields(record)


def check_fields(record: Record) -> None:
    """Refuse a record with a field that is not what reports take it for; fields that are not there are passed over.

    Raises:
        RecordError: names the record and the field, and quotes what it is.

    Example:
        >>> check_fields({"key": "5a1d", "held_out": "seven"})
        Traceback (most recent call last):
        crossgrad.errors.RecordError: record '5a1d': held_out is 'seven', not a list of names
    """
    for field, (what, is_one) in _FIELDS.items():
        if field in record and not is_one(value := record[field]):
            shown = repr(value)
            shown = shown if len(shown) <= _MOST_CHARACTERS else f"{shown[:_MOST_CHARACTERS]}..."
            raise RecordError(f"record {record.get('key')!r}: {field} is {shown}, not {what}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_file_name(value: Any) -> bool:
    """A run's files lie in a folder of this name: it must lead nowhere else."""
    return isinstance(value, str) and value not in ("", ".", "..") and not set(value) & {"/", "\\", "\0"}


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -sys.float_info.max <= value <= sys.float_info.max
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_fraction(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _are_names(value: Any) -> bool:
    # Without a call for each: every record of a comparison names all its domains, hundreds of speakers perhaps.
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)


def _has_accuracy(value: Any) -> bool:
    return isinstance(value, dict) and _is_fraction(value.get("accuracy"))


def _has_accuracies(value: Any) -> bool:
    by_domain = value.get("by_domain") if isinstance(value, dict) else None
    return isinstance(by_domain, dict) and all(map(_is_fraction, by_domain.values()))


def _are_lengths(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_number(value.get(name)) for name in ("l2", "linf", "input_l2"))


def _are_unlabelled(value: Any) -> bool:
    return isinstance(value, dict) and _is_text(value.get("domain")) and _is_count(value.get("n"))


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and _is_text(value.get("message")) and _or_none(_is_count)(value.get("step"))


def _are_settings(value: Any) -> bool:
    """By name, some of them again by name: those of a method, of an optimiser."""
    return isinstance(value, dict) and not any(
        isinstance(deeper, dict) for within in value.values() if isinstance(within, dict) for deeper in within.values()
    )


def _is_command(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, list) and all(map(_is_text, value)))


def _or_none(is_one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_one(value)


_FIELDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "key": ("the name of a folder", _is_file_name),
    "dataset": ("a name", _is_text),
    "fingerprint": ("text", _is_text),
    "n_examples": ("a number of examples", _is_count),
    "labels": ("a list of names", _are_names),
    "domains": ("a list of names", _are_names),
    "held_out": ("a list of names", _are_names),
    "left_out": ("a list of names", _are_names),
    "method": ("a name", _is_text),
    "net": ("a name", _is_text),
    "seed": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "select": ("a name", _or_none(_is_text)),
    "settings": ("settings by name", _are_settings),
    "max_steps": ("a number of steps", _is_count),
    "out_of_domain": ("accuracies by domain, from 0 to 1", _or_none(_has_accuracies)),
    "in_domain": ("an accuracy from 0 to 1", _or_none(_has_accuracy)),
    "unlabelled": ("a domain and a number of inputs", _or_none(_are_unlabelled)),
    "perturbation": ("lengths by name", _or_none(_are_lengths)),
    "error": ("a message", _or_none(_is_error)),
    "seconds": ("a number of seconds", _or_none(_is_number)),
    "versions": ("versions by name", _or_none(lambda value: isinstance(value, dict))),
    "command": ("a command", _or_none(_is_command)),
}
