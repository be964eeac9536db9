"""crossgrad train under real launchers, and what the commands say in several processes."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from crossgrad.cli import main
from crossgrad.model_folder import checkpoints_of
from processes import descendants, end, wait_until
from small import images, save_arrays, vectors
from together import call_together, free_port

LAUNCHERS = {
    "torchrun": ["torch.distributed.run", "--nproc_per_node=2"],
    "accelerate": [
        "accelerate.commands.launch",
        "--multi_gpu",  # its way to several processes of one machine, on CPUs too
        "--num_processes=2",
        "--num_machines=1",
        "--mixed_precision=no",
        "--dynamo_backend=no",
    ],
}
TRAIN = ["train", "digits", "--method", "crossgrad", "--net", "conv2", "--max-steps", "20", "--optimizer", "sgd"]


def launch(launcher: str, arguments: list[str], folder: Path) -> "subprocess.Popen[str]":
    module, *options = LAUNCHERS[launcher]
    port = {"torchrun": "--master_port", "accelerate": "--main_process_port"}[launcher]
    command = [sys.executable, "-m", module, *options, f"{port}={free_port()}", "-m", "crossgrad", *arguments]
    return started(command, folder)


def started(command: list[str], folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of the command in this process."""
    output, errors = io.StringIO(), io.StringIO()
    code: object = 0
    before = sys.argv
    sys.argv = ["crossgrad", *arguments]
    try:
        with redirect_stdout(output), redirect_stderr(errors):
            main()
    except SystemExit as exit_:
        code = exit_.code
    finally:
        sys.argv = before
    return int(str(code or 0)), output.getvalue(), errors.getvalue()


@pytest.fixture(scope="module")
def model_of_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one") / "model"
    code, _, errors = run(*TRAIN, "--output", str(folder))
    assert code == 0, errors
    return folder


