"""Names of labels and domains: from the values that came to sorted names and indices."""

import difflib
import math
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor, from_numpy

from crossgrad.errors import DataError, DataWarning


def name_indices(values: Any, *, what: str) -> tuple[Int[Tensor, " n"], tuple[str, ...]]:
    """Give every value the index of its name among the sorted names.

    Integers (and whole floats and booleans) sort as numbers and are named by their decimal text; strings
    sort as strings and are kept as they are, leading zeros included.

    Args:
        values: an array or sequence of n strings or of n integers.
        what: what they are, for the messages: "labels" or "domains".

    Returns:
        The indices, int64, shape (n,), and the names in the order of the indices.

    Raises:
        DataError: not one-dimensional, empty, missing a value, mixed, fractional, blank, or neither strings nor
            integers.

    Warns:
        DataWarning: two names look alike, since they differ in their Unicode form alone; they are kept apart.

    Example:
        >>> indices, names = name_indices([10, 9, 10], what="labels")
        >>> indices.tolist(), names
        ([1, 0, 1], ('9', '10'))
        >>> name_indices(["10", "9", "09"], what="domains")[1]
        ('09', '10', '9')
    """
    plain = _plain_values(values, what)
    keys = sorted(set(plain))
    _warn_of_forms(keys, what)
    position = {key: index for index, key in enumerate(keys)}
    indices = np.fromiter((position[value] for value in plain), dtype=np.int64, count=len(plain))
    return from_numpy(indices), tuple(str(key) for key in keys)


def _plain_values(values: Any, what: str) -> list[Any]:
    """As Python values that are all str, all int or all bool."""
    # An object array keeps the types: np.asarray(["a", 1]) would make a string of the 1.
    array = values if isinstance(values, np.ndarray) else _object_array(values, what)
    if array.ndim != 1:
        raise DataError(f"{what} must have one entry for each input, but has shape {array.shape}")
    if len(array) == 0:
        raise DataError(f"{what} is empty")
    plain = [value.item() if isinstance(value, np.generic) else value for value in array.tolist()]
    kinds = {type(value) for value in plain}
    if not kinds <= {str, int, bool}:
        check_none_is_missing(plain, what=what)
    if kinds <= {int, float} and float in kinds:
        plain, kinds = [_whole(value, index, what) for index, value in enumerate(plain)], {int}
    if len(kinds) > 1:
        raise DataError(f"{what} must be all strings or all integers, but mixes {_kind_names(kinds)}")
    if not kinds <= {str, int, bool}:
        raise DataError(f"{what} must be strings or integers, but holds {_kind_names(kinds)}")
    if kinds == {str}:
        _check_text(plain, what)
    return plain


def is_missing(value: object) -> bool:
    """Whether a value is None, NaN, or what pandas has for either.

    Example:
        >>> is_missing(None), is_missing(float("nan")), is_missing("nan"), is_missing(0)
        (True, True, False, False)
    """
    # By name, since importing pandas takes a second.
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in ("NAType", "NaTType")
    )


def check_none_is_missing(values: Iterable[object], *, what: str) -> None:
    """Refuse values of which one is missing.

    Raises:
        DataError: says which is the first.
    """
    for index, value in enumerate(values):
        if is_missing(value):
            raise DataError(f"{what} must have one entry for each input, but entry {index} is missing: {value!r}")


def _object_array(values: Any, what: str) -> NDArray[Any]:
    try:
        return np.asarray(values if hasattr(values, "__array__") else np.array(list(values), dtype=object))
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} must be an array or a sequence, but is {type(values).__name__}") from error


def _whole(value: float, index: int, what: str) -> int:
    if not float(value).is_integer():
        raise DataError(f"{what} must be strings or integers, but entry {index} is {value!r}")
    return int(value)


def _check_text(texts: list[str], what: str) -> None:
    for index, text in enumerate(texts):
        if not text.strip():
            raise DataError(f"{what} has a blank entry at index {index}: {text!r}")
        if not text.isascii() and text != text.encode(errors="replace").decode():
            # Half of a surrogate pair, as in a file name that is not UTF-8: no record could hold it.
            raise DataError(f"{what} has an entry that is not valid Unicode at index {index}: {text!r}")


def _warn_of_forms(names: list[Any], what: str) -> None:
    """A file system or an editor may write "é" as one character or as two: names that look alike are two."""
    seen: dict[str, str] = {}
    for name in names:
        if isinstance(name, str) and not name.isascii():
            other = seen.setdefault(unicodedata.normalize("NFC", name), name)
            if other != name:
                warnings.warn(
                    f"{what} has the names {other!a} and {name!a}, which differ in their Unicode form alone and are "
                    "kept apart; write them in one form, such as NFC, if they are one",
                    DataWarning,
                    stacklevel=4,
                )
                return


def _kind_names(kinds: Iterable[type]) -> str:
    return " and ".join(sorted(kind.__name__ for kind in kinds))


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """The nearest of the names as the end of an error message, or nothing where none is near.

    Example:
        >>> did_you_mean("digts", ["digits", "fonts"])
        "; did you mean 'digits'?"
        >>> did_you_mean("zebra", ["digits", "fonts"])
        ''
    """
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def choices(name: str, names: Sequence[str]) -> str:
    """The nearest of the names and all of them, as the end of an error message about one that there is not.

    Example:
        >>> choices("digts", ["digits", "fonts"])
        "; did you mean 'digits'? There are 'digits', 'fonts'"
        >>> choices("zebra", ["digits", "fonts"])
        "; there are 'digits', 'fonts'"
        >>> choices("zebra", [])
        '; there are none'
    """
    if not names:
        return "; there are none"
    near = did_you_mean(name, names)
    return f"{near} There are {quoted(names)}" if near else f"; there are {quoted(names)}"


def quoted(names: Iterable[str]) -> str:
    """Names for a message, the first ten of them.

    Example:
        >>> quoted(["a", "b"])
        "'a', 'b'"
        >>> quoted(str(i) for i in range(12))
        "'0', '1', '2', '3', '4', '5', '6', '7', '8', '9' and 2 more"
    """
    listed = [repr(name) for name in names]
    return ", ".join(listed[:10]) + (f" and {len(listed) - 10} more" if len(listed) > 10 else "")


def in_order(wanted: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The domains that are wanted, in the order of all names.

    Raises:
        DataError: an unknown domain, or one named twice.

    Example:
        >>> in_order(["30", "0"], ["0", "15", "30"])
        ('0', '30')
    """
    for name in wanted:
        if name not in names:
            raise DataError(f"unknown domain {name!r}{choices(name, names)}")
    if len(set(wanted)) < len(wanted):
        raise DataError(f"a domain is named twice: {quoted(wanted)}")
    return tuple(name for name in names if name in wanted)
