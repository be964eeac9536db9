"""The page on scikit-learn shows what the record holds, and the record is of the data as it is made now."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "results" / "benchmarks" / "tabular.json"


def record() -> dict[str, Any]:
    return json.loads(RECORD.read_text())["data"]


def python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT / "benchmarks", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_page_on_scikit_learn_shows_the_committed_table() -> None:
    shown = python("tabular.py", "--show", str(RECORD))
    assert shown.count("\n") + 1 == sum(len(found["methods"]) for found in record().values()) == 18
    assert shown in (ROOT / "docs" / "scikit-learn.md").read_text(encoding="utf-8")


def test_the_page_says_what_the_record_says_of_crossgrads_gains() -> None:
    gains = [gain for found in record().values() for gain in found["crossgrad_minus"].values()]
    assert len(gains) == 15
    assert all(gain["mean"] < 0 for gain in gains if gain["p_value"] < 0.05)
    behind = record()["pen"]["crossgrad_minus"]["logistic regression"]
    page = " ".join((ROOT / "docs" / "scikit-learn.md").read_text(encoding="utf-8").split())
    assert f"is {-behind['mean']:.1f} points ahead of it (p = {behind['p_value']:.2g}, one of 15 comparisons)" in page


def test_means_are_over_domains_and_every_sample_is_held_out_once() -> None:
    for found in record().values():
        for measured in found["methods"].values():
            accuracies = measured["by_domain"].values()
            assert len(accuracies) == found["domains"]
            assert measured["mean"] == pytest.approx(sum(accuracies) / len(accuracies))
            assert measured["worst"] == min(accuracies)


def test_the_record_is_of_the_penguins_as_they_are() -> None:
    code = """
from tabular import penguins, pen_movement
import numpy as np
for name in ("population", "species"):
    data = penguins(by=name)
    print(len(data.X), data.X.shape[1], len(set(data.domains)), sorted(set(data.y.tolist())))
moved = pen_movement([np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[10.0, 10.0]])])
print(moved.shape, moved[:, 0].tolist(), moved[:, -1].tolist())
"""
    assert python("-c", code).splitlines() == [
        "333 4 5 ['female', 'male']",
        "333 4 3 ['female', 'male']",
        "(3, 64) [-0.5, -0.5, 0.0] [0.5, 0.5, 1.0]",
    ]
    assert {name: (found["samples"], found["domains"]) for name, found in record().items()} == {
        "populations": (333, 5),
        "species": (333, 3),
        "pen": (340, 20),
    }