def check_close(model: Path, expected: Path) -> None:
    weights, those = (load_file(folder / "model.safetensors") for folder in (model, expected))
    for name in those:
        torch.testing.assert_close(weights[name], those[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launcher_gives_the_model_that_one_process_gives(launcher: str, tmp_path: Path, model_of_one: Path) -> None:
    process = launch(launcher, [*TRAIN, "--output", "model", "--json"], tmp_path)
    try:
        output, errors = process.communicate(timeout=240)
    finally:
        end(process)
    assert process.returncode == 0, errors
    found = json.loads(output)  # once, so from one process
    alone = json.loads((model_of_one / "model.json").read_text())
    assert found["in_domain"] == alone["card"]["in_domain"]
    check_close(tmp_path / "model", model_of_one)


def test_a_launcher_on_each_of_two_machines_gives_that_model_too(tmp_path: Path, model_of_one: Path) -> None:
    """Two launchers that meet as on two machines, on this one."""
    place = ["--nnodes=2", "--nproc_per_node=1", "--rdzv_id=scans", "--rdzv_backend=c10d"]
    place += [f"--rdzv_endpoint=127.0.0.1:{free_port()}", "--local_addr=127.0.0.1"]
    command = [sys.executable, "-m", "torch.distributed.run", *place, "-m", "crossgrad", *TRAIN, "--output", "model"]
    launchers = [started(command, tmp_path) for _ in range(2)]
    try:
        said = [launcher.communicate(timeout=240) for launcher in launchers]
    finally:
        for launcher in launchers:
            end(launcher)
    assert [launcher.returncode for launcher in launchers] == [0, 0], said
    assert sum("Model: model" in output for output, _ in said) == 1
    check_close(tmp_path / "model", model_of_one)


def test_a_launcher_ends_with_an_error_soon_after_one_process_is_killed(tmp_path: Path) -> None:
    endless = [argument if argument != "20" else "1000000" for argument in TRAIN]
    process = launch("torchrun", [*endless, "--output", "model", "--checkpoint-every", "5"], tmp_path)
    try:
        wait_until(lambda: list(tmp_path.glob("model/training/checkpoints/step-*")), seconds=120)
        children = descendants(process.pid)
        assert len(children) == 2
        os.kill(max(children), signal.SIGKILL)
        killed = time.monotonic()
        process.communicate(timeout=60)
    finally:
        end(process)
    assert process.returncode != 0
    assert time.monotonic() - killed < 60
    assert not (tmp_path / "model" / "model.json").exists()


def test_a_training_of_two_processes_goes_on_to_the_same_bits_after_one_and_after_all_are_killed(
    tmp_path: Path,
) -> None:
    """200 steps have stretches of two, so that every other checkpoint holds half of one."""
    data = save_arrays(vectors(), tmp_path / "vectors.npz")
    options = ["train", str(data), "--max-steps", "200", "--batch-size", "9", "--dropout", "0.5", "--output"]
    whole, model = tmp_path / "whole", tmp_path / "model"
    (code, _, errors), _ = call_together(run, *options, str(whole))
    assert code == 0, errors

    def cut_off(*more: str, after: int, kill: Callable[[int], None]) -> int:
        process = launch("torchrun", [*options, str(model), "--checkpoint-every", "5", *more], tmp_path)
        try:
            wait_until(lambda: checkpoints_of(model)[-1:] > [after], seconds=120)
            kill(process.pid)
            process.communicate(timeout=60)
        finally:
            end(process)
        assert process.returncode != 0
        return checkpoints_of(model)[-1]

    def kill_one(launcher: int) -> None:
        os.kill(max(descendants(launcher)), signal.SIGKILL)

    def kill_all(launcher: int) -> None:
        for pid in (launcher, *descendants(launcher)):  # workers are in sessions of their own
            os.kill(pid, signal.SIGKILL)

    first = cut_off(after=10, kill=kill_one)
    second = cut_off("--resume", after=first, kill=kill_all)
    assert 10 < first < second < 200
    process = launch("torchrun", [*options, str(model), "--resume"], tmp_path)
    try:
        _, errors = process.communicate(timeout=240)
    finally:
        end(process)
    assert process.returncode == 0, errors
    assert errors.count(f"Going on from step {second}.") == 1
    for name in ("model.safetensors", "model.json"):
        assert (model / name).read_bytes() == (whole / name).read_bytes()


def test_an_error_of_all_processes_is_told_by_one(tmp_path: Path) -> None:
    results = call_together(run, "train", str(tmp_path / "nothing"), "--output", str(tmp_path / "model"))
    assert {code for code, _, _ in results} <= {1, 2}
    told = [errors for _, _, errors in results if errors]
    assert len(told) == 1
    assert re.match(r"Error: .*nothing.*\n$", told[0])


def test_arguments_that_are_none_are_told_by_one(tmp_path: Path) -> None:
    first, second = call_together(run, "train", "digits", "--outptu", str(tmp_path))
    assert first == (2, "", first[2])
    assert "Error: No such option: --outptu" in first[2]
    assert second == (2, "", "")


def test_the_first_process_alone_prints_and_all_end_well(tmp_path: Path) -> None:
    data = save_arrays(images(), tmp_path / "images.npz")
    model = tmp_path / "model"
    arguments = ["train", str(data), "--method", "erm", "--max-steps", "5", "--output", str(model)]
    (code, output, errors), second = call_together(run, *arguments)
    assert code == 0, errors
    assert f"Model: {model}" in output
    assert second == (0, "", "")
    assert {path.name for path in model.iterdir()} >= {"model.json", "model.safetensors"}
    assert not list(model.rglob("*.tmp"))


@pytest.mark.parametrize("command", ["compare", "sweep", "diagnose", "predict"])
def test_commands_of_one_process_say_so_once(command: str) -> None:
    first, second = call_together(run, command, "digits")
    code, output, errors = first
    assert (code, output) == (2, "")
    assert errors.startswith(f"Error: crossgrad {command} was started in 2 processes, but only train ")
    assert second == (1, "", "")
