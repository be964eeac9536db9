import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from crossgrad.data.idx import read_idx
from crossgrad.errors import DataError


def packed(values, *, shape=None, head=None):
    shape = values.shape if shape is None else shape
    head = bytes((0, 0, 8, len(shape))) if head is None else head
    return head + struct.pack(f">{len(shape)}I", *shape) + values.tobytes()


@given(values=arrays_of.arrays(np.uint8, arrays_of.array_shapes(max_dims=4, max_side=6)))
def test_an_array_is_read_as_it_was_written(values):
    np.testing.assert_array_equal(read_idx(packed(values), dimensions=values.ndim, name="made"), values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed(np.zeros((20, 3), np.uint8)), "no IDX file of unsigned bytes with 3 dimensions: .* 00 00 08 02"),
        (packed(np.zeros((2, 3, 4), np.uint8), head=b"\0\0\x0d\3"), "unsigned bytes .* 00 00 0d 03"),
        (packed(np.zeros((2, 3, 4), np.uint8), head=b"\1\0\x08\3"), "no IDX file"),
        (packed(np.zeros(23, np.uint8), shape=(2, 3, 4)), "holds 23 values, and says that they are 24"),
        (packed(np.zeros(25, np.uint8), shape=(2, 3, 4)), "holds 25 values, and says that they are 24"),
        (packed(np.zeros(0, np.uint8), shape=(2**32 - 1,) * 3), "holds 0 values"),
        (b"\0\0\x08\3", "it has 4 bytes"),
    ],
)
def test_what_is_no_such_array_is_refused(content, message):
    with pytest.raises(DataError, match=rf"'made' .*{message}"):
        read_idx(content, dimensions=3, name="made")


@given(end=st.integers(0, 16 + 24 - 1))
def test_a_file_that_was_cut_is_refused(end):
    content = packed(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    with pytest.raises(DataError, match=r"damaged|no IDX"):
        read_idx(content[:end], dimensions=3, name="made")
