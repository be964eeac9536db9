import contextlib
import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data.arrays import read_archived_inputs, read_arrays
from crossgrad.errors import DataError

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8).filter(
    str.strip
)


HEADS = [
    b"{'descr': (), 'fortran_order': False, 'shape': (3,)}",
    b"{'descr': ('<f8',), 'fortran_order': False, 'shape': (3,)}",
    b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,",
    b"{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}",
    b"{'descr': '<f8', 'fortran_order': False, 'shape': (2**70,)}",
    b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999999999999,)}",
    b"{[]: 1}",
    b"  {}\n {",
    b"(" * 300,
    b"'''",
    b"\xff\xfe",
    b"",
]


def with_head(head):
    """A file in NumPy's format whose head says something odd."""
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(24)


@pytest.fixture
def write(tmp_path):
    def save(**changes):
        arrays = {"inputs": np.ones((3, 2)), "labels": np.array([0, 1, 0]), "domains": np.array(["a", "b", "b"])}
        path = tmp_path / "some.npz"
        np.savez(path, **{key: value for key, value in (arrays | changes).items() if value is not None})
        return path

    return save


@given(st.data(), st.integers(1, 9), st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_archives_come_back_as_they_were_written(tmp_path_factory, data, n, shape):
    labels = data.draw(st.lists(names, min_size=n, max_size=n) | st.lists(st.integers(0, 99), min_size=n, max_size=n))
    domains = data.draw(st.lists(names, min_size=n, max_size=n))
    inputs = np.arange(n * np.prod(shape), dtype=np.float32).reshape(n, *shape)
    path = tmp_path_factory.getbasetemp() / "round.npz"
    np.savez_compressed(path, inputs=inputs, labels=labels, domains=domains)
    if len(shape) == 3:  # whether channels are first or last is another test's matter
        inputs = inputs.reshape(n, -1)
        np.savez(path, inputs=inputs, labels=labels, domains=domains)
    dataset = read_arrays(path)
    assert [dataset.label_names[index] for index in dataset.labels] == [str(label) for label in labels]
    assert [dataset.domain_names[index] for index in dataset.domains] == domains
    assert (dataset.inputs.numpy().ravel() == inputs.ravel()).all()
    assert dataset.name == "round"


def test_other_arrays_in_the_archive_are_ignored(write):
    assert len(read_arrays(write(more=np.zeros(7)))) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"domains": None}, r"some\.npz' has no 'domains'; it has 'inputs', 'labels'"),
        ({"domains": np.zeros(2, int)}, r"some\.npz': domains has 2 entries for 3 inputs"),
        ({"labels": np.array(["a", "b", ""])}, r"some\.npz': labels has a blank entry at index 2"),
        ({"inputs": np.array([[1.0], [np.nan], [np.inf]])}, "has 2 NaN or infinite values .*the first at index 1"),
        (
            {"labels": np.array(["a", "b", None], dtype=object)},
            r"labels in '.*some\.npz' holds Python objects, .* could run code; save strings by labels=numpy\.array",
        ),
    ],
)  # fmt: skip
def test_archives_that_cannot_be_used_are_refused_by_name(write, changes, message):
    with pytest.raises(DataError, match=message):
        read_arrays(write(**changes))


class Evil:
    def __reduce__(self):
        return pytest.fail, ("unpickled",)


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps(Evil())])
def test_what_is_no_archive_is_refused_and_never_unpickled(tmp_path, content):
    path = tmp_path / "some.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"some\.npz' is not an \.npz archive; write one by numpy\.savez"):
        read_arrays(path)


def test_objects_are_never_unpickled(write):
    with pytest.raises(DataError, match=r"domains in .* holds Python objects"):
        read_arrays(write(domains=np.array([Evil()] * 3, dtype=object)))


def test_what_is_called_signals_is_read_as_signals_with_and_without_labels(write):
    signals = np.arange(3 * 2 * 9).reshape(3, 2, 9)
    path = write(inputs=None, signals=signals)
    np.testing.assert_array_equal(read_arrays(path).inputs, signals)
    np.testing.assert_array_equal(read_archived_inputs(path), signals)
    assert read_archived_inputs(write(inputs=signals)).shape == (3, 1, 2, 9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signals": np.ones((3, 2, 9))}, r"some\.npz' has both inputs and signals; keep one"),
        ({"inputs": None, "signals": np.ones((3, 9))}, r"signals in .*some\.npz' must have shape .*shape \(3, 9\)"),
        ({"inputs": None}, r"some\.npz' has no 'inputs'; it has 'labels', 'domains'"),
    ],
)  # fmt: skip
def test_archives_whose_signals_cannot_be_used_are_refused(write, changes, message):
    for read in (read_arrays, read_archived_inputs):
        with pytest.raises(DataError, match=message):
            read(write(**changes))


def test_a_damaged_archive_is_told_so(write):
    path = write(inputs=np.random.RandomState(0).rand(3, 100))
    content = bytearray(path.read_bytes())
    content[300:600] = bytes(300)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"some\.npz' is damaged: "):
        read_arrays(path)


def test_a_member_that_is_no_array_is_refused(write):
    path = write(labels=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.npy", "abc")
    with pytest.raises(DataError, match=r"labels in '.*some\.npz' is no array in NumPy's format; write it by numpy\."):
        read_arrays(path)


@pytest.mark.parametrize("head", HEADS)
def test_any_damaged_head_of_an_array_is_told(write, head):
    path = write(inputs=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("inputs.npy", with_head(head))
    with pytest.raises(DataError, match=r"some\.npz' is damaged: "):
        read_arrays(path)


def test_damage_within_a_packing_that_numpy_does_not_write_is_told(write):
    path = write(inputs=None)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("inputs.npy", np.random.RandomState(0).bytes(2000))
    content = bytearray(path.read_bytes())
    place = content.index(b"inputs.npy") + len("inputs.npy")
    content[place + 4 : place + 40] = b"\xff" * 36  # behind LZMA's version and size, its settings and data
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"some\.npz' is damaged: "):
        read_arrays(path)


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no such file: '.*gone\.npz'"):
        read_arrays(tmp_path / "gone.npz")


@given(st.integers(0, 900), st.binary(min_size=1, max_size=40))
def test_any_damage_is_a_data_error_or_harmless(tmp_path_factory, position, noise):
    file = io.BytesIO()
    np.savez(file, inputs=np.ones((3, 2)), labels=np.array([0, 1, 0]), domains=np.array(["a", "b", "b"]))
    content = bytearray(file.getvalue())
    content[position : position + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        read_arrays(path)
