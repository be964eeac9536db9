"""A comparison of hours says what to add for one of minutes, and that is true."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crossgrad.cli.first_look import first_look
from crossgrad.comparison import Comparison, plan
from processes import end, start
from small import images, save_arrays


def planned(folder: Path, **changes: Any) -> Comparison:
    given = {"methods": ["erm", "crossgrad"], "seeds": [4, 5], "max_steps": 1000, "net": "lenet", **changes}
    return plan(images(), output=folder, **given)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "--seeds 1 --max-steps 200 --net lenet/4"),
        ({"seeds": [0]}, "--max-steps 200 --net lenet/4"),
        ({"max_steps": 200}, "--seeds 1 --net lenet/4"),
        ({"net": "lenet/2"}, "--seeds 1 --max-steps 200"),
    ],
)
def test_what_is_large_is_told_to_be_made_small(asked: dict[str, Any], told: str, tmp_path: Path) -> None:
    found = first_look(planned(tmp_path, **asked), jobs=2)
    assert found is not None
    assert found[0] == f"{told} --output first-look"
    assert found[1] > 0


def test_what_is_small_already_is_left_alone(tmp_path: Path) -> None:
    assert first_look(planned(tmp_path, seeds=[0], max_steps=200, net="lenet/4"), jobs=2) is None


def test_a_net_that_settings_were_chosen_for_stays(tmp_path: Path) -> None:
    comparison = planned(tmp_path)
    chosen = tuple(replace(run, select="held-out") for run in comparison.runs)
    found = first_look(replace(comparison, runs=chosen), jobs=2)
    assert found is not None
    assert found[0] == "--seeds 1 --max-steps 200 --output first-look"


def test_two_at_once_take_half_as_long_and_the_longer_training_of_a_matched_method_stays_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossgrad.cli.first_look.step_seconds", lambda runs, _: {run.method: 0.5 for run in runs})
    comparison = planned(tmp_path, match="passes", methods=["erm", "repeat"])
    n_folds = len({run.held_out for run in comparison.runs})
    of_seed_4 = [run for run in comparison.runs if run.seed == 4]
    n_steps = sum(run.n_steps for run in of_seed_4) / n_folds
    assert n_steps > 3000  # erm, repeat, and ERM with twice as many
    for jobs in (1, 2):
        found = first_look(comparison, jobs=jobs)
        assert found is not None
        assert found[1] == pytest.approx(0.5 * n_folds * n_steps / 5 / jobs)


def test_the_command_says_it_before_it_trains(tmp_path: Path) -> None:
    save_arrays(images(), tmp_path / "pictures.npz")
    process = start(["compare", "pictures.npz", "--max-steps", "1000000"], tmp_path)
    try:
        assert process.stderr is not None
        assert any("--output first-look" in line for line in process.stderr)
    finally:
        end(process)


def test_a_net_that_cannot_be_narrower_stays(tmp_path: Path) -> None:
    found = first_look(planned(tmp_path, net="mlp"), jobs=2)
    assert found is not None
    assert found[0] == "--seeds 1 --max-steps 200 --output first-look"
