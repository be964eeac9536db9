"""Arrays in a pickle that Python 2 wrote, read without unpickling."""

import math
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from crossgrad.errors import DataError

_MOST_OPERATIONS = 10_000  # arrays take about 50 each, however large they are
_DTYPES = {b"f8": np.dtype("<f8"), b"i8": np.dtype("<i8")}
_GLOBALS = (b"numpy.core.multiarray _reconstruct", b"numpy ndarray", b"numpy dtype")
# As Python 2 writes bytes: between double quotes where they hold single ones alone.
_ESCAPED = rb"""\\(?:[\\'nrt]|x[0-9a-f]{2})"""
_STRING = re.compile(rb"""'(?:[ -&(-\[\]-~]++|%b)*+'|"(?:[ !#-\[\]-~]++|%b)*+\"""" % (_ESCAPED, _ESCAPED))
_MARK = object()


def read_array_pickle(content: bytes, *, name: str) -> list[tuple[NDArray[Any], ...]]:
    """Read a list of tuples of arrays from a pickle of protocol 0, the one that Python 2 writes unless told otherwise.

    A pickle is a program: one made with ill intent runs any command while it is unpickled. Letting `pickle.Unpickler`
    find NumPy's names alone is not enough: those names, too, allocate arrays of any size and set their state from
    anything. Such a file takes thirteen operations, so this carries them out itself, on plain values: nothing that the
    file names is looked up or called, memory is never more than a few times the file's, and what is not exactly how
    NumPy has its arrays pickled is refused.

    Args:
        content: of the file, unpacked.
        name: of the file, for messages.

    Returns:
        Arrays of float64 or int64, read-only.

    Raises:
        DataError: cut short, names anything but NumPy's arrays, holds arrays of other types (of objects, say) or of
            another size than stated, or is no list of tuples of arrays.

    Reference:
        The operations are described in the standard library's `pickletools`.
    """
    try:
        found = _Machine(content).run()
    except _NotReadError as error:
        raise DataError(f"{name!r} is not read: {error}") from error
    except (IndexError, KeyError, ValueError) as error:
        raise DataError(f"{name!r} is damaged: its operations do not go together") from error
    if type(found) is not list or not all(type(row) is tuple for row in found):
        raise DataError(f"{name!r} holds no list of tuples")
    arrays = [tuple(array.values if isinstance(array, _Array) else None for array in row) for row in found]
    if any(values is None for row in arrays for values in row):
        raise DataError(f"{name!r} holds tuples of something else than arrays")
    return [tuple(values for values in row if values is not None) for row in arrays]


class _NotReadError(Exception):
    """Why a pickle is not read."""


def _refuse(reason: str) -> NoReturn:
    raise _NotReadError(reason)


@dataclass(eq=False)
class _Dtype:
    code: bytes
    is_little_endian: bool = False


@dataclass(eq=False)
class _Array:
    values: NDArray[Any] | None = None


class _Machine:
    """A stack and a memo, as pickles have them."""

    def __init__(self, content: bytes) -> None:
        self._file = BytesIO(content)
        self._stack: list[Any] = []
        self._memo: dict[bytes, Any] = {}

    def run(self) -> Any:
        stack, memo = self._stack, self._memo
        for _ in range(_MOST_OPERATIONS):
            operation = self._file.read(1)
            match operation:
                case b"(":
                    stack.append(_MARK)
                case b"t":
                    stack.append(tuple(self._since_mark()))
                case b"l":
                    stack.append(self._since_mark())
                case b"a":
                    value = stack.pop()
                    if type(stack[-1]) is not list:
                        _refuse("it appends to what is no list")
                    stack[-1].append(value)
                case b"p":
                    memo[self._line()] = stack[-1]
                case b"g":
                    stack.append(memo[self._line()])
                case b"N":
                    stack.append(None)
                case b"I":
                    stack.append(int(self._line()))
                case b"S":
                    stack.append(_text(self._line()))
                case b"c":
                    stack.append(_name(self._line() + b" " + self._line()))
                case b"R":
                    arguments = stack.pop()
                    stack.append(_called(stack.pop(), arguments))
                case b"b":
                    state = stack.pop()
                    _build(stack[-1], state)
                case b".":
                    if self._file.read(1):
                        _refuse("it goes on after its end")
                    return stack.pop()
                case b"":
                    _refuse("it is cut short")
                case _:
                    _refuse(f"arrays do not take the operation {operation!r}; only protocol 0 is read")
        _refuse(f"it has more than {_MOST_OPERATIONS:,} operations")

    def _line(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            _refuse("it is cut short")
        return line[:-1]

    def _since_mark(self) -> list[Any]:
        values = []
        while (value := self._stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]


def _name(name: bytes) -> str:
    if name not in _GLOBALS:
        _refuse(f"it asks for {name.decode(errors='replace')!r}, which is no part of an array")
    return name.decode()


def _text(line: bytes) -> bytes:
    if not _STRING.fullmatch(line):
        _refuse("it holds a string that is not as Python 2 writes them")
    return line[1:-1].decode("unicode_escape").encode("latin1")


def _called(function: Any, arguments: Any) -> _Array | _Dtype:
    """What the call would give; names are str here, strings of the file bytes."""
    match function, arguments:
        case "numpy.core.multiarray _reconstruct", ("numpy ndarray", (0,), b"b"):
            return _Array()
        case "numpy dtype", (bytes() as code, 0, 1):
            return _Dtype(code)
    _refuse("it calls NumPy otherwise than arrays do")


def _build(target: Any, state: Any) -> None:
    match target, state:
        case _Dtype(), (3, b"<", None, None, None, -1, -1, 0):
            target.is_little_endian = True
        case _Array(), (1, tuple() as shape, _Dtype() as dtype, 0, bytes() as data):
            target.values = _values(shape, dtype, data)
        case _:
            _refuse("it builds something else than arrays of numbers in rows")


def _values(shape: tuple[Any, ...], dtype: _Dtype, data: bytes) -> NDArray[Any]:
    if dtype.code not in _DTYPES or not dtype.is_little_endian:
        _refuse(f"its arrays are of the type {dtype.code!r}; only little-endian 'f8' and 'i8' are read")
    if not all(type(length) is int and length >= 0 for length in shape) or len(shape) > 8:
        _refuse("it has an array without a proper shape")
    if (stated := math.prod(shape) * 8) != len(data):
        _refuse(f"it has an array of {len(data):,} bytes for {stated:,}")
    return np.frombuffer(data, _DTYPES[dtype.code]).reshape(shape)
