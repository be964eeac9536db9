"""The simulation itself, small: its worlds are what they are called."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks" / "paired_tests.py"


def test_the_script_writes_every_rate_and_shows_them_as_tables(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "rates.json"
    command = [sys.executable, str(SCRIPT), "--trials", "3", "--json", str(output)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    record = json.loads(output.read_text())
    assert record["trials"] == 3
    assert len(record["settings"]) == 4 * 4
    assert all(len(setting["rates"]) == 7 for setting in record["settings"])
    shown = subprocess.run(
        [sys.executable, str(SCRIPT), "--show", str(output)], check=True, capture_output=True, text=True
    ).stdout
    assert shown.count("| paired t over domains |") == 4

    lacking = record | {"settings": record["settings"][:12]}
    output.write_text(json.dumps(lacking))
    subprocess.run([*command[:2], "--json", str(output), "--add"], check=True, capture_output=True, text=True)
    again = json.loads(output.read_text())
    assert again["settings"] == record["settings"]
    assert again["command"].startswith(f"{record['command']}; python benchmarks/paired_tests.py --json ")


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import paired_tests

    return paired_tests


def test_no_difference_is_none_on_average_and_a_difference_is_some_points(simulation) -> None:
    design = simulation.Design(10, 400, 2)
    points = {name: simulation.points(design, world, trials=100) for name, world in simulation.WORLDS.items()}
    none, varying, some, _ = points.values()
    assert abs(none) < 0.2
    assert abs(varying) < 0.8
    assert 2.5 < some < 5


def test_domains_differ_far_more_than_the_luck_of_examples(simulation) -> None:
    random = np.random.RandomState(0)
    right = simulation.draw(
        simulation.Design(200, 300, 1), simulation.WORLDS["no difference, varies by domain"], random
    )
    accuracies = right[0, 0].mean(axis=1)
    assert accuracies.std() > 2 * np.sqrt(0.1 * 0.9 / 300)
    assert 0.82 < accuracies.mean() < 0.92


def test_models_err_on_the_same_examples_more_than_by_chance(simulation) -> None:
    random = np.random.RandomState(1)
    right = simulation.draw(simulation.Design(5, 2000, 2), simulation.World(0, 0, 0), random)
    one, two = right[0, 0].ravel(), right[1, 1].ravel()
    assert np.mean(~one & ~two) > 2 * np.mean(~one) * np.mean(~two)


def test_luck_that_domains_have_in_common_moves_all_of_them_and_other_luck_each(simulation) -> None:
    random = np.random.RandomState(2)
    for world, in_common in ((simulation.World(0, 0, 0, common_luck=0.5), True), (simulation.World(0, 0, 0.5), False)):
        right = np.stack([simulation.draw(simulation.Design(6, 300, 1), world, random) for _ in range(60)])
        difference = (right[:, 1, 0].mean(axis=2) - right[:, 0, 0].mean(axis=2)).T  # domain x comparison
        correlations = np.corrcoef(difference)[~np.eye(6, dtype=bool)]
        assert (correlations.mean() > 0.6) == in_common
        assert (correlations.mean() < 0.2) != in_common
