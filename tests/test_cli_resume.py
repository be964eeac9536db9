"""Commands that were stopped in the middle of a training go on inside it."""

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from commands import Command
from crossgrad.comparison import Comparison, carry_out, plan
from crossgrad.data import open_dataset
from crossgrad.experiments.runs import Run
from crossgrad.model_folder import checkpoints_of
from crossgrad.records import Record
from crossgrad.training import Stretch
from processes import end, start, wait_until
from small import predictions, save_arrays, vectors, written

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")

OWN_TRUNK = '''
import time
from pathlib import Path

from torch import nn


class Trunk(nn.Flatten):
    """The inputs as they are, after a rest while there is a file "slow"."""

    def forward(self, inputs):
        if Path("slow").exists():
            time.sleep(0.02)
        return super().forward(inputs)


def trunk(input_shape):
    return Trunk()
'''
STEPS = 200
"""Stretches are of two steps, so that every other checkpoint holds half of one."""
OPTIONS = ["vectors.npz", "--net", "own_trunk:trunk", "--max-steps", str(STEPS), "--checkpoint-every", "5"]
OPTIONS += ["--dropout", "0.5"]
TRAIN = ["train", *OPTIONS, "--output", "model"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder in which trainings are slow."""
    save_arrays(vectors(), tmp_path / "vectors.npz")
    (tmp_path / "own_trunk.py").write_text(OWN_TRUNK)
    (tmp_path / "slow").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_trunk", raising=False)
    return tmp_path


def stopped(place: Path, arguments: Sequence[str], number: int, *, when: Callable[[], object]) -> str:
    """Start the command and send it a signal as soon as something is so; what it says to that."""
    process = start(arguments, place)
    try:
        wait_until(when)
        os.killpg(process.pid, number)
        _, said = process.communicate(timeout=60)
    finally:
        end(process)
    (place / "slow").unlink()
    return " ".join(said.split())


def test_a_killed_training_goes_on_with_resume_and_ends_with_the_same_model(place: Path, command: Command) -> None:
    stopped(place, TRAIN, signal.SIGKILL, when=lambda: checkpoints_of(place / "model") >= [10, 15])
    *_, last = checkpoints_of(place / "model")
    assert 0 < last < STEPS
    assert not (place / "model" / "model.json").exists()

    code, _, said = command(*TRAIN)
    assert code == 2
    assert f"'{place / 'model'}' holds checkpoints" in said or "'model' holds checkpoints" in said
    assert f"--resume goes on from step {last}, --overwrite begins again" in said
    code, _, said = command(*TRAIN, "--resume", "--overwrite")
    assert code == 2
    assert "give one of them" in said
    code, _, said = command(*TRAIN, "--resume", "--learning-rate", "0.5")
    assert code == 2
    assert "is of another training: settings.learning_rate is 0.001 there and 0.5 here" in said
    assert "Going on" not in said

    code, resumed, said = command(*TRAIN, "--resume", "--json")
    assert code == 0
    assert f"Going on from step {last}." in said
    assert command("train", *OPTIONS, "--output", "whole")[0] == 0
    for name in ("model.json", "model.safetensors"):
        assert (place / "model" / name).read_bytes() == (place / "whole" / name).read_bytes()
    assert checkpoints_of(place / "model") == []

    code, again, said = command(*TRAIN, "--resume", "--json")
    assert code == 0
    assert "model holds a finished model: nothing is left to resume." in said
    assert json.loads(again) == json.loads(resumed)


def test_resume_begins_afresh_where_there_is_no_checkpoint(place: Path, command: Command) -> None:
    (place / "slow").unlink()
    code, _, said = command("train", *OPTIONS[:3], "--max-steps", "2", "--output", "model", "--resume")
    assert code == 0
    assert "Going on" not in said


def test_an_interrupted_training_says_that_resume_goes_on(place: Path, command: Command) -> None:
    said = stopped(place, TRAIN, signal.SIGINT, when=lambda: checkpoints_of(place / "model"))
    *_, last = checkpoints_of(place / "model")
    assert f"Interrupted: --resume goes on from step {last}." in said
    code, _, said = command(*TRAIN, "--overwrite")
    assert code == 0
    assert "Going on" not in said
    assert checkpoints_of(place / "model") == []


def test_a_refused_command_leaves_the_checkpoints_of_a_training_that_goes_on(place: Path, command: Command) -> None:
    process = start(TRAIN, place)
    try:
        wait_until(lambda: checkpoints_of(place / "model"))
        code, _, said = command(*TRAIN, "--overwrite")
        assert code == 2
        assert f"is being written to by process {process.pid}" in said
        assert checkpoints_of(place / "model")
    finally:
        end(process)


class FirstNews:
    """The first step that each run tells of."""

    def __init__(self) -> None:
        self.steps: dict[str, int] = {}

    def plan(self, comparison: Comparison, to_do: Sequence[Run]) -> None: ...

    def advance(self, run: Run, stretch: Stretch) -> None:
        self.steps.setdefault(run.method, stretch.step)

    def finish(self, record: Record) -> None: ...


def test_a_killed_comparison_goes_on_inside_its_runs(place: Path) -> None:
    results = place / "results"
    arguments = [
        "compare",
        *OPTIONS,
        "--methods",
        "erm,crossgrad",
        "--hold-out",
        "attic",
        "--seeds",
        "1",
        "--jobs",
        "2",
    ]

    def checkpoints() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in sorted(results.glob("runs/*.training/checkpoints/step-*")):
            found.setdefault(path.parts[-3], []).append(path.name)
        return found

    def both_are_in_training() -> bool:
        return len(checkpoints()) == 2

    stopped(place, [*arguments, "--output", "results"], signal.SIGKILL, when=both_are_in_training)
    left = checkpoints()
    assert not (results / "records.jsonl").exists()

    def go_on(output: str) -> FirstNews:
        settings = {"max_steps": STEPS, "dropout": 0.5, "net": "own_trunk:trunk", "hold_out": "attic", "seeds": [0]}
        planned = plan(open_dataset("vectors.npz"), output=output, methods=["erm", "crossgrad"], **settings)
        keys = {run.key(planned.dataset): run.method for run in planned.runs}
        follower = FirstNews()
        carry_out(planned, follower=follower)
        if output == "results":
            lasts = {keys[key.partition(".")[0]]: int(names[-1].removeprefix("step-")) for key, names in left.items()}
            assert follower.steps == {method: step // 2 * 2 + 2 for method, step in lasts.items()}
        return follower

    go_on("results")
    assert go_on("whole").steps == {"erm": 2, "crossgrad": 2}
    assert written(results) == written(place / "whole")
    assert predictions(results) == predictions(place / "whole")
    assert not list(results.glob("runs/*.training"))


@pytest.mark.parametrize("name", ["compare", "sweep", "train"])
def test_checkpoints_every_no_steps_are_refused(name: str, command: Command, place: Path) -> None:
    code, _, said = command(name, "vectors.npz", "--checkpoint-every", "0", "--output", "results")
    assert code == 2
    assert "is at least 1" in said
    assert not list((place / "results").rglob("*.json*"))


def test_runs_on_ray_have_no_checkpoints(command: Command, place: Path) -> None:
    code, _, said = command("compare", "vectors.npz", "--engine", "ray", "--checkpoint-every", "5")
    assert code == 2
    assert "runs on Ray have no checkpoints: leave checkpoint_every out" in said
