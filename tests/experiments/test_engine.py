"""Where runs run changes nothing of them, and whatever stops them in the middle, the same command goes on."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from crossgrad.cli.console import are
from crossgrad.comparison import Comparison, carry_out, compare, plan
from crossgrad.data import open_dataset
from crossgrad.errors import SettingsError
from crossgrad.experiments.engine import perform_all
from crossgrad.experiments.local_engine import _interruption_held
from crossgrad.experiments.runs import Run
from crossgrad.records import Record, read_records
from crossgrad.training import Stretch
from processes import end, is_running, start, wait_until, workers
from small import predictions, save_arrays, vectors, written

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")

METHODS = ("erm", "crossgrad")
STEPS = 8
N_RUNS = 8  # two methods, four held-out domains
COMMAND = ["compare", "vectors.npz", "--methods", ",".join(METHODS), "--max-steps", str(STEPS), "--seeds", "1"]
COMMAND += ["--net", "own_trunk:trunk", "--output", "results", "--jobs", "2"]

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


class Counting:
    """Who was trained, and how far."""

    def __init__(self) -> None:
        self.done = -1
        self.steps: dict[Run, int] = {}
        self.finished: list[Record] = []

    def plan(self, comparison: Comparison, to_do: Sequence[Run]) -> None:
        self.done = len(comparison.runs) - len(to_do)

    def advance(self, run: Run, stretch: Stretch) -> None:
        assert "label_loss" in stretch.means
        self.steps[run] = max(stretch.step, self.steps.get(run, 0))

    def finish(self, record: Record) -> None:
        self.finished.append(record)


def fill(folder: Path) -> None:
    """Data and a trunk of one's own."""
    save_arrays(vectors(), folder / "vectors.npz")
    (folder / "own_trunk.py").write_text(OWN_TRUNK)


