"""A checkpoint is there whole or not at all; what is not whole, or another training's, is refused with a way out."""

import errno
import hashlib
import json
import os
import pickle
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from crossgrad.errors import CheckpointError, CheckpointWarning, SettingsError
from crossgrad.methods import ERM
from crossgrad.processes import ALONE
from crossgrad.training import History, fit
from crossgrad.training.averaging import WeightAverage
from crossgrad.training.checkpoint_folder import CHECKPOINT_VERSION, DESCRIPTION, TENSORS, hidden, name_of
from crossgrad.training.checkpoints import Checkpoints, Part
from crossgrad.training.generators import Generators
from crossgrad.training.loading import Loader
from crossgrad.training.nested_state import join, separate
from crossgrad.training.sampling import Sampler
from crossgrad.training.schedules import make_schedule
from crossgrad.training.stopping import EarlyStopping
from forks import in_child
from small import vectors

IDENTITY = {"seed": 0, "settings": {"max_steps": 100, "fields": {"clip": None}}, "torch": "2"}


class Numbers:
    """A part whose state is whatever it is given."""

    def __init__(self, state: Any = None) -> None:
        self.state = state

    def state_dict(self) -> Any:
        return self.state

    def load_state_dict(self, state: Any) -> None:
        self.state = state


def net(value: float) -> nn.Module:
    linear = nn.Linear(3, 2)
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.fill_(value)
    return linear


