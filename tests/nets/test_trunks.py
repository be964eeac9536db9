"""Every architecture of NETS: shapes, sizes, the smallest inputs."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from crossgrad.errors import SettingsError
from crossgrad.nets import MLP, NETS, Conv1d, Conv2, Keyword, LeNet, ResNet, headed

FEATURE_SHAPES = {
    ("lenet", (1, 32, 32)): (128, 4, 4),
    ("lenet", (3, 20, 28)): (128, 2, 3),
    ("conv2", (1, 16, 16)): (32, 6, 6),
    ("conv2", (3, 9, 12)): (32, 2, 4),
    ("resnet", (1, 32, 32)): (128,),
    ("resnet", (3, 9, 12)): (128,),
    ("keyword", (1, 40, 98)): (64, 20, 49),
    ("keyword", (2, 9, 21)): (64, 5, 11),
    ("conv1d", (3, 128)): (128, 16),
    ("conv1d", (1, 15)): (128, 1),
    ("mlp", (36,)): (256,),
    ("mlp", (1, 6, 6)): (256,),
}
PARAMETERS = {
    # three convolutions 5x5 with biases
    ("lenet", (1, 32, 32)): (25 * 1 + 1) * 32 + (25 * 32 + 1) * 64 + (25 * 64 + 1) * 128,
    # two convolutions 3x3 with biases
    ("conv2", (3, 16, 16)): (9 * 3 + 1) * 32 + (9 * 32 + 1) * 32,
    # the stem and its normalisation, no biases before that; 3x3 twice; the same with 128 channels, and 1x1 beside
    ("resnet", (1, 32, 32)): 9 * 64 + 2 * 64
    + 2 * (9 * 64 * 64 + 2 * 64)
    + (9 * 64 * 128 + 2 * 128) + (9 * 128 * 128 + 2 * 128) + (64 * 128 + 2 * 128),
    # two convolutions with biases
    ("keyword", (1, 40, 98)): (8 * 20 + 1) * 64 + (4 * 10 * 64 + 1) * 64,
    # three convolutions over 5 moments, with biases
    ("conv1d", (3, 128)): (5 * 3 + 1) * 32 + (5 * 32 + 1) * 64 + (5 * 64 + 1) * 128,
    ("mlp", (1, 6, 6)): (36 + 1) * 256,
}  # fmt: skip
SMALLEST = {"lenet": 8, "resnet": 8, "conv2": 6}


def n_parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_every_net_has_its_shapes_here() -> None:
    assert {name for name, _ in FEATURE_SHAPES} == NETS.keys()
    assert {name for name, _ in PARAMETERS} == NETS.keys()


@pytest.mark.parametrize(("name", "input_shape"), FEATURE_SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_features_have_their_shape_and_the_inputs_dtype(
    name: str, input_shape: Sequence[int], dtype: torch.dtype
) -> None:
    trunk = NETS[name](input_shape).to(dtype)
    features = trunk(torch.zeros(2, *input_shape, dtype=dtype))
    assert features.shape == (2, *FEATURE_SHAPES[name, input_shape])
    assert features.dtype is dtype
    assert (features >= 0).all()  # every trunk ends behind a ReLU


@pytest.mark.parametrize(("name", "input_shape"), PARAMETERS)
def test_trunks_have_as_many_parameters_as_their_layers_say(name: str, input_shape: Sequence[int]) -> None:
    assert n_parameters(NETS[name](input_shape)) == PARAMETERS[name, input_shape]


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_image_works_and_a_smaller_one_is_refused_by_name_and_size(name: str) -> None:
    side = SMALLEST[name]
    trunk = NETS[name]((1, side, side + 1))
    assert trunk(torch.zeros(1, 1, side, side + 1)).numel() > 0
    for shape in [(1, side - 1, 32), (1, 32, side - 1)]:
        with pytest.raises(SettingsError) as caught:
            NETS[name](shape)
        assert f"{name} takes images" in str(caught.value)
        assert f"at least {side}x{side}" in str(caught.value)
        assert str(shape) in str(caught.value)


@pytest.mark.parametrize("shape", [(1, 7, 98), (1, 40, 19), (40, 98)])
def test_what_is_no_spectrogram_is_refused_by_the_keyword_net(shape: Sequence[int]) -> None:
    assert Keyword((1, 8, 20))(torch.zeros(1, 1, 8, 20)).shape == (1, 64, 4, 10)
    with pytest.raises(SettingsError) as caught:
        Keyword(shape)
    assert "at least 8 bands and 20 frames" in str(caught.value)
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("name", SMALLEST)
@pytest.mark.parametrize("shape", [(36,), (32, 32), (1, 1, 32, 32)])
def test_what_is_no_image_is_refused_by_image_nets(name: str, shape: Sequence[int]) -> None:
    with pytest.raises(SettingsError, match=r"\(channels, height, width\)"):
        NETS[name](shape)


@pytest.mark.parametrize(
    ("trunk", "hidden", "shape"),
    [
        (LeNet, (256, 128), (1, 12, 20)),
        (ResNet, (256, 128), (1, 12, 20)),
        (Conv2, (120, 84), (1, 12, 20)),
        (Keyword, (128,), (1, 12, 20)),
        (Conv1d, (256, 128), (3, 40)),
        (MLP, (128, 64), (1, 12, 20)),
    ],
)
def test_every_net_names_its_hidden_layers_and_trains_with_them(
    trunk: type[LeNet | ResNet | Conv2 | Keyword | Conv1d | MLP], hidden: Sequence[int], shape: Sequence[int]
) -> None:
    assert hidden == trunk.HIDDEN
    net = headed(trunk(shape), input_shape=shape, n_classes=3, hidden=trunk.HIDDEN)
    inputs, labels = torch.randn(12, *shape), torch.arange(12) % 3
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(inputs), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_a_trunk_does_not_read_across_examples() -> None:
    for (name, shape), _ in FEATURE_SHAPES.items():
        trunk = NETS[name](shape).eval()  # in training, batch normalisation reads across them
        inputs = torch.randn(3, *shape)
        torch.testing.assert_close(trunk(inputs)[1:2], trunk(inputs[1:2]), rtol=1e-4, atol=1e-5)
        assert math.prod(FEATURE_SHAPES[name, shape]) == trunk(inputs)[0].numel()


def test_a_residual_block_whose_convolutions_are_zero_passes_its_input_on() -> None:
    block = ResNet((1, 8, 8)).layers[4]
    for convolution in (layer for layer in block.residual if isinstance(layer, nn.Conv2d)):
        nn.init.zeros_(convolution.weight)
    inputs = torch.rand(2, 64, 4, 4)
    torch.testing.assert_close(block.eval()(inputs), inputs)


def test_the_keyword_nets_convolutions_see_as_much_before_as_behind_but_for_one() -> None:
    """As the tutorial's padding "SAME": of 20 frames, 9 before and 10 behind; of 8 bands, 3 and 4."""
    trunk = Keyword((1, 40, 98))
    inputs = torch.zeros(1, 1, 40, 98, requires_grad=True)
    padded, convolved = trunk.layers[0], trunk.layers[1]
    (seen,) = torch.autograd.grad(convolved(padded(inputs))[0, 0, 20, 50], inputs)
    bands, frames = seen[0, 0].nonzero().T
    assert (bands.min().item(), bands.max().item()) == (20 - 3, 20 + 4)
    assert (frames.min().item(), frames.max().item()) == (50 - 9, 50 + 10)


def test_the_documentation_tells_every_nets_shapes_and_sizes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .* \| ([\d, ]+) \| ([\dx]+) \| ([\dx]+) \| ([\d,]+) \|$", page, re.MULTILINE)
    assert [name for name, *_ in rows] == list(NETS)
    for name, hidden, shape, features, parameters in rows:
        input_shape = tuple(map(int, shape.split("x")))
        trunk = NETS[name](input_shape)
        net = headed(trunk, input_shape=input_shape, n_classes=10, hidden=trunk.HIDDEN)
        assert ", ".join(map(str, trunk.HIDDEN)) == hidden
        assert "x".join(map(str, trunk(torch.zeros(2, *input_shape)).shape[1:])) == features
        assert f"{n_parameters(net):,}" == parameters, name
