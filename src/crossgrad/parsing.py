"""Values from text, by the type that a function's signature declares for them."""

import types
import typing
from collections.abc import Callable
from inspect import Parameter, signature
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

from crossgrad.errors import SettingsError


def keyword_defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """A function's keyword-only arguments and their defaults.

    Example:
        >>> def load(*, size: int = 32) -> None: ...
        >>> keyword_defaults(load)
        {'size': 32}
    """
    found = signature(function).parameters.values()
    return {p.name: p.default for p in found if p.kind is Parameter.KEYWORD_ONLY}


def parse_argument(function: Callable[..., Any], name: str, text: str, *, what: str) -> Any:
    """Read an argument's value from text by the type that the function declares for it.

    Types may be bool ("true", "false"), int, float, str, Path, Literal of text, tuple[T, ...] (values with commas
    between), and any union of those with None ("none"); of a union, the first that the text is.

    Args:
        function: whose argument it is.
        name: of the argument.
        text: as it was written.
        what: the argument is called in messages.

    Raises:
        SettingsError: the text is not of the type.

    Example:
        >>> def load(*, angles: tuple[int, ...] = (0, 15), name: str | None = None) -> None: ...
        >>> parse_argument(load, "angles", "0,90", what="angles"), parse_argument(load, "name", "none", what="name")
        ((0, 90), None)
    """
    declared = typing.get_type_hints(function)[name]
    options = typing.get_args(declared) if isinstance(declared, types.UnionType) else (declared,)
    if type(None) in options and text.strip().lower() == "none":
        return None
    reasons = []
    for option in options:
        try:
            return _parse(option, text.strip())
        except ValueError as error:
            reasons.append("none" if option is type(None) else str(error))
    raise SettingsError(f"{what} is {' or '.join(dict.fromkeys(reasons))}, not {text!r}")


_KINDS: dict[Any, tuple[type, str]] = {
    bool: (bool, "true or false"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    types.NoneType: (types.NoneType, "none"),
}
"""What values of a declared type are, and what they are called."""


def check_argument(function: Callable[..., Any], name: str, value: Any, *, what: str) -> None:
    """Refuse a value that is not of the type that the function declares for it, where that is bool, int or float.

    Text would be taken for true, or end where it is first compared with a number. Values of other types are the
    function's own to check.

    Raises:
        SettingsError: quotes the value.

    Example:
        >>> def load(*, size: int = 32, clip: float | None = None) -> None: ...
        >>> check_argument(load, "clip", "0.1", what="clip")
        Traceback (most recent call last):
        crossgrad.errors.SettingsError: clip is a number or none, not '0.1'
    """
    declared = typing.get_type_hints(function)[name]
    options = typing.get_args(declared) if isinstance(declared, types.UnionType) else (declared,)
    if all(option in _KINDS for option in options) and not any(_is(option, value) for option in options):
        raise SettingsError(f"{what} is {' or '.join(_KINDS[option][1] for option in options)}, not {value!r}")


def _is(declared: Any, value: Any) -> bool:
    return isinstance(value, _KINDS[declared][0]) and (declared is bool or not isinstance(value, bool))


def _parse(declared: Any, text: str) -> Any:
    """The value, or a ValueError that says what kind of value was wanted."""
    origin = typing.get_origin(declared)
    if origin is tuple:
        element, _ = typing.get_args(declared)
        try:
            return tuple(_parse(element, part.strip()) for part in text.split(",") if part.strip())
        except ValueError as error:
            raise ValueError(f"values with commas between, each {error}") from error
    if origin is Literal:
        choices = typing.get_args(declared)
        if text not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text
    if declared is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError("true or false")
        return text.lower() == "true"
    if declared in (int, float):
        try:
            return declared(text)
        except ValueError as error:
            raise ValueError("a whole number" if declared is int else "a number") from error
    if declared is Path and not text:
        raise ValueError("a path")  # Path("") is the working folder, which nobody asked for
    if declared in (str, Path):
        return declared(text)
    raise ValueError("not to be given as text")