def checkpoints(folder: Path, **options: Any) -> Checkpoints:
    return Checkpoints(folder, **{"identity": IDENTITY, "every_steps": 1, "every_seconds": None, **options})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Checkpoints of steps 10 and 20, whose weights are all 10 and 20."""
    for step in (10, 20):
        checkpoints(tmp_path / "c").write(step, {"net": net(step), "counts": Numbers({"n": step})})
    return tmp_path / "c"


def restored(folder: Path, **options: Any) -> tuple[int, float]:
    """The step that is gone on from, and the weights."""
    found = net(0.0)
    step = checkpoints(folder, **options).restore({"net": found, "counts": Numbers()})
    return step, found.weight[0, 0].item()


def refusal(folder: Path, **options: Any) -> str:
    """What is said of the last checkpoint; nothing was loaded."""
    found = net(0.0)
    with pytest.raises(CheckpointError) as caught:
        checkpoints(folder, **options).restore({"net": found, "counts": Numbers()})
    assert not found.weight.any()
    return str(caught.value)


# What is written


TENSORS_OF_ALL_KINDS = st.builds(
    lambda dtype, shape: torch.arange(6).to(dtype).view(shape) if shape else torch.tensor(3).to(dtype),
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool]),
    st.sampled_from([(), (6,), (2, 3), (1, 6, 1)]),
)
STATES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | TENSORS_OF_ALL_KINDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.integers(-9, -1) | st.sampled_from(["dict", "tensor", "", "\n", "ü", "a/b"]), inner)
    ),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)  # NaN is NaN, and -0.0 is not 0.0


@given(STATES)
def test_every_nested_state_comes_back_as_it_was(state: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        kept, found = checkpoints(Path(name)), Numbers()
        kept.write(1, {"part": Numbers(state)})
        kept.restore({"part": found})
    assert same(state, found.state)


@given(STATES)
def test_what_is_beside_the_tensors_is_strict_json(state: Any) -> None:
    shape, tensors = separate(state)
    assert same(state, join(json.loads(json.dumps(shape, allow_nan=False)), tensors))


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"schedule": {"lambdas": [print]}}, "state/part/schedule/lambdas/0 is a builtin_function_or_method"),
        ({(1, 2): 3}, r"state/part has a key that is neither text nor a whole number: \(1, 2\)"),
        ({1: torch.zeros(1), "1": torch.zeros(1)}, "two tensors are called state/part/1"),
    ],
)
def test_a_state_that_no_checkpoint_can_hold_is_refused_before_the_first_step(
    state: Any, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(TypeError, match=sentence):
        checkpoints(tmp_path).restore({"part": Numbers(state)})


def test_a_checkpoint_holds_what_was_there_when_it_was_written(tmp_path: Path) -> None:
    changing, kept, found = net(1.0), checkpoints(tmp_path), net(0.0)
    kept.write(1, {"net": changing})
    with torch.no_grad():
        changing.weight.fill_(2.0)
    kept.restore({"net": found})
    assert (found.weight == 1.0).all()


def test_tied_weights_and_views_are_kept(tmp_path: Path) -> None:
    both = nn.ModuleDict({"one": net(3.0), "other": nn.Linear(3, 2)})
    both["other"].weight = both["one"].weight
    found = nn.ModuleDict({"one": net(0.0), "other": net(0.0)})
    view = Numbers(torch.arange(10)[3:5])
    kept, again = checkpoints(tmp_path), Numbers()
    kept.write(1, {"both": both, "view": view})
    kept.restore({"both": found, "view": again})
    assert torch.equal(again.state, view.state)
    assert (found["other"].weight == 3.0).all()


# When, and which are kept


def test_checkpoints_are_written_every_so_many_steps(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path, every_steps=4, keep=100)
    for step in range(1, 14):
        kept.write_if_due(step, {"net": net(step)})
    assert kept.steps == [4, 8, 12]


def test_checkpoints_are_written_when_so_many_seconds_have_passed_since_the_last(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path, every_steps=None, every_seconds=0.2, keep=100)
    kept.restore({"net": net(0)})
    kept.write_if_due(1, {"net": net(1)})
    time.sleep(0.25)
    kept.write_if_due(2, {"net": net(2)})
    kept.write_if_due(3, {"net": net(3)})
    assert kept.steps == [2]


@given(st.lists(st.floats(0, 1) | st.sampled_from([0.25, 0.5]), min_size=1, max_size=8), st.integers(1, 3))
def test_the_last_ones_are_kept_and_the_first_of_the_best(scores: list[float], keep: int) -> None:
    stopping = EarlyStopping(lambda method: 0.0, every=1, patience=1)
    highest = [max(scores[: n + 1]) for n in range(len(scores))]
    with tempfile.TemporaryDirectory() as name:
        for step, best in enumerate(highest, start=1):
            stopping.best = best
            checkpoints(Path(name), keep=keep).write(step, {"stopping": stopping})
        best_step = highest.index(highest[-1]) + 1
        last = range(max(1, len(scores) - keep + 1), len(scores) + 1)
        assert checkpoints(Path(name)).steps == sorted({best_step, *last})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"every_steps": 0}, "every_steps of checkpoints is at least 1, not 0"),
        ({"keep": 0}, "keep of checkpoints is at least 1, not 0"),
        ({"every_seconds": 0.0}, "every_seconds of checkpoints is above 0, not 0.0"),
        ({"every_seconds": float("nan")}, "every_seconds of checkpoints is above 0, not nan"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=sentence):
        checkpoints(tmp_path, **options)


def test_the_last_one_is_gone_on_from(folder: Path) -> None:
    assert restored(folder) == (20, 20.0)


def test_without_any_training_begins_afresh(tmp_path: Path) -> None:
    assert restored(tmp_path / "none") == (0, 0.0)


def test_what_is_no_checkpoint_is_left_alone(folder: Path) -> None:
    for name in ("step-20", "step-x", "notes", "step-000000030"):
        (folder / name).mkdir()
    assert restored(folder) == (20, 20.0)
    assert (folder / "notes").is_dir()


def test_half_written_leftovers_are_cleared_on_the_next_start(folder: Path) -> None:
    leftover = folder / f".{name_of(30)}.12345.partial"
    leftover.mkdir()
    (leftover / TENSORS).write_bytes(b"half")
    assert restored(folder) == (20, 20.0)
    assert not leftover.exists()


def test_removing_leaves_nothing(folder: Path) -> None:
    checkpoints(folder).remove()
    assert not folder.exists()
    checkpoints(folder).remove()  # where there is nothing there is nothing to do


def test_removing_leaves_what_is_no_checkpoint(folder: Path) -> None:
    (folder / "epoch=3.ckpt").write_text("mine")
    (folder / "sub").mkdir()
    (folder / "sub" / "x.pt").write_text("mine")
    checkpoints(folder).remove()
    assert sorted(path.name for path in folder.rglob("*")) == ["epoch=3.ckpt", "sub", "x.pt"]


@pytest.mark.parametrize("name", [TENSORS, DESCRIPTION])
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(name: str, folder: Path) -> None:
    (folder / name_of(20) / name).unlink()
    os.mkfifo(folder / name_of(20) / name)
    assert f"is no whole checkpoint: {name} is no file" in refusal(folder)
    checkpoints(folder, keep=1).write(30, {"net": net(30), "counts": Numbers({"n": 30})})
    assert checkpoints(folder).steps == [30]


# What is refused


@pytest.mark.parametrize("name", [TENSORS, DESCRIPTION])
def test_a_checkpoint_with_any_byte_altered_is_refused(name: str, folder: Path) -> None:
    file = folder / name_of(20) / name
    content = file.read_bytes()
    for place in range(0, len(content), 10):
        altered = bytearray(content)
        altered[place] ^= 1 << place // 10 % 8
        file.write_bytes(altered)
        assert "go on from step 10" in refusal(folder), place
    file.write_bytes(content)
    assert restored(folder) == (20, 20.0)


@pytest.mark.parametrize("name", [TENSORS, DESCRIPTION])
def test_a_truncated_checkpoint_is_refused(name: str, folder: Path) -> None:
    file = folder / name_of(20) / name
    content = file.read_bytes()
    for size in range(0, len(content), 10):
        file.write_bytes(content[:size])
        assert "truncated" in refusal(folder), size
    file.unlink()
    assert f"no whole checkpoint: No such file or directory ({file})" in refusal(folder)


def test_the_checkpoint_before_a_bad_one_is_offered_and_taken_when_one_does_as_told(folder: Path) -> None:
    (folder / name_of(20) / TENSORS).write_bytes(b"")
    bad = folder / name_of(20)
    assert refusal(folder).endswith(f"; delete {str(bad)!r} to go on from step 10, whose checkpoint is good")
    shutil.rmtree(bad)
    assert restored(folder) == (10, 10.0)


def test_bad_ones_before_a_bad_one_are_not_offered(folder: Path) -> None:
    checkpoints(folder, keep=3).write(30, {"net": net(30), "counts": Numbers({"n": 30})})
    for step in (20, 30):
        (folder / name_of(step) / DESCRIPTION).write_text("{}")
    both = " and ".join(repr(str(folder / name_of(step))) for step in (20, 30))
    assert refusal(folder).endswith(f"delete {both} to go on from step 10, whose checkpoint is good")
    (folder / name_of(10) / DESCRIPTION).write_text("{}")
    assert refusal(folder).endswith(f"no other checkpoint can be used; delete {str(folder)!r} to start afresh")


def test_a_checkpoint_of_other_settings_is_refused_with_what_differs(folder: Path) -> None:
    other = {"seed": 1, "settings": {"max_steps": 200, "fields": {"clip": 0.5}}, "torch": "2", "net_source": "ab"}
    message = refusal(folder, identity=other)
    assert (
        "is of another training: seed is 0 there and 1 here; settings.max_steps is 100 there and 200 here; "
        'settings.fields.clip is null there and 0.5 here; net_source is null there and "ab" here: give the same'
    ) in message
    assert "torch" not in message
    assert "start afresh" in message


def test_a_checkpoint_of_other_parts_is_refused(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="it holds counts, net, and what is trained has average, net"):
        checkpoints(folder).restore({"net": net(0), "average": Numbers()})


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"does not fit this training: Error\(s\) in loading state_dict for Linear"
    ):
        checkpoints(folder).restore({"net": nn.Linear(4, 2), "counts": Numbers()})


def forge(folder: Path, **changes: Any) -> None:
    """Change a checkpoint and its digests with it."""
    file = folder / DESCRIPTION
    description = {name: value for name, value in json.loads(file.read_text()).items() if name != "sha256"} | changes
    digest = hashlib.sha256(json.dumps(description).encode()).hexdigest()
    file.write_text(json.dumps(description | {"sha256": digest}))


def test_a_checkpoint_of_a_newer_version_is_refused(folder: Path) -> None:
    forge(folder / name_of(20), version=CHECKPOINT_VERSION + 1, news="anything")
    expected = f"is of format {CHECKPOINT_VERSION + 1}, this crossgrad reads up to {CHECKPOINT_VERSION}; upgrade"
    assert expected in refusal(folder)


def test_a_checkpoint_under_the_name_of_another_step_is_refused(folder: Path) -> None:
    (folder / name_of(20)).rename(folder / name_of(30))
    assert "go on from step 10" in refusal(folder)


@pytest.mark.parametrize(
    "state",
    [
        {"pickle": "gASV"},
        {"tensor": "elsewhere"},
        {"dict": [["net", 1]]},
        {"dict": 3},
        {"dict": [[["a"], 1]]},
        {"tuple": None, "dict": []},
        [],
        "net",
        None,
        {"float": "one"},
        {"dict": [["net", {"dict": [["weight", 1]]}], ["counts", None]]},
        {"dict": [["net", [1, 2]], ["counts", None]]},
    ],
)
def test_a_forged_state_is_refused(state: Any, folder: Path) -> None:
    forge(folder / name_of(20), state=state)
    refusal(folder)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["dict", "tuple", "tensor", "float"]), inner, max_size=1)
        | st.builds(lambda key, value: {"dict": [[key, value]]}, st.text(max_size=2) | st.integers(), inner)
    ),
    max_leaves=4,
)


def parts_of_a_training() -> dict[str, Part]:
    dataset, method = vectors(), ERM(nn.Linear(5, 3))
    optimizer = torch.optim.Adam(method.parameters())
    sampler = Sampler(dataset, batch_size=4, seed=0)
    return {
        "method": method,
        "optimizer": optimizer,
        "schedule": make_schedule(optimizer, "cosine", max_steps=5),
        "average": WeightAverage(0.9),
        "stopping": EarlyStopping(lambda method: 0.0, every=1, patience=1),
        "loader": Loader(dataset, sampler, processes=ALONE, device=torch.device("cpu")),
        "history": History(),
        "generators": Generators(0, torch.device("cpu")),
    }


@pytest.fixture(scope="module")
def of_a_training(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A real training's checkpoint, and its state.json."""
    folder, parts = tmp_path_factory.mktemp("training"), parts_of_a_training()
    fit(
        parts["method"],
        vectors(),
        optimizer=parts["optimizer"],
        schedule=parts["schedule"],
        average=parts["average"],
        stopping=EarlyStopping(lambda method: 0.0, every=1, patience=9),
        max_steps=5,
        batch_size=4,
        seed=0,
        checkpoints=checkpoints(folder, every_steps=4),
    )
    return folder, (folder / name_of(4) / DESCRIPTION).read_text()


