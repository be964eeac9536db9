"""Pen strokes from UNIPEN text, in which tablets' handwriting is published."""

import math
import re

import numpy as np
from numpy.typing import NDArray

from crossgrad.errors import DataError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""Narrower than what float() takes: "1_0" and "nan" are damage."""


def read_strokes(text: str) -> list[NDArray[np.float64]]:
    r"""Read where the pen went while it was down.

    Every line that begins with a dot is a keyword. Points stand between .PEN_DOWN and .PEN_UP, one a line; .COORD
    names their columns, X and Y first where there is none. Other keywords, and what stands between them while the pen
    is up (comments over several lines, the pen's way through the air), are passed over.

    Args:
        text: of one file.

    Returns:
        One array for each stroke with points, (x, y) in the file's unit, float64, shape (n, 2), n at least 1.

    Raises:
        DataError: a point that is no point (the message gives its line), columns without X or Y, a stroke that does
            not end, or no stroke at all.

    Example:
        >>> read_strokes(".COORD X Y T\n.PEN_DOWN\n10 20 0\n11 25 7\n.PEN_UP\n")
        [array([[10., 20.], [11., 25.]])]

    Source:
        Guyon et al., "UNIPEN project of on-line data exchange and recognizer benchmarks", ICPR 1994.
    """
    columns: tuple[str, ...] | None = None
    strokes: list[list[tuple[float, float]]] = []
    is_down = False
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        if not words:
            continue
        if words[0] == ".PEN_DOWN":
            strokes.append([])
            is_down = True
        elif words[0] == ".PEN_UP":
            is_down = False
        elif words[0] == ".COORD":
            columns = tuple(words[1:])
            if not {"X", "Y"} <= set(columns):
                raise DataError(f"line {number}: {line.strip()!r} names no X or no Y")
        elif is_down and not words[0].startswith("."):
            strokes[-1].append(_point(words, columns, number))
    if is_down:
        raise DataError("the text ends while the pen is down: a .PEN_UP is missing, so the file may be cut off")
    found = [np.array(stroke, dtype=np.float64) for stroke in strokes if stroke]
    if not found:
        raise DataError("the text has no pen strokes: no points between .PEN_DOWN and .PEN_UP")
    return found


def _point(words: list[str], columns: tuple[str, ...] | None, number: int) -> tuple[float, float]:
    values = [float(word) for word in words if _NUMBER.fullmatch(word)]
    expected = len(columns) if columns else max(len(words), 2)
    if len(values) != expected or not all(map(math.isfinite, values)):
        wanted = f"{len(columns)} numbers ({' '.join(columns)})" if columns else "two or more numbers"
        raise DataError(f"line {number}: {' '.join(words)!r} is no point; {wanted} were expected")
    named = dict(zip(columns or ("X", "Y"), values, strict=False))
    return named["X"], named["Y"]
