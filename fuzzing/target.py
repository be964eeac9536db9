"""Something that reads what a stranger may have made."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzzing.mutation import Choices, altered_bytes, altered_json, as_json

MOST_BYTES = 2**20
"""That archives of raw data may unpack to here."""

Read = Callable[[bytes, Path], object]
Alter = Callable[[bytes, Choices], bytes]


@dataclass(frozen=True)
class Target:
    """Something that reads what a stranger may have made.

    Args:
        seeds: sound inputs.
        alter: makes a hostile one of a sound one.
        read: reads it; a folder is there to write it to.
        share: how many inputs of it the test suite reads.
        is_binary: whether any bytes are an input, for a fuzzer that makes them by itself.
        most_bytes: of memory that reading one may take.
    """

    seeds: Callable[[], Sequence[bytes]]
    alter: Alter
    read: Read
    share: int
    is_binary: bool = False
    most_bytes: int = 800 * 2**20


def altered_anyhow(content: bytes, choices: Choices) -> bytes:
    return altered_bytes(content, choices)


def altered_json_file(content: bytes, choices: Choices) -> bytes:
    """Mostly JSON with other values, at times other bytes."""
    if choices.below(8) == 7:
        return altered_bytes(content, choices)
    return as_json(altered_json(json.loads(content), choices))


def written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file
