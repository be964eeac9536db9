import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from crossgrad.data.array_pickle import read_array_pickle
from crossgrad.errors import DataError


def array(values, *, code=None, size=None, data=None):
    """An array as Python 2 and its NumPy pickled it."""
    content = values.tobytes() if data is None else data
    shape = "".join(f"I{length}\n" for length in (size or values.shape))
    kind = code or values.dtype.str[1:]
    return (
        "cnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntS'b'\ntRp4\n(I1\n"
        f"({shape}tcnumpy\ndtype\np5\n(S'{kind}'\nI0\nI1\ntRp6\n(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
        f"S{repr(content)[1:]}\ntb"
    ).encode()


def pickled(rows):
    """A list of tuples of arrays."""
    return b"(l" + b"".join(b"(" + b"".join(row) + b"ta" for row in rows) + b"."


PIXELS, DIGITS = np.array([[0.0, 0.5], [1.0, 0.25]]), np.array([7, 3])

numbers = st.one_of(
    arrays_of.arrays(np.dtype("<f8"), arrays_of.array_shapes(max_dims=3, max_side=5)),
    arrays_of.arrays(np.dtype("<i8"), arrays_of.array_shapes(max_dims=2, max_side=5)),
)


@pytest.mark.filterwarnings("ignore:numpy.core:DeprecationWarning")
@given(st.lists(st.lists(numbers, max_size=3), max_size=3))
def test_what_is_read_is_what_pickle_itself_would_give(rows):
    content = pickled([[array(values) for values in row] for row in rows])
    expected = pickle.loads(content, encoding="latin1")  # made here
    found = read_array_pickle(content, name="made")
    assert [len(row) for row in found] == [len(row) for row in expected]
    for values, others in zip(sum(found, ()), sum(expected, ()), strict=True):
        assert values.dtype == others.dtype
        np.testing.assert_array_equal(values, others)


def test_what_was_put_in_the_memo_is_the_same_array_again():
    content = b"(l(" + array(PIXELS) + b"p20\ng20\nta."
    ((first, again),) = read_array_pickle(content, name="made")
    assert first is again


def test_no_command_is_run(tmp_path):
    sentinel = tmp_path / "sentinel"
    content = f"cos\nsystem\n(S'touch {sentinel}'\ntR.".encode()
    with pytest.raises(DataError, match="'made' is not read: it asks for 'os system', which is no part of an array"):
        read_array_pickle(content, name="made")
    assert not sentinel.exists()
    pickle.loads(content)  # it would have been run
    assert sentinel.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_object_is_made_whatever_the_protocol(tmp_path, protocol):
    class Harmful:
        def __reduce__(self):
            return (open, (str(tmp_path / "sentinel"), "w"))

    with pytest.raises(DataError, match=r"is not read: (it asks for 'io open'|it asks for '__builtin__|arrays do not)"):
        read_array_pickle(pickle.dumps([Harmful()], protocol), name="made")
    assert not (tmp_path / "sentinel").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickled([[array(PIXELS, code="O")]]), "its arrays are of the type b'O'; only"),
        (pickled([[array(PIXELS, code="f4")]]), "its arrays are of the type b'f4'; only"),
        (pickled([[array(PIXELS, size=(10**6, 10**6))]]), "an array of 32 bytes for 8,000,000,000,000"),
        (pickled([[array(PIXELS, data=b"short")]]), "an array of 5 bytes for 32"),
        (pickled([[array(PIXELS, size=(-2, -2))]]), "an array without a proper shape"),
        (pickled([[array(PIXELS, size=(1,) * 100)]]), "an array without a proper shape"),
        (pickled([[array(PIXELS).replace(b"(I0\nt", b"(I1000000000000\nt")]]), "it calls NumPy otherwise"),
        (pickled([[array(PIXELS).replace(b"S'<'", b"S'>'")]]), "it builds something else"),
        (pickled([[array(PIXELS).replace(b"p6\n", b"p4\n").replace(b"tbI00\n", b"tI00\n")]]), "it builds something"),
        (pickled([[array(PIXELS).replace(rb"\x00", rb"\u1234")]]), "a string that is not as Python 2 writes"),
        (b"cnumpy\nndarray\n((I1000000000000\nttR.", "it calls NumPy otherwise"),
        (b"(lp0\n0.", "arrays do not take the operation b'0'"),
        (b"(l.again", "it goes on after its end"),
        (b"(l" + b"(la" * 20_000 + b".", "more than 10,000 operations"),
        (b"I1\nI2\na.", "it appends to what is no list"),
        (b"", "it is cut short"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(content, message):
    with pytest.raises(DataError, match=f"'made' is not read: .*({message})"):
        read_array_pickle(content, name="made")


@pytest.mark.parametrize("content", [b".", b"t.", b"(l(lg1\n.", b"I" + b"9" * 5000 + b"\n.", b"Ione\n.", b"p0\n."])
def test_operations_that_do_not_go_together_are_refused(content):
    with pytest.raises(DataError, match="'made' is damaged: its operations do not go together"):
        read_array_pickle(content, name="made")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (array(PIXELS) + b".", "no list of tuples"),
        (b"(lp0\n(lp1\na.", "no list of tuples"),
        (b"(lp0\ng0\na.", "no list of tuples"),
        (b"(lp0\n(I1\nta.", "tuples of something else than arrays"),
        (b"(l(" + array(PIXELS).split(b"p4")[0] + b"ta.", "tuples of something else than arrays"),
        (b"((.", "no list of tuples"),
    ],
)
def test_another_structure_is_refused(content, message):
    with pytest.raises(DataError, match=f"'made' holds {message}"):
        read_array_pickle(content, name="made")


def test_every_shorter_file_is_refused():
    content = pickled([[array(PIXELS), array(DIGITS)]])
    assert len(read_array_pickle(content, name="made")[0]) == 2
    for end in range(len(content)):
        with pytest.raises(DataError, match=r"'made' is (not read|damaged)"):
            read_array_pickle(content[:end], name="made")


@given(st.data())
def test_no_change_of_a_byte_leads_to_another_error(data):
    content = bytearray(pickled([[array(PIXELS), array(DIGITS)]]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        rows = read_array_pickle(bytes(content), name="made")
    except DataError:
        return
    assert all(values.dtype in (np.float64, np.int64) for row in rows for values in row)


def test_shared_tuples_do_not_multiply():
    """A row that is the pair of the row before, thirty times: 2**30 arrays for whoever followed them all."""
    content = (
        b"(l("
        + array(PIXELS)
        + b"tp30\n"
        + b"".join(f"(g{row}\ng{row}\ntp{row + 1}\n".encode() for row in range(30, 60))
        + b"a."
    )
    with pytest.raises(DataError):
        read_array_pickle(content, name="made")