@settings(max_examples=200)
@given(st.data())
def test_a_real_state_with_anything_forged_in_it_is_loaded_or_refused(
    of_a_training: tuple[Path, str], data: st.DataObject
) -> None:
    folder, text = of_a_training
    (folder / name_of(4) / DESCRIPTION).write_text(text)
    state = json.loads(text)["state"]
    places = list(places_in(state))
    container, key = data.draw(st.sampled_from(places))
    container[key] = data.draw(JSON)
    forge(folder / name_of(4), state=state)
    with torch.random.fork_rng(), suppress(CheckpointError):
        checkpoints(folder).restore(parts_of_a_training())


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(each, dict | list):
            yield from places_in(each)


def test_what_is_pickled_is_never_unpickled(folder: Path, tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Callable[[str], Any], tuple[str]]:
            return (Path.touch, (tmp_path / "attacked",))  # type: ignore[return-value]

    content = pickle.dumps({"net": Attack()})
    (folder / name_of(20) / TENSORS).write_bytes(content)
    forge(folder / name_of(20), tensors_sha256=hashlib.sha256(content).hexdigest())
    assert "holds no state of a training" in refusal(folder)
    assert not (tmp_path / "attacked").exists()


# Disks


def warned(write: Callable[[], None]) -> str:
    with pytest.warns(CheckpointWarning) as caught:
        write()
    (warning,) = caught
    return str(warning.message)


