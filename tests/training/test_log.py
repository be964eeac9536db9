"""The log of a training: whole lines, every step once, whatever happened in between."""

import json
import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data import DomainDataset
from crossgrad.deployment import train
from crossgrad.errors import TrainingWarning
from crossgrad.experiments.performing import perform
from crossgrad.experiments.run_training import checkpoints_in, train_method
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.methods import METHODS
from crossgrad.training import Stretch
from crossgrad.training.log import Log
from small import images, vectors

MOMENTARY = ("seconds", "waiting_seconds", "examples_per_second")


def stretch(step: int, **means: float) -> Stretch:
    return Stretch(
        start=step - 5, step=step, means=means, seconds=0.5, waiting_seconds=0.1, n_examples=80, learning_rate=0.01
    )


def run_of(method: str = "crossgrad", **settings: Any) -> Run:
    given = Settings.of({"max_steps": 30, "batch_size": 16, **settings})
    return Run(("attic",), method, "mlp", seed=0, settings=given.for_method(method, {}))


def lines(path: Path) -> list[dict[str, Any]]:
    content = path.read_text()
    assert content.endswith("\n")
    return [json.loads(line) for line in content.splitlines()]


def lasting(path: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in line.items() if name not in MOMENTARY} for line in lines(path)]


def test_a_line_holds_step_seconds_examples_a_second_learning_rate_and_all_means(tmp_path: Path) -> None:
    dataset, run = vectors(), run_of(schedule="cosine", learning_rate=0.01)
    trained = train_method(dataset, run.split(dataset), run, log=tmp_path / "log.jsonl")
    logged = lines(tmp_path / "log.jsonl")
    assert [line["step"] for line in logged] == trained.history.steps == list(range(1, 31))
    for index, line in enumerate(logged):
        for name, values in trained.history.values.items():
            assert line[name] == values[index]
        assert line["examples"] == 16
        assert 0 <= line["waiting_seconds"] < line["seconds"]
        assert line["examples_per_second"] == pytest.approx(16 / line["seconds"], rel=0.01)
    assert {"label_loss", "domain_loss", "label_accuracy", "domain_accuracy", "perturbation_l2"} <= logged[0].keys()
    rates = [line["learning_rate"] for line in logged]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == 0.01 > rates[-1]


@pytest.mark.parametrize("method", METHODS)
def test_every_run_leaves_its_log_with_its_artefacts_and_nothing_beside_them(method: str, tmp_path: Path) -> None:
    record = perform(run_of(method, max_steps=3), images(), tmp_path)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [record["key"]]
    steps = [line["step"] for line in lines(tmp_path / "runs" / record["key"] / "log.jsonl")]
    assert steps == list(range(1, 3 * METHODS[method].N_PHASES + 1))


def test_train_leaves_the_log_in_its_folder(tmp_path: Path) -> None:
    train(vectors(), method="erm", net="mlp", max_steps=4, folder=tmp_path / "training")
    assert len(lines(tmp_path / "training" / "log.jsonl")) == 4


def interrupted_at(step: int, run: Run, dataset: DomainDataset, folder: Path) -> None:
    def watch(stretch: Stretch) -> None:
        if stretch.step == step:
            raise KeyboardInterrupt

    kept = checkpoints_in(folder, run, dataset, every_steps=7)
    with pytest.raises(KeyboardInterrupt):
        train_method(dataset, run.split(dataset), run, watch, checkpoints=kept, log=folder / "log.jsonl")


def test_a_resumed_training_has_every_step_once_and_the_lines_of_an_uninterrupted_one(tmp_path: Path) -> None:
    dataset, run = vectors(), run_of(max_steps=250)  # a stretch is 2 steps: a checkpoint may lie in the middle of one
    train_method(dataset, run.split(dataset), run, log=tmp_path / "whole.jsonl")
    for step in (36, 60, 164):  # the last checkpoints are those of steps 35, 56 and 161
        interrupted_at(step, run, dataset, tmp_path)
        with (tmp_path / "log.jsonl").open("a") as file:
            file.write('{"step": 998, "sec')  # as a process that is killed in the middle of a line leaves it
    kept = checkpoints_in(tmp_path, run, dataset, every_steps=7)
    train_method(dataset, run.split(dataset), run, checkpoints=kept, log=tmp_path / "log.jsonl")
    whole, resumed = lasting(tmp_path / "whole.jsonl"), lasting(tmp_path / "log.jsonl")
    assert [line["step"] for line in resumed] == list(range(2, 251, 2))
    # A process counts its own examples: those before the checkpoint in a stretch's middle are not of its seconds.
    fewer = [line for line, other in zip(whole, resumed, strict=True) if line != other]
    assert {line["step"] for line in fewer} == {36, 162}
    for line, other in zip(whole, resumed, strict=True):
        assert {**line, "examples": 0} == {**other, "examples": 0}


