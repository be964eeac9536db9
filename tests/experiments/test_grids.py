"""What a sweep tries: the paper's grids, grids from text, points drawn at random, and who comes through halving."""

import itertools

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.errors import SettingsError
from crossgrad.experiments.grids import (
    CALIBRATED_BASE,
    SWEPT_SETTINGS,
    Dimension,
    check_grid,
    paper_grid,
    parse_grid,
    points,
    random_points,
    settings_at,
)
from crossgrad.experiments.optuna_studies import REDUCTION, rung_steps, successive_halving
from crossgrad.experiments.settings import Settings
from crossgrad.perturb import Step

GRID = (Dimension(("a",), (1, 2, 3)), Dimension(("b", "c"), (0.1, 0.2)), Dimension(("d",), (None, True)))


def test_the_papers_grid_ties_both_weights_and_both_steps() -> None:
    found = points(paper_grid("crossgrad"))
    assert len(found) == 20
    assert all(p["label_weight"] == p["domain_weight"] for p in found)
    assert all(p["domain_gradient_step"] == p["label_gradient_step"] for p in found)
    assert sorted({p["label_weight"] for p in found}) == [0.1, 0.25, 0.5, 0.75, 0.9]
    sizes = sorted({Step.parse(p["label_gradient_step"]).size for p in found})
    assert sizes == pytest.approx([CALIBRATED_BASE * multiple for multiple in (0.5, 1, 2, 2.5)])
    assert all(Step.parse(p["label_gradient_step"]).is_calibrated for p in found)
    assert len(points(paper_grid("label_grad"))) == 20


def test_for_methods_without_a_paper_grid_it_is_said_so() -> None:
    with pytest.raises(SettingsError, match="the paper names no grid for dann, only for 'crossgrad', 'label_grad'"):
        parse_grid("dann", ["paper"])


def test_values_are_read_by_the_type_of_their_field_or_setting() -> None:
    (condition, step, steps, balanced) = parse_grid(
        "crossgrad",
        ["condition=true, false", "domain_gradient_step=0.3,calibrated:0.1", "max_steps=10,20", "balanced=true"],
    )
    assert condition.values == (True, False)
    assert step.values == (0.3, "calibrated:0.1")
    assert steps.values == (10, 20)
    assert balanced.values == (True,)


def test_every_setting_that_may_be_swept_is_one() -> None:
    assert set(SWEPT_SETTINGS) <= set(Settings.__dataclass_fields__)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "nothing to choose from"),
        (["label_weight"], "write --grid paper or NAME=VALUE,VALUE"),
        (["label_weight="], "write --grid paper or NAME=VALUE,VALUE"),
        (["label_wieght=0.1"], "nothing called 'label_wieght' to choose for crossgrad; did you mean 'label_weight'"),
        (["threads=1,2"], "nothing called 'threads' to choose for crossgrad"),
        (["label_weight=0.1,much"], "crossgrad.label_weight is a number, not 'much'"),
        (["learning_rate=fast"], "learning_rate is a number, not 'fast'"),
        (["paper", "label_weight=0.1"], "'label_weight' is in the grid twice"),
        (["label_weight+max_steps=0.5"], "max_steps is a whole number"),
        (["condition+norm=none"], "condition is true or false"),
        (["dropout+label_gradient_step=0.1,calibrated:0.1"], "dropout is a number"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused_with_what_came(texts: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_grid("crossgrad", texts)


def test_a_points_settings_and_fields_go_before_those_of_all_candidates() -> None:
    settings = Settings(max_steps=7, learning_rate=0.5).for_method("crossgrad", {"label_weight": 0.9, "clip": 1.0})
    found = settings_at({"label_weight": 0.1, "learning_rate": 0.25}, "crossgrad", settings)
    assert (found.max_steps, found.learning_rate) == (7, 0.25)
    assert (found.fields["label_weight"], found.fields["clip"]) == (0.1, 1.0)


def test_random_points_are_different_points_of_the_grid_the_same_for_the_same_seed() -> None:
    before = optuna.logging.get_verbosity()
    every = points(GRID)
    assert len(every) == 12
    drawn = random_points(GRID, 7, seed=3)
    assert all(point in every for point in drawn)
    assert all(one != other for one, other in itertools.combinations(drawn, 2))
    assert len(drawn) == 7
    assert drawn == random_points(GRID, 7, seed=3) != random_points(GRID, 7, seed=4)
    assert random_points(GRID, 12) == random_points(GRID, 1000) == every
    assert optuna.logging.get_verbosity() == before
    with pytest.raises(SettingsError, match="at least 1, not 0"):
        random_points(GRID, 0)


def test_optuna_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    random_points(GRID, 3)
    successive_halving(4, 2, lambda candidate, rung: candidate / 4)
    assert capfd.readouterr() == ("", "")


def test_a_grid_of_no_values_is_refused() -> None:
    with pytest.raises(SettingsError, match="nothing to choose from"):
        check_grid("erm", [Dimension(("dropout",), ())])


# Halving


@given(st.integers(1, 10_000))
def test_rungs_grow_to_all_of_the_steps(max_steps: int) -> None:
    steps = rung_steps(max_steps)
    assert steps[-1] == max_steps
    assert all(1 <= low < high for low, high in itertools.pairwise(steps))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30, unique=True))
def test_who_comes_through_halving_was_in_the_best_third_of_those_before_it_on_every_rung(values: list[float]) -> None:
    asked: list[tuple[int, int]] = []

    def accuracy(candidate: int, rung: int) -> float:
        asked.append((candidate, rung))
        return values[candidate]

    finished = successive_halving(len(values), 3, accuracy)
    assert finished == [candidate for candidate, rung in asked if rung == 2]
    assert finished[0] == 0  # nobody was there to be better
    assert len(set(asked)) == len(asked)
    for rung in (0, 1):
        on_rung = [candidate for candidate, on in asked if on == rung]
        for place, candidate in enumerate(on_rung):
            so_far = sorted((values[other] for other in on_rung[: place + 1]), reverse=True)
            went_on = (candidate, rung + 1) in asked
            assert went_on == (values[candidate] >= so_far[max(1, len(so_far) // REDUCTION) - 1])


def test_halving_trains_less_than_the_whole_grid_and_keeps_the_best() -> None:
    asked = []

    def accuracy(candidate: int, rung: int) -> float:
        asked.append(rung)
        return float(order[candidate])

    order = np.random.RandomState(0).permutation(27)
    best = int(np.argmax(order))
    assert best in successive_halving(27, 3, accuracy)
    assert asked.count(2) < asked.count(1) < asked.count(0) == 27
