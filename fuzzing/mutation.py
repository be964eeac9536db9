"""How sound input is altered: by decisions that are read from bytes, so that anything that makes bytes can fuzz."""

import json
import struct
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

MOST_EDITS = 6

_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFF, 0x0A, 0x1B, 0x22, 0x2E, 0x7B)
_NUMBERS = (0, 1, -1, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, -(2**63))
_FORMATS = ("<I", ">I", "<Q", ">Q", "<H", ">H")

HOSTILE_TEXTS = (
    "",
    " ",
    "\n",
    "a\nb",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x00",
    "\u202etxt.exe",
    "\udcff",
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "{{7*7}}",
    "{% for x in y %}",
    "%s%n",
    "$(touch canary)",
    "`touch canary`",
    "../../../canary",
    "/etc/passwd",
    "/dev/zero",
    "file:///etc/passwd",
    "os:system",
    "builtins:exec",
    "subprocess:run",
    "fuzz_canary:run",
    "torch.hub:load",
    "[red]",
    "[/]",
    "[link=x]",
    "|",
    "a,b",
    "=1+1",
    "é" * 100,
    "x" * 5000,
    "007",
    "nan",
    "\\input{/etc/passwd}",
    "`",
    "---",
    "CON",
    "none",
    "true",
    "1e999",
    "9" * 5000,
)

HOSTILE_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    10**6,
    10**9,
    10**12,
    2**63,
    -(2**63),
    10**30,
    10**400,
    0.5,
    -0.5,
    1e-300,
    1e300,
    float("nan"),
    float("inf"),
    float("-inf"),
    [],
    {},
    [[]],
    [None],
    [1],
    ["a"],
    [0, 0],
    [-1],
    [10**9, 10**9],
    [1] * 40,
    {"a": 1},
    {"": None},
    [[[[[[[[]]]]]]]],
    *HOSTILE_TEXTS,
)


class Choices:
    """Decisions, one after another; when the bytes are used up every decision is the first of its options.

    Example:
        >>> choices = Choices(bytes([7, 1]))
        >>> choices.below(5), choices.of("ab"), choices.is_over, choices.below(5)
        (2, 'b', True, 0)
    """

    def __init__(self, decisions: bytes) -> None:
        self._decisions, self._position = decisions, 0

    @property
    def is_over(self) -> bool:
        return self._position >= len(self._decisions)

    def below(self, n: int) -> int:
        n_bytes = 1 if n <= 256 else 2 if n <= 65536 else 4
        taken = self._decisions[self._position : self._position + n_bytes]
        self._position += n_bytes
        return int.from_bytes(taken, "little") % n if n else 0

    def of(self, options: Sequence[Any]) -> Any:
        return options[self.below(len(options))]


def altered_bytes(content: bytes, choices: Choices, *, words: Sequence[bytes] = ()) -> bytes:
    """Bits flipped, numbers that mean something put in, stretches cut, repeated and moved.

    Args:
        content: to be altered.
        choices: no more decisions, no more edits.
        words: of the format, put in too.
    """
    values = bytearray(content)
    for _ in range(MOST_EDITS):
        if choices.is_over:
            break
        edit, place = choices.below(8 if words else 7), choices.below(len(values) + 1)
        if edit == 0 and place < len(values):
            values[place] ^= 1 << choices.below(8)
        elif edit == 1 and place < len(values):
            values[place] = choices.of(_BYTES)
        elif edit == 2:
            form = choices.of(_FORMATS)
            size = struct.calcsize(form)
            values[place : place + size] = struct.pack(form, choices.of(_NUMBERS) % 256**size)
        elif edit == 3:
            del values[place:]
        elif edit == 4:
            del values[place : place + 1 + choices.below(64)]
        elif edit == 5:
            values[place:place] = values[place : place + 1 + choices.below(64)] * (1 + choices.below(4))
        elif edit == 6:
            source = choices.below(len(values) + 1)
            values[place : place + 16] = values[source : source + 16]
        elif edit == 7:
            word = choices.of(words)
            values[place : place + choices.below(2) * len(word)] = word
    return bytes(values)


def altered_json(value: Any, choices: Choices) -> Any:
    """A JSON value with values in it replaced, left out, doubled, renamed.

    Args:
        value: to be altered; it stays as it is.
        choices: no more decisions, no more edits.
    """
    value = json.loads(json.dumps(value))
    for _ in range(MOST_EDITS):
        if choices.is_over:
            break
        places = _places(value)
        if not places:
            return deepcopy(choices.of(HOSTILE_VALUES))
        container, key = choices.of(places)
        edit = choices.below(8)
        if edit <= 4:
            container[key] = deepcopy(choices.of(HOSTILE_VALUES))
        elif edit == 5:
            del container[key]
        elif edit == 6 and isinstance(container, dict):
            container[choices.of(HOSTILE_TEXTS)] = container.pop(key)
        elif edit == 6:
            container.append(deepcopy(container[key]))
        else:
            container[key] = [container[key]]
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a value, as the container and the key or index in it."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting and len(found) < 250:  # of a long list the first places stand for the others
        container = waiting.pop(0)
        keys: Any = (
            container.keys()
            if isinstance(container, dict)
            else range(len(container))
            if isinstance(container, list)
            else ()
        )
        found += [(container, key) for key in keys]
        waiting += [container[key] for key in keys]
    return found


def as_json(value: Any) -> bytes:
    """As Python writes JSON, NaN included; half of a surrogate pair as its escape."""
    return json.dumps(value).encode()


def json_lines(rows: Any) -> bytes:
    """One value a line; what is no list is one line."""
    return b"".join(as_json(row) + b"\n" for row in (rows if isinstance(rows, list) else [rows]))
