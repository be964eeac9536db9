"""Whatever stops a training at whatever moment, it goes on from its last checkpoint to the same bits."""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

from crossgrad.data import DomainDataset, read_folder
from crossgrad.deployment import train
from crossgrad.errors import CheckpointError, NonFiniteLossError
from crossgrad.experiments.performing import perform
from crossgrad.experiments.run_training import checkpoints_in, train_method
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import OPTIMIZERS, Settings
from crossgrad.methods import ERM, METHODS
from crossgrad.model_folder import checkpoints_of, save
from crossgrad.records import run_key
from crossgrad.training import Stretch, fit
from crossgrad.training.checkpoints import Checkpoints, Part
from crossgrad.training.nested_state import separate
from forks import fork, in_child
from small import images, lasting, save_pictures, vectors

STEPS = 30
LONG = 200
"""Steps whose stretches are of two, so that every other checkpoint holds half of one."""
EVERY = 3
DAMPED = {"schedule": "cosine", "warmup_steps": 5, "average": 0.9, "dropout": 0.5, "clip_norm": 1.0}
STOPPING = {"balanced": True, "patience": 20, "score_every": 4, "optimizer": "rmsprop"}
CALIBRATED = {"domain_gradient_step": "calibrated:0.5", "label_gradient_step": "calibrated:0.5"}

TIMES = ("seconds", "waiting_seconds", "examples", "examples_per_second")
"""What a line of a log says of how long its steps took, and how many were done in that time."""


def run_of(method: str, *, fields: dict[str, Any] | None = None, net: str = "mlp", **settings: Any) -> Run:
    given = Settings.of({"max_steps": STEPS, "batch_size": 20, **settings})
    return Run(("attic",), method, net, seed=4, settings=given.for_method(method, fields or {}))


