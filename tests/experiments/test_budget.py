"""What fits in a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.errors import SettingsError
from crossgrad.experiments.budget import Fitted, fit, parse_duration

COSTS = st.lists(st.floats(0.001, 1e4), min_size=1, max_size=40)
SEEDS = st.integers(1, 20)
BUDGETS = st.floats(0.001, 1e6)


def cost(fitted: Fitted, seconds: list[float]) -> float:
    return fitted.n_seeds * sum(seconds[place] for place in fitted.candidates)


@given(COSTS, SEEDS, BUDGETS)
def test_what_fits_is_never_above_the_budget_unless_it_is_a_single_candidate_with_one_seed(
    seconds: list[float], n_seeds: int, budget: float
) -> None:
    fitted = fit(seconds, n_seeds, budget)
    assert cost(fitted, seconds) <= budget * (1 + 1e-9) or (len(fitted.candidates), fitted.n_seeds) == (1, 1)
    assert fitted == fit(seconds, n_seeds, budget)
    assert list(fitted.candidates) == sorted(set(fitted.candidates))
    assert set(fitted.candidates) <= set(range(len(seconds)))


@given(COSTS, SEEDS, BUDGETS, BUDGETS)
def test_a_larger_budget_keeps_all_that_a_smaller_one_keeps(
    seconds: list[float], n_seeds: int, one: float, other: float
) -> None:
    smaller, larger = fit(seconds, n_seeds, min(one, other)), fit(seconds, n_seeds, max(one, other))
    assert set(smaller.candidates) <= set(larger.candidates)
    assert smaller.n_seeds <= larger.n_seeds


@given(COSTS, SEEDS, BUDGETS)
def test_seeds_are_halved_before_a_candidate_is_left_out(seconds: list[float], n_seeds: int, budget: float) -> None:
    fitted = fit(seconds, n_seeds, budget)
    halvings = [n_seeds >> times for times in range(n_seeds.bit_length())]
    assert fitted.n_seeds in halvings
    if len(fitted.candidates) < len(seconds):
        assert fitted.n_seeds == 1


def test_what_fits_whole_is_kept_whole() -> None:
    assert fit([1.0] * 5, 4, 20.0) == Fitted((0, 1, 2, 3, 4), 4)
    assert fit([1.0] * 5, 4, 19.9) == Fitted((0, 1, 2, 3, 4), 2)
    assert fit([1.0] * 5, 4, 0.1).n_seeds == 1


@pytest.mark.parametrize(("text", "seconds"), [("2h", 7200), ("90m", 5400), ("3600s", 3600), (" 1.5 h ", 5400)])
def test_a_duration_is_read_in_hours_minutes_or_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2 days", "-1h", "0s", "1e3s", "infh", "2h30m"])
def test_what_is_no_duration_is_quoted(text: str) -> None:
    with pytest.raises(SettingsError, match="a duration is a number above 0 with s, m or h"):
        parse_duration(text)
