"""Arrays of bytes in the IDX format, in which MNIST is published."""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from crossgrad.errors import DataError

_UNSIGNED_BYTES = 8


def read_idx(content: bytes, *, dimensions: int, name: str) -> NDArray[np.uint8]:
    """Read an array of unsigned bytes from a file in the IDX format.

    Args:
        content: of the file, unpacked.
        dimensions: that the array has to have: 1 for labels, 3 for images.
        name: of the file, for messages.

    Returns:
        The array, read-only.

    Raises:
        DataError: no IDX file of unsigned bytes, of other dimensions, empty, or shorter or longer than its head says.

    Example:
        >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 3]), dimensions=1, name="labels")
        array([7, 3], dtype=uint8)

    Reference:
        "The IDX file format", on the page of MNIST: two zero bytes, a type, the number of dimensions, their sizes as
        big-endian 32-bit integers, the values with the last dimension changing fastest.
    """
    n_head = 4 + 4 * dimensions
    if len(content) < n_head:
        raise DataError(f"{name!r} is no IDX file: it has {len(content)} bytes")
    if content[:4] != bytes((0, 0, _UNSIGNED_BYTES, dimensions)):
        raise DataError(
            f"{name!r} is no IDX file of unsigned bytes with {dimensions} dimensions: it begins with "
            f"{content[:4].hex(' ')}"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:n_head])
    if (stated := math.prod(shape)) != len(content) - n_head:
        raise DataError(
            f"{name!r} is damaged: it holds {len(content) - n_head:,} values, and says that they are {stated:,}"
        )
    if not stated:
        raise DataError(f"{name!r} holds no values: its dimensions are {shape}")
    return np.frombuffer(content, np.uint8, offset=n_head).reshape(shape)
