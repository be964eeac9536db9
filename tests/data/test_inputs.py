import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crossgrad.data.inputs import read_inputs
from crossgrad.errors import DataError


@pytest.mark.parametrize(
    ("shape", "read"),
    [
        ((5, 7), (5, 7)),
        ((5, 8, 9), (5, 1, 8, 9)),
        ((5, 8, 9, 1), (5, 1, 8, 9)),
        ((5, 8, 9, 3), (5, 3, 8, 9)),
        ((5, 8, 9, 4), (5, 4, 8, 9)),
        ((5, 3, 8, 9), (5, 3, 8, 9)),
        ((5, 16, 8, 9), (5, 16, 8, 9)),
        ((5, 3, 4, 4), (5, 3, 4, 4)),
        ((5, 4, 4, 3), (5, 3, 4, 4)),
        ((5, 1, 1, 1), (5, 1, 1, 1)),
        ((5, 2, 3, 8, 9), (5, 2, 3, 8, 9)),
    ],
)
def test_each_shape_is_read_as_documented(shape, read):
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    inputs = read_inputs(array)
    assert inputs.shape == read
    assert inputs.dtype == torch.float32
    if shape[1:] == (8, 9, 3):
        assert inputs[2, 1, 4, 5] == array[2, 4, 5, 1]


@pytest.mark.parametrize("shape", [(5, 3, 8, 3), (5, 3, 3, 3), (5, 1, 4, 1)])
def test_channels_that_may_be_first_or_last_are_refused(shape):
    with pytest.raises(DataError, match=r"has shape \(5, .*may be in the second place or in the last"):
        read_inputs(np.zeros(shape))


def test_bytes_of_images_become_fractions_and_nothing_else_changes():
    assert read_inputs(np.full((2, 4, 4), 255, np.uint8)).max() == 1
    assert read_inputs(np.full((2, 4), 255, np.uint8)).max() == 255
    assert read_inputs(np.full((2, 4, 4), 255, np.int64)).max() == 255
    assert read_inputs(np.ones((2, 4), bool)).max() == 1


def test_a_masked_array_that_hides_nothing_is_read():
    assert read_inputs(np.ma.array([[1.0, 2.0]], mask=[[0, 0]])).tolist() == [[1, 2]]


def test_the_callers_array_is_neither_changed_nor_shared():
    array = np.ones((2, 3), np.float32)
    read_inputs(array)[:] = 7
    assert (array == 1).all()


@given(hnp.arrays(st.sampled_from([np.float16, np.float32, np.float64]), hnp.array_shapes(min_dims=2, max_dims=3)))
def test_not_finite_values_are_counted_and_the_first_is_named(array):
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(array.astype(np.float32))
    if not bad.any():
        assert torch.isfinite(read_inputs(array)).all()
        return
    first = np.argwhere(bad)[0][0]
    n_examples = bad.reshape(len(bad), -1).any(axis=1).sum()
    with pytest.raises(DataError) as caught:
        read_inputs(array)
    assert f"{bad.sum()} NaN or infinite values (as float32) in {n_examples} of {len(bad)}" in str(caught.value)
    assert str(caught.value).endswith(f"the first at index {first}")


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.array([["a"]]), "inputs must be real numbers, but has dtype <U1"),
        (np.array([[None]], dtype=object), "must be real numbers, but has dtype object"),
        (np.zeros((2, 2), complex), "must be real numbers, but has dtype complex128"),
        ([[1.0], [1.0, 2.0]], "inputs must all have one shape; these are ragged"),
        (np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [1, 0]]), r"has 2 masked values; give .* by \.filled\("),
        (np.zeros(4), r"must have shape \(n, features\) or \(n, ...\), but has shape \(4,\)"),
        (np.zeros((0, 3)), r"inputs is empty: its shape is \(0, 3\)"),
        (np.zeros((3, 0)), r"inputs is empty: its shape is \(3, 0\)"),
    ],
)
def test_what_is_no_input_is_refused_and_quoted(inputs, message):
    with pytest.raises(DataError, match=message):
        read_inputs(inputs)