def test_a_training_that_begins_anew_begins_its_log_anew(tmp_path: Path) -> None:
    dataset, long, short = vectors(), run_of(max_steps=20), run_of(max_steps=300)
    for run in (long, short):
        train_method(dataset, run.split(dataset), run, log=tmp_path / "log.jsonl")
    assert [line["step"] for line in lines(tmp_path / "log.jsonl")] == list(range(3, 301, 3))


means = st.dictionaries(
    st.sampled_from(["label_loss", "domain_accuracy", "perturbation_l2"]), st.floats(0, 1e9, allow_nan=False)
)


@given(st.lists(means, min_size=1, max_size=8), st.integers(0, 60), st.binary(max_size=40))
def test_what_is_taken_up_is_what_was_written_up_to_a_step(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, float]], upto: int, rest: bytes
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    first = Log(path)
    for index, values in enumerate(written):
        first.append(stretch(5 * index + 5, **values))
    whole = path.read_bytes()
    path.write_bytes(whole + rest.replace(b"\n", b""))
    again = Log(path)
    again.drop_after(upto)
    kept = [each for each in first.stretches if each.step <= upto]
    assert [(each.start, each.step, each.means) for each in again.stretches] == [
        (each.start, each.step, each.means) for each in kept
    ]
    assert path.read_bytes() == b"".join(whole.splitlines(keepends=True)[: len(kept)])


def test_a_log_that_cannot_be_written_whole_keeps_its_whole_lines(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: the first part of a line fits, the rest does not."""
    log = Log(tmp_path / "log.jsonl")
    log.append(stretch(5, label_loss=1.0))
    before = log.path.read_bytes()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, len(before) + 20))
        try:
            log.append(stretch(10, label_loss=1.0))
        except OSError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert log.path.read_bytes() == before


WRITTEN = {"step": 3, "seconds": 1.0, "waiting_seconds": 0.0, "examples": 9, "learning_rate": 0.1, "label_loss": 2.0}


@pytest.mark.parametrize(
    "change",
    [
        {"step": "x"},
        {"step": 2.5},
        {"step": 0},
        {"seconds": None},
        {"examples": True},
        {"label_loss": [1.0]},
        {"warnings": 3},
        {"warnings": {"slow": 4}},
    ],
)
def test_a_log_is_taken_up_to_the_first_line_that_no_training_wrote(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    first = json.dumps({**WRITTEN, "step": 2}) + "\n"
    path.write_text(first + json.dumps(WRITTEN | change) + "\n")
    log = Log(path)
    log.drop_after(10)
    assert [each.step for each in log.stretches] == [2]
    assert path.read_text() == first


@pytest.mark.parametrize(
    "content", ["mine\n", '{"step": 1, "loss": 2.0}\n', json.dumps(WRITTEN | {"step": "x"}) + "\n"]
)
def test_somebodys_own_file_of_the_logs_name_stays_as_it_is(content: str, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(content)
    with pytest.warns(TrainingWarning, match=r"log\.jsonl': it is there and is no log of a training; training goes on"):
        train(vectors(), method="erm", net="mlp", max_steps=4, folder=tmp_path)
    assert (tmp_path / "log.jsonl").read_text() == content


def test_a_pipe_in_the_place_of_the_log_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.jsonl")
    with pytest.warns(TrainingWarning, match="is no log of a training; training goes on"):
        train(vectors(), method="erm", net="mlp", max_steps=4, folder=tmp_path)


def test_half_of_a_first_line_is_of_a_training_that_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    Log(path).append(stretch(5))
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    log = Log(path)
    log.drop_after(5)
    assert log.stretches == []
    log.append(stretch(5))
    assert path.read_bytes() == whole
