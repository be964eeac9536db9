"""crossgrad sweep: what it prints, what takes its choice, and that a killed one goes on."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from commands import Command, Done
from crossgrad.cli import main
from crossgrad.cli.console import are
from crossgrad.experiments.chosen import read_chosen
from crossgrad.records import read_records
from processes import COMMAND, end, start, wait_until
from small import save_arrays, vectors, written

N_RUNS = 12  # four candidates, three validation domains
SWEEP = ["sweep", "vectors.npz", "--method", "erm", "--grid", "learning_rate=0.001,0.1", "--grid", "dropout=0,0.5"]
SWEEP += ["--hold-out", "den", "--max-steps", "8", "--jobs", "1", "--output", "found"]

OWN_TRUNK = '''
import time
from pathlib import Path

from torch import nn


class Trunk(nn.Flatten):
    """The inputs as they are, after a rest while there is a file "slow": stopped runs are in the middle of training."""

    def forward(self, inputs):
        if Path("slow").exists():
            time.sleep(0.02)
        return super().forward(inputs)


def trunk(input_shape):
    return Trunk()
'''


def run(folder: Path, *arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def done_by(command: Command, *arguments: str) -> Done:
    done = command(*arguments)
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    return done


def test_a_sweep_says_what_it_will_do_prints_its_candidates_and_leaves_a_choice_that_others_take(
    tmp_path: Path, command: Command
) -> None:
    save_arrays(vectors(), tmp_path / "vectors.npz")
    first = done_by(command, *SWEEP)
    assert "4 candidates for ERM, judged by accuracy on held-out validation domains (--select held-out)" in first.err
    assert "12 runs: 4 candidates x 3 trainings x 1 seed, 8 steps of 64 with mlp, 1 at once" in first.err
    assert "About " in first.err
    assert "done already" not in first.err
    assert "\x1b" not in first.out + first.err
    assert first.out.count("learning_rate 0.1") == first.out.count("learning_rate 0.001") == 2
    assert first.out.count(" * │") == 1
    assert "Chosen:  found/chosen.json\nRecords: found/records.jsonl\n" in first.out
    chosen = read_chosen(tmp_path / "found")

    again = done_by(command, *SWEEP, "--json")
    assert "12 are done already. Nothing is left to do." in again.err
    table = json.loads(again.out)
    (best,) = [c["settings"] for c in table["candidates"] for a in c["accuracies"] if a["chosen"] and a["held_out"]]
    assert best["learning_rate"] == chosen.choice_for(["den"]).settings["learning_rate"]
    assert len(read_records(tmp_path / "found")) == N_RUNS

    options = ["--methods", "erm", "--hold-out", "den", "--seeds", "1", "--jobs", "1", "--chosen", "found"]
    compared = done_by(command, "compare", "vectors.npz", *options)
    assert "settings were chosen on validation domains" in compared.err
    (record,) = read_records(tmp_path / "crossgrad-vectors")
    assert record["select"] == "held-out"
    assert record["settings"] == {**chosen.choice_for(["den"]).settings, "fields": {}}

    done_by(command, "train", "vectors.npz", "--chosen", "found/chosen.json", "--output", "model", "--dropout", "0.25")
    model = json.loads((tmp_path / "model" / "model.json").read_text())
    assert model["card"]["method"] == "erm"  # the file's, not the default
    assert model["card"]["settings"] == {**chosen.choice_for([]).settings, "fields": {}, "dropout": 0.25}
    assert model["card"]["select"] == "held-out"


def test_a_budget_says_what_it_dropped_and_the_oracle_that_it_looks_at_test_labels(
    tmp_path: Path, command: Command
) -> None:
    save_arrays(vectors(), tmp_path / "vectors.npz")
    done = done_by(command, *SWEEP, "--seeds", "2", "--budget", "0.001s", "--select", "oracle")
    told = " ".join(done.err.split())
    assert "Left out to fit in the budget: 1 of 2 seeds and 3 of 4 candidates, drawn at random (seed 0)." in told
    assert "1 run: 1 candidate x 1 training x 1 seed" in told
    assert "The choice looks at the test labels" in told
    assert "ERM (oracle) on vectors" in " ".join(done.out.split())
    assert {record["select"] for record in read_records(tmp_path / "found")} == {"oracle"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "dann"], "the paper names no grid for dann"),
        (["--budget", "soon"], "a duration is a number above 0 with s, m or h"),
        (["--method", "erm", "--set", "dann.reversal=1"], "--set names dann, but erm is swept"),
    ],
)
def test_a_mistake_ends_with_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    save_arrays(vectors(), tmp_path / "vectors.npz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["crossgrad", "sweep", "vectors.npz", *arguments])
    with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["vectors.npz"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_a_killed_sweep_goes_on_without_a_second_training_of_what_was_finished(tmp_path: Path) -> None:
    save_arrays(vectors(), tmp_path / "vectors.npz")
    (tmp_path / "own_trunk.py").write_text(OWN_TRUNK)
    (tmp_path / "slow").touch()
    records, command = tmp_path / "found" / "records.jsonl", [*SWEEP, "--net", "own_trunk:trunk"]
    process = start(command, tmp_path)
    try:
        wait_until(lambda: records.exists() and len(records.read_bytes().splitlines()) >= 2)
        process.kill()
        process.wait()
    finally:
        end(process)
    before = records.read_bytes()
    finished = [json.loads(line)["key"] for line in before.splitlines()]
    assert 2 <= len(finished) < N_RUNS
    assert not (tmp_path / "found" / "chosen.json").exists()
    runs = tmp_path / "found" / "runs"
    trained = {key: (runs / key / "predictions.npz").stat().st_mtime_ns for key in finished}

    (tmp_path / "slow").unlink()
    again = run(tmp_path, *command)
    assert f"{len(finished)} {are(len(finished))} done already" in again.stderr
    assert records.read_bytes().startswith(before)
    keys = [json.loads(line)["key"] for line in records.read_bytes().splitlines()]
    assert len(keys) == len(set(keys)) == N_RUNS
    assert {key: (runs / key / "predictions.npz").stat().st_mtime_ns for key in finished} == trained

    unbroken = [argument if argument != "found" else "unbroken" for argument in command]
    run(tmp_path, *unbroken)
    assert written(tmp_path / "found") == written(tmp_path / "unbroken")
    choices = [(tmp_path / name / "chosen.json").read_bytes() for name in ("found", "unbroken")]
    assert choices[0] == choices[1]
