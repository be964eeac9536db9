"""Features between features, and what a linear probe reads: known geometry gives known numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from crossgrad.analysis import betweenness, domain_features, probe
from crossgrad.building import build_method
from crossgrad.errors import SettingsError
from crossgrad.methods import CrossGrad


def cloud(centre: list[float], *, n: int = 40, spread: float = 0.01, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).normal(centre, spread, size=(n, len(centre)))


@given(st.floats(-2, 3), st.floats(-1, 1), st.floats(0.1, 10), st.floats(0, 6.28))
def test_position_and_distance_are_those_on_the_line_however_it_lies(
    position: float, offset: float, length: float, turn: float
) -> None:
    along = length * np.array([np.cos(turn), np.sin(turn)])
    across = length * np.array([-np.sin(turn), np.cos(turn)])
    start = np.array([[3.0, -2.0]])
    middle = start + position * along + offset * across
    found = betweenness(start, middle, start + along, moved=middle)
    assert found.position == pytest.approx(position, abs=1e-9)
    assert found.distance == pytest.approx(abs(offset), abs=1e-9)


def test_points_moved_into_a_neighbour_are_counted_as_nearer_to_it() -> None:
    first, middle, last = cloud([0, 0]), cloud([5, 0], seed=1), cloud([10, 0], seed=2)
    moved = np.concatenate([middle[:30], cloud([9, 0], n=10, seed=3)])
    found = betweenness(first, middle, last, moved)
    assert (found.nearer, found.nearer_moved) == (0.0, 0.25)


def test_neighbours_in_one_place_are_refused() -> None:
    here = np.zeros((3, 2))
    with pytest.raises(ValueError, match="no line between them"):
        betweenness(here, here + 1, here, here)


@pytest.mark.parametrize("bad", [np.full((3, 2), np.nan), np.zeros((0, 2))])
def test_features_that_are_none_or_no_numbers_are_refused(bad: np.ndarray) -> None:
    here = np.zeros((3, 2))
    for place in range(4):
        given_features = [here, here + 1, here + 2, here]
        given_features[place] = bad
        with pytest.raises(ValueError, match="finite numbers of at least one example"):
            betweenness(*given_features)


def test_groups_that_keep_a_class_on_one_side_are_refused() -> None:
    classes = np.repeat(np.arange(5), 8)
    features, groups = np.eye(5)[classes] + cloud([0] * 5), np.arange(40)
    assert probe(features, classes, groups=groups).value == 1.0
    groups[classes == 3] = 0
    with pytest.raises(ValueError, match="all examples of class 3 are in groups that one fold keeps for itself"):
        probe(features, classes, groups=groups)


def test_a_probe_reads_what_is_there_and_guesses_where_nothing_is() -> None:
    classes = np.repeat(np.arange(4), 50)
    told = np.eye(4)[classes] + np.random.RandomState(0).normal(scale=0.1, size=(200, 4))
    assert probe(told, classes).value > 0.99
    assert probe(np.random.RandomState(1).normal(size=(200, 4)), classes).value < 0.4


def test_a_probe_cannot_recognise_a_group_that_it_has_seen() -> None:
    """Each group has a place of its own in feature space and one class: without groups held out that gives all away."""
    groups = np.repeat(np.arange(40), 10)
    places = np.random.RandomState(0).normal(size=(40, 60))
    features = places[groups] + np.random.RandomState(1).normal(scale=0.01, size=(400, 60))
    classes = np.random.RandomState(2).randint(2, size=40)[groups]
    assert probe(features, classes).value > 0.95
    assert probe(features, classes, groups=groups).value < 0.8


def test_too_few_examples_of_a_class_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 5 examples"):
        probe(np.zeros((8, 2)), np.array([0, 0, 0, 0, 0, 1, 1, 1]))


def test_domain_features_are_the_domain_nets_in_evaluation_mode_and_leave_its_mode() -> None:
    shape = (1, 8, 8)
    method = build_method("crossgrad", net="resnet/16", input_shape=shape, n_labels=3, n_domains=2, fields={}).train()
    inputs = torch.randn(7, *shape)
    found = domain_features(method, inputs, batch_size=3)
    assert method.domain_net.training
    method.eval()
    torch.testing.assert_close(found, method.domain_net.features(inputs).detach())
    method.train()  # by a batch's own statistics, features are others
    assert not torch.allclose(found, method.domain_net.features(inputs).detach(), atol=1e-3)


def test_domain_features_of_a_net_without_them_are_refused() -> None:
    with pytest.raises(SettingsError, match="Linear lacks it: see crossgrad"):
        domain_features(CrossGrad(nn.Linear(4, 3), nn.Linear(4, 2)), torch.randn(2, 4))


def test_a_method_without_a_domain_net_has_no_domain_features() -> None:
    method = build_method("erm", net="mlp", input_shape=(6,), n_labels=3, n_domains=2, fields={})
    with pytest.raises(SettingsError, match="ERM has no domain net"):
        domain_features(method, torch.randn(2, 6))