def goes_on_with_one_warning(folder: Path, reason: int) -> None:
    """Checkpoints of the folder cannot be written: told once, and the last good one stays."""
    kept, big = checkpoints(folder), {"net": nn.Linear(300, 300), "counts": Numbers({"n": 30})}
    message = warned(lambda: [kept.write(step, big) for step in (30, 40)] and None)
    assert message.startswith(f"cannot write a checkpoint to {str(folder)!r} ({os.strerror(reason)}); training goes on")
    assert message.endswith("the last one is of step 20")
    assert kept.steps == [10, 20]
    assert restored(folder) == (20, 20.0)


def test_a_file_that_cannot_grow_any_more_costs_a_warning_and_the_last_good_checkpoint_stays(folder: Path) -> None:
    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        goes_on_with_one_warning(folder, errno.EFBIG)

    in_child(work)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 128 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_costs_a_warning_and_the_last_good_checkpoint_stays(folder: Path, small_disk: Path) -> None:
    shutil.copytree(folder, small_disk / "c")
    goes_on_with_one_warning(small_disk / "c", errno.ENOSPC)
    checkpoints(small_disk / "c").write(50, {"net": net(50), "counts": Numbers({"n": 50})})
    assert restored(small_disk / "c") == (50, 50.0)  # as soon as there is room


def test_a_read_only_folder_costs_a_warning_and_the_last_good_checkpoint_stays(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "c"
        shutil.copytree(folder, place)
        for path in (Path(name), *place.iterdir(), place):
            path.chmod(0o555)

        def work() -> None:
            if os.geteuid() == 0:
                os.seteuid(65534)  # root may write anywhere
            goes_on_with_one_warning(place, errno.EACCES)

        in_child(work)
        for path in (Path(name), place, *place.iterdir()):
            path.chmod(0o755)


def test_a_warning_says_so_where_there_is_no_checkpoint_yet(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = checkpoints(tmp_path / "file" / "c")
    assert warned(lambda: kept.write(1, {"net": net(1)})).endswith("training goes on, there is none to go on from")


def test_a_failed_write_leaves_no_hidden_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        checkpoints(folder).write(30, {"net": net(30), "counts": Numbers({})})
    assert not hidden(folder / name_of(30)).exists()
    assert sorted(path.name for path in folder.iterdir()) == [name_of(10), name_of(20)]


def test_a_folder_that_is_lost_costs_a_warning_and_no_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ESTALE, "stale file handle")

    kept = checkpoints(folder)
    monkeypatch.setattr(Path, "iterdir", lost)
    monkeypatch.setattr("os.fsync", lost)
    assert warned(lambda: kept.write(30, {"net": net(30), "counts": Numbers({})})).endswith(
        "training goes on, which ones are there cannot be seen"
    )
