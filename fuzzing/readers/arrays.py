"""Arrays in NumPy archives."""

import io
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from fuzzing.mutation import HOSTILE_TEXTS, Choices, altered_bytes
from fuzzing.target import Target, written


@cache
def _arrays() -> tuple[bytes, ...]:
    found = []
    for inputs, save in (
        (np.arange(12.0).reshape(6, 2), np.savez),
        (np.zeros((6, 4, 4, 3), np.uint8), np.savez_compressed),
    ):
        file = io.BytesIO()
        save(file, inputs=inputs, labels=np.array(["a", "b"] * 3), domains=np.array([1, 1, 1, 2, 2, 2]))
        found.append(file.getvalue())
    return tuple(found)


_NPY_WORDS = (
    b"|O",
    b"<U9999999",
    b"'shape': (9999999999,)",
    b"(-1,)",
    b"(0,)",
    b"()",
    b"<f8",
    b"<f4",
    b">i2",
    b"<c16",
    b"<M8[s]",
    b"[('a', '<f8')]",
    b"True",
    b"__import__('os')",
    b"(1,) * 10**9",
    b"|V8",
    b"<U0",
    b"|b1",
    b"{" * 200,
)


def altered_zip(content: bytes, choices: Choices) -> bytes:
    """The archive's own bytes, or a file within it, with sums that are right."""
    if choices.below(3) == 0:
        return altered_bytes(content, choices)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = choices.of(list(members))
    members[name] = altered_bytes(members[name], choices, words=_NPY_WORDS)
    if choices.below(16) == 15:
        other = choices.of(HOSTILE_TEXTS).encode(errors="replace").decode().replace("\0", "")
        members[other or "none"] = members.pop(name)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, values in members.items():
            archive.writestr(member, values)
    return file.getvalue()


def _read_arrays(content: bytes, folder: Path) -> object:
    from crossgrad.data import read_archived_inputs, read_arrays

    file = written(folder / "arrays.npz", content)
    if content[-1:] < b"\x80":
        return read_archived_inputs(file)
    return read_arrays(file)


TARGETS = {
    "npz": Target(_arrays, altered_zip, _read_arrays, 1200, is_binary=True),
}
