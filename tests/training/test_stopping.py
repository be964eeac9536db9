from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from crossgrad.building import build_method
from crossgrad.methods import ERM, Method
from crossgrad.training import fit
from crossgrad.training.stopping import EarlyStopping
from small import vectors


def told(scores: list[float]) -> Callable[[Method], float]:
    given_scores = iter(scores)
    return lambda method: next(given_scores)


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), min_size=1, max_size=20), st.integers(1, 5))
def test_training_ends_after_so_many_measurements_in_a_row_that_are_no_better_than_the_best(
    scores: list[float], patience: int
) -> None:
    stopping = EarlyStopping(told(scores), every=10, patience=patience)
    method = ERM(nn.Linear(1, 2))
    n_judged = 0
    for n in range(len(scores)):
        stopping.judge(method, 10 * (n + 1), average=None)
        n_judged = n + 1
        if stopping.is_over:
            break
    seen = scores[:n_judged]
    best_at = seen.index(max(seen))  # the first of equals
    assert (stopping.best, stopping.best_step) == (max(seen), 10 * (best_at + 1))
    assert stopping.is_over == (n_judged - 1 - best_at == patience)


def train(method: Method, stopping: EarlyStopping | None, *, steps: int = 40, watch_every: int = 1) -> list[int]:
    """Trains, and gives the steps done at the ends of stretches."""
    optimizer = torch.optim.Adam(method.parameters(), lr=0.01)
    history = fit(
        method,
        vectors(),
        optimizer=optimizer,
        max_steps=steps,
        batch_size=16,
        seed=0,
        stopping=stopping,
        watch_every=watch_every,
    )
    return history.steps


def test_the_steps_before_an_early_end_are_seen_too() -> None:
    torch.manual_seed(0)
    stopping = EarlyStopping(told([0.6, 0.5]), every=7, patience=1)
    assert train(ERM(nn.Linear(5, 3)), stopping, watch_every=10) == [10, 14]


def test_the_method_is_left_with_its_best_weights_and_no_step_is_taken_after_the_end() -> None:
    torch.manual_seed(0)
    method = ERM(nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)))
    shorter = deepcopy(method)
    stopping = EarlyStopping(told([0.3, 0.6, 0.6, 0.5]), every=5, patience=2)
    assert train(method, stopping) == list(range(1, 21))
    assert (stopping.best, stopping.best_step) == (0.6, 10)
    train(shorter, None, steps=10)
    torch.testing.assert_close(method.state_dict(), shorter.state_dict(), rtol=0.0, atol=0.0)


def test_the_best_weights_are_left_where_patience_outlasts_the_training_too() -> None:
    torch.manual_seed(0)
    method = ERM(nn.Linear(5, 3))
    shorter = deepcopy(method)
    assert train(method, EarlyStopping(told([0.3, 0.6, 0.5, 0.5]), every=10, patience=9))[-1] == 40
    train(shorter, None, steps=20)
    torch.testing.assert_close(method.state_dict(), shorter.state_dict(), rtol=0.0, atol=0.0)


def test_a_training_that_ends_before_the_first_measurement_keeps_its_last_weights() -> None:
    torch.manual_seed(0)
    method = ERM(nn.Linear(5, 3))
    same = deepcopy(method)
    train(method, EarlyStopping(told([]), every=50, patience=1))
    train(same, None)
    torch.testing.assert_close(method.state_dict(), same.state_dict(), rtol=0.0, atol=0.0)


def test_only_the_last_phase_is_judged() -> None:
    method = build_method("mtae", net="mlp", input_shape=(5,), n_labels=3, n_domains=4, fields={})
    phases: list[int] = []

    def score(method: Method) -> float:
        phases.append(method.phase)
        return 0.5

    assert train(method, EarlyStopping(score, every=5, patience=2), steps=20)[-1] == 20 + 15
    assert phases == [1, 1, 1]


@pytest.mark.parametrize("at", [1, 2, 3])
def test_judging_goes_on_from_its_state(at: int) -> None:
    scores = [0.3, 0.6, 0.5, 0.6]
    torch.manual_seed(0)
    methods = [ERM(nn.Linear(1, 2)) for _ in scores]
    through = EarlyStopping(told(scores), every=1, patience=2)
    first, second = (EarlyStopping(told(part), every=1, patience=2) for part in (scores[:at], scores[at:]))
    for step, method in enumerate(methods, start=1):
        through.judge(method, step, average=None)
        if step == at + 1:
            second.load_state_dict(deepcopy(first.state_dict()))
        (first if step <= at else second).judge(method, step, average=None)
    assert second.is_over
    assert through.is_over
    left, expected = ERM(nn.Linear(1, 2)), ERM(nn.Linear(1, 2))
    second.restore(left)
    through.restore(expected)
    torch.testing.assert_close(left.state_dict(), expected.state_dict(), rtol=0.0, atol=0.0)
    assert torch.equal(left.label_net.weight, methods[1].label_net.weight)