def every(run: Run) -> int:
    """Steps from one checkpoint to the next."""
    return max(EVERY, run.settings.max_steps // 8)


def with_variants() -> DomainDataset:
    dataset = images()
    return replace(dataset, variants=torch.stack([dataset.inputs.flip(-1), dataset.inputs.roll(1, -1)], 1))


def weights_and_history(run: Run, dataset: DomainDataset, folder: Path) -> Any:
    """All that a training leaves: its method's state, and what its loop saw."""
    kept = checkpoints_in(folder, run, dataset, every_steps=every(run))
    trained = train_method(dataset, run.split(dataset), run, checkpoints=kept)
    return {"method": trained.method.state_dict(), "history": trained.history.state_dict()}


def record_and_predictions(run: Run, dataset: DomainDataset, folder: Path) -> Any:
    """All that a run of a comparison leaves."""
    kept = checkpoints_in(folder / "checkpoints", run, dataset, every_steps=every(run))
    record = perform(run, dataset, folder, checkpoints=kept)
    files = {path.name: path.read_bytes() for path in (folder / "runs" / record["key"]).iterdir()}
    log = [json.loads(line) for line in files.pop("log.jsonl").splitlines()]
    untimed = [{name: value for name, value in line.items() if name not in TIMES} for line in log]
    return {
        "record": lasting(record),
        "log": untimed,
        "files": {name: content.hex() for name, content in files.items()},
    }


@dataclass(frozen=True)
class Case:
    """A training, from its beginning to what it leaves."""

    run: Run
    dataset: Callable[[], DomainDataset]
    leaves: Callable[[Run, DomainDataset, Path], Any]

    def live(self, folder: Path) -> None:
        """Train to the end, and write down what is left of it to the last bit."""
        left = digest_of(self.leaves(self.run, self.dataset(), folder / "training"))
        (folder / "end.tmp").write_text(left)
        (folder / "end.tmp").replace(folder / "end")


def digest_of(state: Any) -> str:
    shape, tensors = separate(state)
    return run_key({"shape": shape, "tensors": {name: repr(value.tolist()) for name, value in tensors.items()}})


CASES = {
    "schedule, average, dropout": Case(run_of("crossgrad", max_steps=LONG, **DAMPED), vectors, weights_and_history),
    "calibrated, variants, balanced, stopping": Case(
        run_of("crossgrad", fields=CALIBRATED, max_steps=LONG, **STOPPING), with_variants, weights_and_history
    ),
    "record of a run": Case(run_of("hybrid", max_steps=LONG, dropout=0.3), vectors, record_and_predictions),
}


def uninterrupted(case: Case, root: Path) -> tuple[str, float]:
    """What is left where nothing stops the training, and how long that takes.

    The first time here, so that children find in memory what is made when it is first used.
    """
    first, second = root / "first", root / "second"
    for folder in (first, second):
        folder.mkdir(parents=True)
    case.live(first)
    began = time.monotonic()
    in_child(lambda: case.live(second))
    return (second / "end").read_text(), time.monotonic() - began


def kill_after(seconds: float, case: Case, folder: Path) -> bool:
    """Let the training live so long. Returns whether it was killed before its end."""
    child = fork(lambda: case.live(folder))
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return not (folder / "end").exists()


def kill_in_writing(nth: int, case: Case, folder: Path) -> bool:
    """Kill the training in front of the nth time that it touches the disk for a checkpoint that is not in place."""

    def live() -> None:
        touched = count(1)

        def audit(event: str, arguments: tuple[Any, ...]) -> None:
            if event in ("open", "os.mkdir", "os.rename", "os.rmdir", "os.remove", "shutil.rmtree"):
                path = Path(str(arguments[0]))
                if any(part.startswith(".step-") for part in path.parts) and next(touched) == nth:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(audit)
        case.live(folder)

    os.waitpid(fork(live), 0)
    return not (folder / "end").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.parametrize("name", CASES)
def test_trainings_killed_at_thirty_random_moments_end_with_the_same_bits(name: str, tmp_path: Path) -> None:
    """Ten kills here, in each of three cases: six at any moment, four in the middle of writing a checkpoint."""
    case, draw = CASES[name], random.Random(name)
    expected, seconds = uninterrupted(case, tmp_path / "uninterrupted")
    kinds = ["moment"] * 6 + ["writing"] * 4
    draw.shuffle(kinds)
    halves = 0
    lives: Iterator[Path] = (tmp_path / str(number) for number in count())
    folder = next(lives)
    folder.mkdir()
    while kinds:
        if kinds[-1] == "moment":
            was_killed = kill_after(draw.uniform(0, seconds), case, folder)
        else:
            was_killed = kill_in_writing(draw.randrange(1, 60), case, folder)
            halves += was_killed
        if was_killed:
            kinds.pop()
        if not was_killed or not kinds:  # it ends, if need be undisturbed, and another begins
            if was_killed:
                in_child(lambda folder=folder: case.live(folder))  # type: ignore[misc]
            assert (folder / "end").read_text() == expected
            assert not list(folder.rglob(".step-*"))
            folder = next(lives)
            folder.mkdir()
    assert halves == 4


class StopError(Exception):
    """Ends a training as Ctrl-C would, at a step of one's choice."""


def stopped_at(step: int) -> Callable[[Stretch], None]:
    def watch(stretch: Stretch) -> None:
        if stretch.step == step:
            raise StopError

    return watch


def resumes(run: Run, dataset: DomainDataset, folder: Path, *, stop: int) -> None:
    """A training that is stopped after a step goes on in another process, as it were, to the same bits."""
    expected = weights_and_history(run, dataset, folder / "whole")
    kept = checkpoints_in(folder / "cut", run, dataset, every_steps=every(run))
    with pytest.raises(StopError):
        train_method(dataset, run.split(dataset), run, stopped_at(stop), checkpoints=kept)
    assert kept.steps[-1] == (stop - 1) // every(run) * every(run) > 0
    assert digest_of(weights_and_history(run, dataset, folder / "cut")) == digest_of(expected)


def test_a_training_resumes_in_the_middle_of_a_stretch_with_the_same_bits(tmp_path: Path) -> None:
    """From step 25, where one step of a stretch of two is done."""
    resumes(run_of("crossgrad", max_steps=LONG, dropout=0.5), vectors(), tmp_path, stop=26)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_resumes_with_the_same_bits(method: str, tmp_path: Path) -> None:
    resumes(run_of(method, max_steps=12, dropout=0.5), vectors(), tmp_path, stop=8)


class Forgotten:
    """A part that is written, and not taken up again."""

    def __init__(self, part: Part) -> None:
        self.part = part

    def state_dict(self) -> Any:
        return self.part.state_dict()

    def load_state_dict(self, state: Any) -> None: ...


@pytest.mark.parametrize(
    "part", ["method", "optimizer", "schedule", "average", "stopping", "loader", "history", "generators"]
)
def test_without_any_one_part_the_end_would_be_another(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the tests above would notice a part that is left out of checkpoints, or not restored whole."""
    restore = Checkpoints.restore

    def forgetful(self: Checkpoints, parts: dict[str, Part]) -> int:
        return restore(self, {**parts, part: Forgotten(parts[part])})

    monkeypatch.setattr(Checkpoints, "restore", forgetful)
    # The best weights are those of step 4; where they are left in the end, nothing tells what came later.
    stopping = {"patience": 20, "score_every": 2, "learning_rate": 0.1} if part == "stopping" else {}
    with pytest.raises(AssertionError):
        resumes(run_of("crossgrad", **DAMPED, **stopping), vectors(), tmp_path, stop=8)


def test_a_training_cut_off_after_early_stopping_has_ended_it_resumes(tmp_path: Path) -> None:
    """The step that is judged the last is one that a checkpoint is due at."""
    run = run_of("crossgrad", patience=1, score_every=EVERY, learning_rate=1e-9, average=0.9)
    expected = weights_and_history(run, vectors(), tmp_path)
    assert checkpoints_in(tmp_path, run, vectors()).steps == [EVERY]  # none is better than the first: over at the next
    assert digest_of(weights_and_history(run, vectors(), tmp_path)) == digest_of(expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_training_on_cuda_resumes_in_the_middle_of_a_stretch(tmp_path: Path) -> None:
    """300 steps have stretches of 3; the checkpoint's values of an unfinished one come from the CPU."""
    run, dataset = run_of("erm", max_steps=300, device="cuda"), vectors()
    kept = checkpoints_in(tmp_path, run, dataset, every_steps=100)
    with pytest.raises(StopError):
        train_method(dataset, run.split(dataset), run, stopped_at(150), checkpoints=kept)
    assert kept.steps == [100]
    history = train_method(dataset, run.split(dataset), run, checkpoints=kept).history
    assert history.end == 300


@pytest.mark.parametrize("stop", [8, 13, 20])
def test_a_method_of_two_phases_resumes_in_each(stop: int, tmp_path: Path) -> None:
    resumes(run_of("mtae", max_steps=12, schedule="cosine", average=0.9), vectors(), tmp_path, stop=stop)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_resumes_with_the_same_bits(optimizer: str, tmp_path: Path) -> None:
    run = run_of("erm", max_steps=12, optimizer=optimizer, schedule="step", decay=0.5, decay_epochs=1)
    resumes(run, vectors(), tmp_path, stop=8)


def test_batch_statistics_and_bfloat16_resume_with_the_same_bits(tmp_path: Path) -> None:
    resumes(run_of("crossgrad", net="resnet/8", max_steps=8, precision="bf16"), images(), tmp_path, stop=5)


@pytest.mark.parametrize("workers", [0, 2])
def test_data_that_is_read_when_it_is_needed_resumes_with_the_same_bits(workers: int, tmp_path: Path) -> None:
    save_pictures(tmp_path / "pictures", domains=4, each=6)
    dataset = read_folder(tmp_path / "pictures", image_size=8, memory=0, workers=workers)
    resumes(run_of("crossgrad", max_steps=12, batch_size=8, dropout=0.5), dataset, tmp_path, stop=8)


def test_a_training_that_was_stopped_early_stays_so(tmp_path: Path) -> None:
    run = run_of("erm", patience=6, score_every=1, learning_rate=1e-9)
    resumes(run, vectors(), tmp_path, stop=5)
    assert weights_and_history(run, vectors(), tmp_path / "whole")["history"]["steps"][-1] < STEPS


def test_a_training_whose_last_checkpoint_completes_it_ends_as_that_has_it(tmp_path: Path) -> None:
    def fitted(max_steps: int, kept: Checkpoints | None) -> dict[str, Any]:
        torch.manual_seed(0)
        method = ERM(torch.nn.Linear(5, 3))
        optimizer = torch.optim.SGD(method.parameters(), lr=0.01)
        options = {"max_steps": max_steps, "batch_size": 8, "seed": 0, "checkpoints": kept}
        history = fit(method, vectors(), optimizer=optimizer, **options)
        return {"method": method.state_dict(), "history": history.state_dict()}

    fitted(2 * EVERY, Checkpoints(tmp_path, identity={}, every_steps=EVERY))
    complete = fitted(EVERY, Checkpoints(tmp_path, identity={}))
    assert digest_of(complete) == digest_of(fitted(EVERY, None))


def test_only_a_checkpoint_that_is_taken_up_is_told_of(tmp_path: Path) -> None:
    def resumed_from(**settings: Any) -> list[int]:
        told: list[int] = []
        options = {"folder": tmp_path, "checkpoint_every": EVERY, "max_steps": 2 * EVERY, "resumed": told.append}
        try:
            train(vectors(), method="erm", **options, **settings)
        except CheckpointError:
            told.append(-1)
        return told

    assert resumed_from() == []
    assert resumed_from(dropout=0.5) == [-1]
    assert resumed_from() == [EVERY]


def test_a_checkpoint_of_other_settings_is_refused_by_name(tmp_path: Path) -> None:
    dataset = vectors()
    weights_and_history(run_of("erm"), dataset, tmp_path)
    with pytest.raises(
        CheckpointError, match=r"settings\.learning_rate is 0\.001 there and 0\.01 here: give the same to go"
    ):
        weights_and_history(run_of("erm", learning_rate=0.01), dataset, tmp_path)
    with pytest.raises(CheckpointError, match=r'fingerprint is "[0-9a-f]{16}" there and "[0-9a-f]{16}" here'):
        weights_and_history(run_of("erm"), vectors(seed=1), tmp_path)


def test_a_model_s_checkpoints_go_when_it_is_saved(tmp_path: Path) -> None:
    with pytest.raises(StopError):
        train(
            vectors(),
            max_steps=20,
            folder=tmp_path / "m" / "training",
            checkpoint_every=4,
            watch=stopped_at(10),
            dropout=0.5,
        )
    assert checkpoints_of(tmp_path / "m") == [4, 8]
    resumed = train(vectors(), max_steps=20, folder=tmp_path / "m" / "training", dropout=0.5)
    assert resumed.card == train(vectors(), max_steps=20, dropout=0.5).card
    save(resumed, tmp_path / "m")
    assert checkpoints_of(tmp_path / "m") == []


def test_a_training_that_came_to_nothing_leaves_no_checkpoint_to_come_to_nothing_again_from(tmp_path: Path) -> None:
    settings = {"optimizer": "sgd", "learning_rate": 9e34, "max_steps": 20, "warmup_steps": 19}
    with pytest.raises(NonFiniteLossError):
        train(vectors(), method="erm", folder=tmp_path, checkpoint_every=1, **settings)
    assert not (tmp_path / "checkpoints").exists()
