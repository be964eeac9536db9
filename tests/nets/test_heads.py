"""Heads on any trunk: where g joins, what features are, and that asking a trunk for its width changes nothing."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from crossgrad.nets import HeadedNet, headed
from crossgrad.nets.heads import n_features

SHAPE = (2, 5)


def net_of(trunk: nn.Module, *, n_domain_features: int = 0, dropout: float = 0.0) -> HeadedNet:
    return headed(
        trunk,
        input_shape=SHAPE,
        n_classes=3,
        hidden=(7, 4),
        n_domain_features=n_domain_features,
        dropout=dropout,
    )


class OwnTrunk(nn.Module):
    """A user's: features of an odd shape, and a layer that behaves otherwise in training."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)
        self.linear = nn.Linear(5, 6)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.linear(self.norm(inputs)).reshape(-1, 3, 2, 2)


def test_g_joins_the_trunks_output_in_front_of_the_last_but_one_hidden_layer() -> None:
    net = net_of(nn.Flatten(), n_domain_features=6)
    inputs, g = torch.randn(8, *SHAPE), torch.randn(8, 6)
    first, last = net.hidden
    assert (first.in_features, first.out_features, last.out_features) == (2 * 5 + 6, 7, 4)
    hidden = (torch.cat([inputs.reshape(8, 10), g], dim=1) @ first.weight.T + first.bias).clamp(min=0)
    hidden = (hidden @ last.weight.T + last.bias).clamp(min=0)
    torch.testing.assert_close(net.features(inputs, g), hidden)
    torch.testing.assert_close(net(inputs, g), hidden @ net.output.weight.T + net.output.bias)


def test_features_are_what_the_output_layer_sees_and_classify_gives_the_logits() -> None:
    net = net_of(nn.Flatten())
    inputs = torch.randn(8, *SHAPE)
    seen: list[Tensor] = []
    net.output.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    logits = net(inputs)
    torch.testing.assert_close(net.features(inputs), seen[0], rtol=0, atol=0)
    torch.testing.assert_close(net.classify(net.features(inputs)), logits, rtol=0, atol=0)
    assert net.features(inputs).shape == (8, 4)


def test_logits_depend_on_g() -> None:
    net = net_of(nn.Flatten(), n_domain_features=6)
    inputs = torch.randn(8, *SHAPE)
    assert not torch.equal(net(inputs, torch.zeros(8, 6)), net(inputs, 5 * torch.ones(8, 6)))


def test_dropout_lies_behind_the_features_and_works_in_training_alone() -> None:
    net = net_of(nn.Flatten(), dropout=0.5)
    inputs = torch.randn(64, *SHAPE)
    torch.testing.assert_close(net.features(inputs), net.features(inputs), rtol=0, atol=0)
    assert not torch.equal(net(inputs), net(inputs))
    features, seen = net.features(inputs), []
    net.output.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    net.classify(features)
    kept = seen[0] != 0
    assert 0.3 < kept[features != 0].float().mean() < 0.7
    torch.testing.assert_close(seen[0], torch.where(kept, 2 * features, 0.0), rtol=0, atol=0)
    net.eval()
    torch.testing.assert_close(net(inputs), net(inputs), rtol=0, atol=0)


@pytest.mark.parametrize("hidden", [(4,), (7, 4), (9, 7, 4)])
def test_any_number_of_hidden_layers_ends_in_the_last_width(hidden: tuple[int, ...]) -> None:
    net = headed(nn.Flatten(), input_shape=SHAPE, n_classes=3, hidden=hidden)
    assert len(net.hidden) == len(hidden)
    assert net.features(torch.zeros(2, *SHAPE)).shape == (2, 4)
    assert net(torch.zeros(2, *SHAPE)).shape == (2, 3)


def test_a_users_own_trunk_is_measured_flattened_and_trained() -> None:
    trunk = OwnTrunk()
    assert n_features(trunk, SHAPE) == 12
    net = net_of(trunk)
    net(torch.randn(8, *SHAPE)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize("training", [True, False])
def test_measuring_a_trunk_leaves_modes_and_batch_statistics(training: bool) -> None:
    trunk = OwnTrunk().train(training)
    trunk.norm.train(not training)  # as in a net with some layers frozen
    before = deepcopy(trunk.state_dict())
    n_features(trunk, SHAPE)
    assert (trunk.training, trunk.norm.training, trunk.linear.training) == (training, not training, training)
    torch.testing.assert_close(trunk.state_dict(), before, rtol=0, atol=0)


def test_modes_are_put_back_where_a_trunk_cannot_take_the_inputs() -> None:
    trunk = OwnTrunk()
    with pytest.raises(RuntimeError):
        n_features(trunk, (2, 6))
    assert trunk.training
    assert trunk.norm.training