def imports_from(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Work in a folder, and with the trunk that is in it."""
    patch.chdir(folder)
    patch.syspath_prepend(folder)
    patch.delitem(sys.modules, "own_trunk", raising=False)


def go_on(folder: Path) -> Counting:
    """Do in this process what the command has left to do."""
    with pytest.MonkeyPatch.context() as patch:
        imports_from(folder, patch)
        dataset = open_dataset("vectors.npz")
        planned = plan(dataset, output="results", methods=METHODS, seeds=[0], max_steps=STEPS, net="own_trunk:trunk")
        follower = Counting()
        carry_out(planned, follower=follower)
    return follower


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command leaves where nothing stops it."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    fill(folder)
    assert len(go_on(folder).finished) == N_RUNS
    return folder / "results"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A working folder in which runs are slow."""
    fill(tmp_path)
    (tmp_path / "slow").touch()
    return tmp_path


@pytest.fixture
def running(place: Path) -> Iterator["subprocess.Popen[str]"]:
    """The command, to be stopped."""
    process = start(COMMAND, place)
    yield process
    end(process)


def n_records(place: Path) -> int:
    records = place / "results" / "records.jsonl"
    return len(read_records(records)) if records.exists() else 0


# Without stops


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Comparison:
    """Planned runs of a trunk whose file was changed since."""
    fill(tmp_path)
    imports_from(tmp_path, monkeypatch)
    planned = plan(vectors(), output="results", methods=["erm"], max_steps=1, net="own_trunk:trunk")
    (tmp_path / "own_trunk.py").write_text(f"{OWN_TRUNK}\n# edited\n")
    return planned


def test_a_net_s_file_that_changes_meanwhile_changes_nothing_of_runs_in_this_process(edited: Comparison) -> None:
    keys = [run.key(edited.dataset) for run in edited.runs]
    carry_out(edited)
    assert [record["key"] for record in read_records(edited.folder)] == keys


def test_a_net_s_file_that_a_worker_finds_changed_ends_the_runs_before_a_record(edited: Comparison) -> None:
    with pytest.raises(SettingsError, match="or the file of its 'own_trunk:trunk', is another than the one here"):
        carry_out(edited, jobs=2)
    assert not (edited.folder / "records.jsonl").exists()


def test_runs_at_once_leave_the_same_records_and_predictions_as_one_after_another(tmp_path: Path) -> None:
    dataset, folders = vectors(), [tmp_path / "one", tmp_path / "again", tmp_path / "two"]
    for folder, jobs in zip(folders, (1, 1, 2), strict=True):
        follower = Counting()
        result = compare(
            dataset,
            output=folder,
            methods=[*METHODS, "label_grad"],
            seeds=[3],
            fields={"label_grad": {"label_gradient_step": 1e300}},  # fails
            max_steps=STEPS,
            jobs=jobs,
            follower=follower,
        )
        assert [record["method"] for record in result.records] == [*METHODS, "label_grad"] * 4  # in the plan's order
        assert (follower.done, len(follower.finished)) == (0, N_RUNS + 4)
        assert follower.steps == {run: STEPS for run in result.runs if run.method != "label_grad"}
    assert written(folders[0]) == written(folders[1]) == written(folders[2])
    assert predictions(folders[0]) == predictions(folders[1]) == predictions(folders[2])
    assert not dataset.inputs.is_shared()


def test_another_seed_gives_other_records(tmp_path: Path) -> None:
    found = [
        compare(vectors(), output=tmp_path / str(seed), methods=["erm"], hold_out="den", seeds=[seed], max_steps=3)
        for seed in (0, 1)
    ]
    assert found[0].records[0]["losses"] != found[1].records[0]["losses"]


def test_what_is_done_already_is_not_done_again(tmp_path: Path) -> None:
    def go(**changes: object) -> Counting:
        follower = Counting()
        given = {"methods": METHODS, "hold_out": "each", "seeds": [0], "max_steps": 3, **changes}
        compare(vectors(), output=tmp_path / "results", follower=follower, **given)
        return follower

    assert (go().done, go().done) == (0, N_RUNS)
    expected = written(tmp_path / "results")
    lines = (tmp_path / "results" / "records.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "results" / "records.jsonl").write_text("".join(lines[2:5]) + lines[0][:100])
    follower = go()
    assert follower.done == 3
    assert len(follower.steps) == len(follower.finished) == N_RUNS - 3
    assert written(tmp_path / "results") == expected
    assert len(go(seeds=[0, 1]).finished) == N_RUNS  # a larger plan adds what is new


def test_each_record_is_on_disk_when_it_is_told(tmp_path: Path) -> None:
    planned = plan(vectors(), output=tmp_path, methods=["erm"], seeds=[0], max_steps=1)
    for n, record in enumerate(perform_all(planned.runs, planned.dataset, tmp_path), start=1):
        assert read_records(tmp_path)[-1] == record
        assert len(read_records(tmp_path)) == n


def test_a_run_that_fails_is_recorded_and_told_and_the_others_go_on(tmp_path: Path) -> None:
    result = compare(
        vectors(),
        output=tmp_path,
        methods=METHODS,
        hold_out="den",
        seeds=[0, 1],
        fields={"crossgrad": {"label_gradient_step": 1e300}},
        max_steps=3,
    )
    assert [(record["method"], record["error"] and record["error"]["step"]) for record in result.records] == [
        ("erm", None),
        ("crossgrad", 1),
        ("erm", None),
        ("crossgrad", 1),
    ]
    told = [str(run) for run in result.table.unfinished]
    assert len(told) == 2
    assert all("became nan at step 1" in text for text in told)
    assert "became nan at step 1" in (tmp_path / "report.html").read_text()
    assert "became nan at step 1" in (tmp_path / "report.md").read_text()


# Stopped in the middle


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_in_training_ends_cleanly_and_says_how_to_go_on(
    place: Path, running: "subprocess.Popen[str]", uninterrupted: Path, number: signal.Signals
) -> None:
    wait_until(lambda: n_records(place) > 0)
    processes = workers(running.pid)
    os.killpg(running.pid, number)  # as a terminal sends Ctrl-C, and batch systems SIGTERM
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert len(processes) == 2
    assert not any(is_running(pid) for pid in processes)
    done = n_records(place)
    assert 0 < done < N_RUNS
    assert f"Interrupted: {done} of {N_RUNS} runs {are(done)} done and kept in results." in err
    assert "The same command goes on from there" in err
    assert "Traceback" not in out + err

    (place / "slow").unlink()
    follower = go_on(place)
    assert (follower.done, len(follower.finished)) == (done, N_RUNS - done)
    assert written(place / "results") == written(uninterrupted)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_while_workers_start_ends_cleanly_too(
    place: Path, running: "subprocess.Popen[str]", number: signal.Signals
) -> None:
    wait_until(lambda: len(workers(running.pid)) > 0)
    processes = workers(running.pid)
    os.killpg(running.pid, number)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert not any(is_running(pid) for pid in processes)
    assert f"Interrupted: 0 of {N_RUNS} runs are done" in err
    assert "Traceback" not in out + err


def test_a_worker_ends_by_a_signal_when_it_has_started_and_not_while_others_do(
    place: Path, running: "subprocess.Popen[str]"
) -> None:
    def blocks(pid: int, number: signal.Signals) -> bool:
        (mask,) = re.findall(r"^SigBlk:\t(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return bool(int(mask, 16) >> (number - 1) & 1)

    wait_until(lambda: len(workers(running.pid)) == 2)
    started = workers(running.pid)
    assert all(blocks(pid, number) for pid in started for number in (signal.SIGINT, signal.SIGTERM))
    wait_until(lambda: not any(blocks(pid, signal.SIGTERM) for pid in started))
    assert all(blocks(pid, signal.SIGINT) for pid in started)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_held_back_comes_before_the_error_of_workers_that_it_ended(number: signal.Signals) -> None:
    def interrupted() -> None:
        with _interruption_held():
            signal.raise_signal(number)
            raise BrokenProcessPool

    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        signal.signal(number, before)


def test_a_killed_command_leaves_no_worker_training_on_and_goes_on_when_it_is_run_again(
    place: Path, running: "subprocess.Popen[str]", uninterrupted: Path
) -> None:
    wait_until(lambda: n_records(place) > 0)
    processes = workers(running.pid)
    running.kill()
    running.wait()
    assert len(processes) == 2
    wait_until(lambda: not any(is_running(pid) for pid in processes), seconds=5)
    done = n_records(place)
    assert 0 < done < N_RUNS

    (place / "slow").unlink()
    again = start(COMMAND, place)
    _, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert f"{done} {are(done)} done already" in err
    assert written(place / "results") == written(uninterrupted)
    assert predictions(place / "results") == predictions(uninterrupted)
    assert (place / "results" / "report.html").exists()


def test_a_killed_worker_is_told_and_what_is_done_is_kept(
    place: Path, running: "subprocess.Popen[str]", uninterrupted: Path
) -> None:
    wait_until(lambda: n_records(place) > 0)
    processes = workers(running.pid)
    os.kill(processes[0], signal.SIGKILL)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 1
    assert not any(is_running(pid) for pid in processes)
    assert "Error: a worker process died in the middle of a run" in " ".join(err.split())
    assert "finished runs are kept, and the same command goes on from there" in " ".join(err.split())
    assert "Traceback" not in out + err
    done = n_records(place)
    assert 0 < done < N_RUNS

    (place / "slow").unlink()
    follower = go_on(place)
    assert (follower.done, len(follower.finished)) == (done, N_RUNS - done)
    assert written(place / "results") == written(uninterrupted)


def test_workers_that_die_at_their_start_are_told_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more data than a pipe holds, which a process that is dead does not read."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif '--multiprocessing-fork' in sys.orig_argv:\n    os._exit(3)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = ["compare", "digits", "--methods", "erm", "--max-steps", "2", "--seeds", "1", "--jobs", "2"]
    running = start([*command, "--output", "results"], tmp_path)
    try:
        out, err = running.communicate(timeout=100)
    finally:
        end(running)
    assert running.returncode == 1
    assert "Error: a worker process died in the middle of a run" in " ".join(err.split())
    assert "Traceback" not in out + err
