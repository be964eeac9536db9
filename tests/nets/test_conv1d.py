"""The net for signals: what it refuses, what it sees, and which data get it unasked."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from crossgrad import DomainDataset
from crossgrad.defaults import default_net
from crossgrad.errors import SettingsError
from crossgrad.nets import Conv1d


@pytest.mark.parametrize("shape", [(36,), (3, 7), (1, 3, 128)])
def test_what_is_no_signal_or_too_short_is_refused_with_its_shape(shape: Sequence[int]) -> None:
    with pytest.raises(SettingsError, match=r"signals of \(channels, time\), at least 8 long") as caught:
        Conv1d(shape)
    assert str(shape) in str(caught.value)


def test_the_shortest_signal_leaves_one_moment() -> None:
    assert Conv1d((1, 8))(torch.zeros(1, 1, 8)).shape == (1, 128, 1)


def test_a_signal_eight_moments_later_gives_the_same_features_one_later() -> None:
    """Three poolings over 2: away from the ends, the net is equivariant to shifts by 8."""
    torch.manual_seed(1)
    trunk, signal = Conv1d((2, 160)), torch.randn(1, 2, 160)
    now, later = trunk(signal), trunk(torch.roll(signal, 8, dims=2))
    # What one feature sees: 5 moments, then 5 of each pooled pair, twice more.
    torch.testing.assert_close(later[..., 4:-3], now[..., 3:-4], rtol=0, atol=1e-5)


def test_a_moment_reaches_the_features_near_it_alone() -> None:
    trunk, signal = Conv1d((1, 160)), torch.zeros(1, 1, 160, requires_grad=True)
    (seen,) = torch.autograd.grad(trunk.layers[:7](signal)[0, 0, 20], signal)  # third convolution, every 4th moment
    moments = seen[0, 0].nonzero().flatten()
    assert 60 <= int(moments.min()) <= int(moments.max()) <= 100
    assert len(moments) > 0


def test_fewer_channels_make_it_cheaper_and_leave_its_architecture() -> None:
    assert Conv1d((3, 64), divisor=4)(torch.zeros(1, 3, 64)).shape == (1, 32, 8)


def dataset(*shape: int) -> DomainDataset:
    indices = torch.arange(4)
    return DomainDataset(torch.zeros(4, *shape), indices % 2, indices // 2, ("a", "b"), ("x", "y"), "four")


def test_signals_get_it_unasked_and_everything_else_keeps_its_net() -> None:
    expected = {
        (3, 128): "conv1d",
        (1, 8): "conv1d",
        (3, 7): "mlp",
        (40,): "mlp",
        (1, 8, 8): "lenet",
        (1, 7, 8): "mlp",
        (1, 8, 8, 8): "mlp",
    }
    assert {shape: default_net(dataset(*shape)) for shape in expected} == expected


def test_arrays_are_read_as_signals_where_that_is_asked_for_and_as_grey_images_where_not() -> None:
    arrays = np.arange(4 * 3 * 8, dtype=np.uint8).reshape(4, 3, 8)
    signals, pictures = (
        DomainDataset.from_arrays(arrays, [0, 1, 0, 1], [0, 0, 1, 1], name="four", signals=each)
        for each in (True, False)
    )
    assert torch.equal(signals.inputs, torch.from_numpy(arrays).float())
    assert pictures.inputs.shape == (4, 1, 3, 8)
    assert float(pictures.inputs.max()) < 1
    assert default_net(signals) == "conv1d"
