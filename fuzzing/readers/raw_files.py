"""Raw files of benchmarks: IDX, old pickles, pen strokes, archives."""

import gzip
import io
import pickle
import tarfile
import zipfile
from functools import cache
from pathlib import Path

from fuzzing.mutation import Choices, altered_bytes
from fuzzing.target import MOST_BYTES, Target, altered_anyhow, written


def _idx() -> tuple[bytes, ...]:
    return (bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]) + bytes(range(24)),)


def _read_idx(content: bytes, folder: Path) -> object:
    from crossgrad.data.gzip_files import read_gzip
    from crossgrad.data.idx import read_idx

    if content[:2] == b"\x1f\x8b":
        content = read_gzip(written(folder / "a.gz", content), most_bytes=MOST_BYTES)
    return read_idx(content, dimensions=3, name="fuzz")


@cache
def _pickles() -> tuple[bytes, ...]:
    """As Python 2 wrote them, which Python 3 does only in the outline."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\np1\n(cnumpy\nndarray\np2\n(I0\ntS'b'\ntRp3\n(I1\n(I2\ntcnumpy\ndtype\np4\n"
        b"(S'f8'\nI0\nI1\ntRp5\n(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI0\nS'" + b"\\x00" * 16 + b"'\ntb"
    )
    return b"(l(" + array + b"ta.", pickle.dumps([(1, 2)], protocol=0), pickle.dumps([(1, 2)], protocol=4)


_PICKLE_WORDS = (
    b"cos\nsystem\n",
    b"(S'touch canary'\ntR",
    b"c__builtin__\neval\n",
    b"\x80\x04",
    b"\x93",
    b"I9999999999\n",
    b"g1\n",
    b"p1\n",
    b"R",
    b"b",
    b".",
)


def _read_pickle(content: bytes, folder: Path) -> object:
    from crossgrad.data.array_pickle import read_array_pickle

    return read_array_pickle(content, name="fuzz")


def _strokes() -> tuple[bytes, ...]:
    return (b".COORD X Y T P\n.PEN_DOWN\n10 20 0 1\n11 25 7 1\n-3.5 1e2 9 1\n.PEN_UP\n.PEN_DOWN\n1 2 3 4\n.PEN_UP\n",)


def _read_strokes(content: bytes, folder: Path) -> object:
    from crossgrad.data.strokes import draw_strokes
    from crossgrad.data.unipen import read_strokes

    return draw_strokes(read_strokes(content.decode("latin1")), size=8, thickness=1.0)


@cache
def _archives() -> tuple[bytes, ...]:
    files = {"a/one.txt": b"one" * 50, "a/two.png": bytes(64), "b/.hidden": b"x"}
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    found = [zipped.getvalue()]
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode=mode, format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size, member.pax_headers = len(content), {"comment": "é"}
                archive.addfile(member, io.BytesIO(content))
        found.append(packed.getvalue())
    return tuple(found)


def _altered_archive(content: bytes, choices: Choices) -> bytes:
    """Compressed bytes, or a tar archive within its compression with the sums of its headers right."""
    if choices.below(2) or content[:2] == b"PK":
        return altered_bytes(content, choices, words=(b"../../canary", b"/etc/canary", b"GNU.sparse.size=9999999999\n"))
    plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    values = bytearray(altered_bytes(plain, choices, words=(b"../../canary", b"77777777777", b"path=../x\n")))
    for start in range(0, len(values) - 511, 512):
        if values[start + 257 : start + 262] == b"ustar":
            header = values[start : start + 512]
            header[148:156] = b" " * 8
            values[start + 148 : start + 156] = b"%06o\0 " % sum(header)
    return gzip.compress(bytes(values)) if content[:2] == b"\x1f\x8b" else bytes(values)


def _read_archive(content: bytes, folder: Path) -> object:
    from crossgrad.data.archives import read_files

    return list(read_files(written(folder / "archive", content), most_bytes=MOST_BYTES))


TARGETS = {
    "idx": Target(_idx, altered_anyhow, _read_idx, 400, is_binary=True),
    "pickle": Target(
        _pickles,
        lambda content, choices: altered_bytes(content, choices, words=_PICKLE_WORDS),
        _read_pickle,
        800,
        is_binary=True,
    ),
    "unipen": Target(
        _strokes,
        lambda content, choices: altered_bytes(content, choices, words=(b".COORD", b"1e308 ", b"nan", b".PEN_UP\n")),
        _read_strokes,
        400,
        is_binary=True,
    ),
    "archive": Target(_archives, _altered_archive, _read_archive, 800, is_binary=True),
}
