import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from crossgrad import DomainDataset
from crossgrad.data import Standardisation
from crossgrad.data.lazy_inputs import LazyInputs, Source
from crossgrad.data.reading import read_in_order
from crossgrad.errors import DataError
from crossgrad.evaluation import probabilities
from crossgrad.experiments.scaling import scaling_for
from crossgrad.experiments.settings import Settings
from crossgrad.methods import ERM


class Rows:
    """The rows of an array; counts how often one is read."""

    in_unit_range = False

    def __init__(self, array: np.ndarray, *, in_unit_range: bool = False) -> None:
        self.array, self.in_unit_range, self.n_read = array.astype(np.float32), in_unit_range, 0
        self.input_shape = array.shape[1:]
        self.fingerprint = str(array.tobytes())

    def __len__(self) -> int:
        return len(self.array)

    def read(self, index: int) -> np.ndarray:
        self.n_read += 1
        return self.array[index]


def lazy(array: np.ndarray, **options: bool) -> LazyInputs:
    return LazyInputs(Rows(array, **options), torch.arange(len(array)))


NUMBERS = np.random.RandomState(0).randn(20, 2, 3).astype(np.float32)


def test_rows_are_a_source() -> None:
    assert isinstance(Rows(NUMBERS), Source)


@pytest.mark.parametrize(
    "index", [slice(None), slice(3, 12, 2), [4, 4, 0], torch.tensor([7, 1]), torch.arange(20) % 3 == 0, 5, -1, []]
)
def test_indexing_reads_what_indexing_a_tensor_gives(index) -> None:
    inputs, tensor = lazy(NUMBERS), torch.from_numpy(NUMBERS)
    expected = tensor[index]
    torch.testing.assert_close(inputs[index], expected, rtol=0, atol=0)
    if isinstance(index, int):
        return
    taken = inputs.take(index)
    assert inputs.source.n_read == len(expected)  # taking reads nothing
    assert (taken.shape, taken.ndim, len(taken)) == (expected.shape, expected.ndim, len(expected))
    torch.testing.assert_close(taken[:], expected, rtol=0, atol=0)


def test_what_is_read_is_the_readers_own() -> None:
    inputs = lazy(NUMBERS)
    inputs[:].zero_()
    assert torch.equal(inputs[:], torch.from_numpy(NUMBERS))


def test_functions_are_applied_in_their_order_whenever_inputs_are_read() -> None:
    inputs = lazy(NUMBERS).then(torch.abs).then(torch.sqrt)
    torch.testing.assert_close(inputs.take([2, 3])[:], torch.from_numpy(NUMBERS)[[2, 3]].abs().sqrt())


def test_a_subset_of_a_dataset_is_not_read_and_has_a_fingerprint_of_its_own() -> None:
    dataset = DomainDataset(lazy(NUMBERS), torch.arange(20) % 2, torch.arange(20) % 4, ("a", "b"), tuple("wxyz"), "n")
    part, other = dataset.subset([3, 1]), dataset.subset([1, 3])
    assert dataset.inputs.source.n_read == 0
    assert torch.equal(part.inputs[:], torch.from_numpy(NUMBERS)[[3, 1]])
    assert len({dataset.fingerprint, part.fingerprint, other.fingerprint}) == 3
    assert part.fingerprint == dataset.subset([3, 1]).fingerprint
    assert dataset.inputs.source.n_read == 2


def test_unequal_lengths_are_told_as_for_tensors() -> None:
    with pytest.raises(DataError, match="labels has 3 entries for 20 inputs"):
        DomainDataset(lazy(NUMBERS), torch.arange(3), torch.arange(3), tuple("abc"), tuple("abc"), "numbers")


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 40), st.integers(1, 3), st.integers(1, 3)),
        elements=st.floats(-1e6, 1e6, width=32),
    ),
    st.integers(1, 7),
)
def test_statistics_in_parts_are_those_of_the_whole(array: np.ndarray, size: int) -> None:
    whole = Standardisation.fit(torch.from_numpy(array))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crossgrad.data.standardisation.PART", size)
        parts = Standardisation.fit(lazy(array))
    # A float64 sum's rounding, far below float32's.
    torch.testing.assert_close(parts.mean, whole.mean, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(parts.std, whole.std, rtol=1e-6, atol=1e-4)


def test_statistics_in_parts_keep_their_digits_far_from_zero() -> None:
    array = 1e4 + np.random.RandomState(0).randn(2000, 1)
    whole, parts = Standardisation.fit(torch.from_numpy(array.astype(np.float32))), Standardisation.fit(lazy(array))
    torch.testing.assert_close(parts.std, whole.std, rtol=1e-7, atol=0)


def test_what_is_constant_over_all_parts_gets_standard_deviation_one() -> None:
    array = np.stack([np.full(600, 0.1), np.repeat([0.0, 1.0], 300)], axis=1)
    assert Standardisation.fit(lazy(array)).std.tolist() == [1.0, 0.5]


def test_standardising_lazy_inputs_gives_the_same_bits_when_they_are_read() -> None:
    standard = Standardisation.fit(torch.from_numpy(NUMBERS))
    inputs = standard.apply(lazy(NUMBERS))
    assert inputs.source.n_read == 0
    assert torch.equal(inputs[5:9], standard.apply(torch.from_numpy(NUMBERS))[5:9])


PICTURES = np.random.RandomState(1).rand(200, 1, 4, 4)


def test_images_known_to_be_in_range_are_not_read_for_their_scaling() -> None:
    inputs = lazy(PICTURES, in_unit_range=True)
    assert scaling_for(Settings(), inputs).std.tolist() == [1]
    assert inputs.source.n_read == 0
    assert not inputs.then(torch.neg).in_unit_range


def test_inputs_of_unknown_range_are_looked_at_up_to_the_first_that_is_out_of_it() -> None:
    within, outside = lazy(PICTURES), lazy(np.concatenate([PICTURES[:70], -PICTURES]))
    for inputs, array in ((within, PICTURES), (outside, outside.source.array)):
        found, expected = scaling_for(Settings(), inputs), scaling_for(Settings(), torch.from_numpy(array).float())
        torch.testing.assert_close(found.std, expected.std)
        torch.testing.assert_close(found.mean, expected.mean)
    assert within.source.n_read == 200
    assert outside.source.n_read == 128 + 270  # two batches, then all for the statistics


def test_scaling_that_needs_no_statistics_reads_nothing() -> None:
    inputs = lazy(PICTURES)
    scaling_for(Settings(scaling="none"), inputs)
    assert inputs.source.n_read == 0


def test_probabilities_of_lazy_inputs_are_those_of_tensors_to_the_bit() -> None:
    method = ERM(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3)))
    expected = probabilities(method, torch.from_numpy(PICTURES).float(), batch_size=64)
    assert torch.equal(probabilities(method, lazy(PICTURES), batch_size=64), expected)


def test_parts_of_lazy_inputs_are_those_of_a_tensor() -> None:
    tensor = torch.from_numpy(NUMBERS)
    for size in (1, 6, 20, 50):
        for part, expected in zip(read_in_order(lazy(NUMBERS), size), read_in_order(tensor, size), strict=True):
            assert torch.equal(part, expected)
