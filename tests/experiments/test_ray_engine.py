"""A Ray cluster gives what this machine alone gives, to the bit, whatever happens to its workers.

A real cluster with two CPUs is started once; the command line's own tests start theirs.
"""

import importlib.util
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crossgrad.cli.console import are
from crossgrad.comparison import Comparison, carry_out, plan
from crossgrad.data import open_dataset
from crossgrad.errors import SettingsError, WorkerLostError
from crossgrad.experiments.engine import opened_engine, perform_all
from crossgrad.experiments.ray_engine import ATTEMPTS
from crossgrad.experiments.runs import Run
from crossgrad.records import Record, read_records
from crossgrad.training import Stretch
from processes import descendants, end, is_running, start, wait_until
from small import predictions, save_arrays, vectors, written

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc"),
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra ray is not installed"),
]

STEPS = 8
N_RUNS = 4  # of the command: two methods, two folds
ENDS_WITHIN = 300  # seconds, of a command that trains; a worker's start alone takes ten where the machine is busy

# The inputs as they are. While a file "slow" is there, the process's number is written down, and forward passes rest.
OWN_TRUNK = """
import os
import time
from pathlib import Path

from torch import nn


class Trunk(nn.Flatten):
    def forward(self, inputs):
        if Path({place!r}, "slow").exists():
            Path({place!r}, f"training-{{os.getpid()}}").touch()
            time.sleep(0.05)
        return super().forward(inputs)


def trunk(input_shape):
    return Trunk()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working folder: data, and a net of one's own."""
    folder = tmp_path_factory.mktemp("place")
    save_arrays(vectors(), folder / "vectors.npz")
    (folder / "own_ray_trunk.py").write_text(OWN_TRUNK.format(place=str(folder)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture(scope="module")
def cluster(place: Path) -> Iterator[None]:
    """Two workers, to which this process stays connected, as a script that uses Ray itself would."""
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def planned(folder: Path, **changes: Any) -> Comparison:
    given: dict[str, Any] = {"methods": ["erm", "crossgrad"], "seeds": [0], "max_steps": STEPS, **changes}
    return plan(open_dataset("vectors.npz"), output=folder, **given)


def go(comparison: Comparison, **changes: Any) -> Iterator[Record]:
    comparison.folder.mkdir(exist_ok=True)
    given: dict[str, Any] = {"engine": "ray", **changes}
    return perform_all(comparison.runs, comparison.dataset, comparison.folder, **given)


def artefacts(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in (folder / "runs").rglob("*")}


def training(place: Path, parent: int) -> list[int]:
    """Workers that have begun a run since `slow` was made, and live; the parent itself tries nets out when it plans."""
    found = [int(path.name.partition("-")[2]) for path in place.glob("training-*")]
    return [pid for pid in found if pid != parent and is_running(pid)]


@pytest.fixture
def slow(place: Path) -> Iterator[Path]:
    """Runs rest at every step while this file is there."""
    (place / "slow").touch()
    yield place / "slow"
    (place / "slow").unlink(missing_ok=True)
    for path in place.glob("training-*"):
        path.unlink()


# On a cluster that is there


@pytest.mark.usefixtures("cluster")
def test_records_and_artefacts_are_those_of_the_local_engine_to_the_bit(tmp_path: Path) -> None:
    """Runs of every kind: images would add nothing but pictures; a method that draws, one that fails."""
    options: dict[str, Any] = {
        "methods": ["erm", "crossgrad", "random", "label_grad"],
        "fields": {"label_grad": {"label_gradient_step": 1e300}},  # becomes NaN
        "hold_out": "den",
        "dropout": 0.5,
    }
    steps: dict[Run, int] = {}

    def follow(run: Run, stretch: Stretch) -> None:
        assert "label_loss" in stretch.means
        steps[run] = max(stretch.step, steps.get(run, 0))

    here, there = planned(tmp_path / "here", **options), planned(tmp_path / "there", **options)
    carry_out(here)
    told = list(go(there, command="as asked", follow=follow))
    assert written(here.folder) == written(there.folder)
    assert predictions(here.folder) == predictions(there.folder)
    assert artefacts(here.folder) == artefacts(there.folder)
    assert sorted(map(json.dumps, told)) == sorted(map(json.dumps, read_records(there.folder)))
    assert len(told) == len(there.runs) == 4
    assert sum(record["error"] is not None for record in told) == 1
    assert {record["command"] for record in told} == {"as asked"}
    assert set(steps) <= set(there.runs)
    assert set(steps.values()) <= set(range(STEPS + 1))
    assert steps


@pytest.mark.usefixtures("cluster")
def test_two_threads_a_run_are_those_of_the_local_engine_too(tmp_path: Path) -> None:
    found = []
    for name, engine in (("here", "local"), ("there", "ray")):
        comparison = planned(tmp_path / name, hold_out="den", threads=2)
        carry_out(comparison, engine=engine)
        found.append((written(comparison.folder), predictions(comparison.folder)))
        assert (comparison.folder / "report.html").exists()
    assert found[0] == found[1]


@pytest.mark.usefixtures("cluster")
def test_a_killed_worker_costs_time_and_nothing_else(
    tmp_path: Path, place: Path, slow: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    comparison = planned(tmp_path / "there", net="own_ray_trunk:trunk", hold_out="2")
    killed: list[int] = []

    def follow(run: Run, stretch: Stretch) -> None:
        if not killed and len(training(place, os.getpid())) == 2:
            killed.append(training(place, os.getpid())[0])
            os.kill(killed[0], signal.SIGKILL)
            slow.unlink()

    told = list(go(comparison, follow=follow))
    assert len(killed) == 1
    assert len(told) == len(comparison.runs) == 4
    assert sorted(record["key"] for record in told) == sorted(run.key(comparison.dataset) for run in comparison.runs)
    assert len((comparison.folder / "records.jsonl").read_text().splitlines()) == 4

    here = planned(tmp_path / "here", net="own_ray_trunk:trunk", hold_out="2")
    carry_out(here)
    assert written(here.folder) == written(comparison.folder)
    assert predictions(here.folder) == predictions(comparison.folder)
    assert artefacts(here.folder) == artefacts(comparison.folder)


@pytest.mark.usefixtures("cluster", "slow")
def test_a_run_that_loses_every_worker_is_given_up_and_what_is_done_is_kept(tmp_path: Path, place: Path) -> None:
    comparison = planned(tmp_path / "there", methods=["erm"], net="own_ray_trunk:trunk", hold_out="den", seeds=[0, 1])
    done = go(comparison, jobs=1, follow=lambda run, stretch: kill(place) if run.seed == 1 else None)
    assert next(done)["seed"] == 0
    with pytest.raises(WorkerLostError, match=f"a worker was lost {ATTEMPTS} times in the middle of the same run"):
        next(done)
    assert [record["seed"] for record in read_records(comparison.folder)] == [0]


def kill(place: Path) -> None:
    for pid in training(place, os.getpid()):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.usefixtures("cluster", "slow")
def test_who_stops_asking_stops_the_runs(tmp_path: Path, place: Path) -> None:
    comparison = planned(tmp_path / "there", methods=["erm"], net="own_ray_trunk:trunk", max_steps=2000)
    done = go(comparison, follow=lambda run, stretch: interrupt())
    with pytest.raises(KeyboardInterrupt):
        next(done)
    assert not (comparison.folder / "runs").exists()
    wait_until(lambda: not training(place, os.getpid()), seconds=20)


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("cluster")
def test_what_our_own_code_raises_on_a_worker_is_raised_here_and_not_tried_again(tmp_path: Path, place: Path) -> None:
    (place / "passing_trunk.py").write_text(OWN_TRUNK.format(place=str(place)))
    comparison = planned(tmp_path / "there", methods=["erm"], net="passing_trunk:trunk", hold_out="den")
    del sys.modules["passing_trunk"]
    (place / "passing_trunk.py").write_text("raise OSError('out of order')")
    with pytest.raises(OSError, match="out of order"):
        list(go(comparison))
    assert not (comparison.folder / "records.jsonl").exists()


@pytest.mark.usefixtures("cluster")
def test_a_worker_that_has_another_net_under_the_same_name_is_found_out(tmp_path: Path, place: Path) -> None:
    file = place / "changing_trunk.py"
    file.write_text(OWN_TRUNK.format(place=str(place)))
    comparison = planned(tmp_path / "there", methods=["erm"], net="changing_trunk:trunk", hold_out="den", seeds=[0, 1])
    file.write_text(OWN_TRUNK.format(place=str(place)) + "\n# another\n")
    with pytest.raises(SettingsError, match="its 'changing_trunk:trunk', is another than the one here"):
        list(go(comparison, jobs=1))
    assert not (comparison.folder / "records.jsonl").exists()


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threads": 3}, "a run has 3 threads, and no machine of the cluster more than 2 CPUs"),
        ({"address": "auto"}, "is connected to a Ray cluster already; leave the address 'auto' out"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused_instead_of_waited_for(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    address = changes.pop("address", None)
    comparison = planned(tmp_path / "there", methods=["erm"], hold_out="den", **changes)
    with pytest.raises(SettingsError, match=message):
        list(go(comparison, address=address))


def test_ray_that_is_not_installed_is_told_with_how_to_get_it(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match=r"pip install .*\[ray\]'"):
        list(go(planned(tmp_path / "there", methods=["erm"], hold_out="den")))


@pytest.mark.usefixtures("cluster")
def test_lists_of_runs_follow_each_other_and_news_of_one_are_told_of_none_other(tmp_path: Path) -> None:
    comparison = planned(tmp_path / "there", methods=["erm", "crossgrad"], hold_out="den")
    comparison.folder.mkdir()
    told: list[Run] = []
    with opened_engine(
        comparison.dataset, comparison.folder, engine="ray", follow=lambda run, stretch: told.append(run)
    ) as perform:
        for run in comparison.runs:
            told.clear()
            (record,) = perform([run])
            assert record["key"] == run.key(comparison.dataset)
            assert set(told) <= {run}
        assert list(perform([])) == []
    assert len(read_records(comparison.folder)) == len(comparison.runs) == 2


# The command


def command(folder: Path, *more: str) -> list[str]:
    save_arrays(vectors(), folder / "vectors.npz")
    (folder / "own_ray_trunk.py").write_text(OWN_TRUNK.format(place=str(folder)))
    shared = ["compare", "vectors.npz", "--methods", "erm,crossgrad", "--max-steps", str(STEPS), "--seeds", "1"]
    own = ["--hold-out", "2", "--net", "own_ray_trunk:trunk", "--output", "results"]
    return [*shared, *own, "--engine", "ray", *more]


@pytest.mark.usefixtures("cluster")
def test_the_command_runs_on_a_cluster_that_is_there_with_a_net_of_its_own_folder(tmp_path: Path) -> None:
    import ray

    address = ray.get_runtime_context().gcs_address
    process = start(command(tmp_path, "--address", address, "--json"), tmp_path)
    (tmp_path / "slow").touch()
    wait_until(lambda: training(tmp_path, process.pid))
    os.kill(training(tmp_path, process.pid)[0], signal.SIGKILL)
    (tmp_path / "slow").unlink()
    out, err = process.communicate(timeout=ENDS_WITHIN)
    assert process.returncode == 0, err
    assert json.loads(out)["seeds"] == [0]  # results alone, whatever was lost
    assert "as many as the cluster takes at once" in " ".join(err.split())
    assert len(predictions(tmp_path / "results")) == len(written(tmp_path / "results")) == N_RUNS


def test_an_interrupted_command_ends_its_cluster_and_goes_on_when_it_is_run_again(tmp_path: Path) -> None:
    arguments = command(tmp_path, "--jobs", "2")  # so that runs are waiting, however many processors there are
    records = tmp_path / "results" / "records.jsonl"
    (tmp_path / "slow").touch()
    process = start(arguments, tmp_path)
    try:
        wait_until(lambda: records.exists() and read_records(records))
        below = descendants(process.pid)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal sends Ctrl-C
        out, err = process.communicate(timeout=60)
    finally:
        end(process)
    assert process.returncode == 130, err
    assert len(below) > 3
    wait_until(lambda: not any(is_running(pid) for pid in below), seconds=60)
    done = len(read_records(records))
    assert 0 < done < N_RUNS
    assert f"Interrupted: {done} of {N_RUNS} runs {are(done)} done and kept in results." in err
    assert "Traceback" not in out + err

    again = [*arguments[: arguments.index("--engine")], "--jobs", "1"]
    (tmp_path / "slow").unlink()
    process = start(again, tmp_path)
    _, err = process.communicate(timeout=ENDS_WITHIN)
    assert process.returncode == 0, err
    assert f"{done} {are(done)} done already" in err
    assert len(written(tmp_path / "results")) == N_RUNS


def test_a_cluster_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    process = start(command(tmp_path, "--address", "127.0.0.1:9"), tmp_path)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    assert "cannot use a Ray cluster at '127.0.0.1:9'" in " ".join(err.split())
    assert "ray start --head" in err
    assert "Traceback" not in err


def test_an_address_without_ray_is_refused(tmp_path: Path) -> None:
    arguments = command(tmp_path, "--address", "auto")
    process = start([each if each != "ray" else "local" for each in arguments], tmp_path)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "an address is for the engine ray, and the engine is local" in err
