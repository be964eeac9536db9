"""Data larger than memory on the command line."""

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from commands import Command
from crossgrad.cli import console, options
from small import save_pictures

ONE = ("--method", "erm", "--max-steps", "3", "--image-size", "8")


@pytest.fixture
def command(command: Command, tmp_path: Path) -> Command:
    """In a folder with pictures/."""
    save_pictures(tmp_path / "pictures", domains=3, each=6)
    return command


def test_data_above_the_memory_trains_to_the_same_model_whoever_reads_it(command: Command) -> None:
    found = {}
    for memory, workers in (("1G", "0"), ("1K", "0"), ("0", "2")):
        folder = Path(f"{memory}-{workers}")
        code, _, told = command(
            "train", "pictures", "--output", str(folder), "--memory", memory, "--workers", workers, *ONE
        )
        assert code == 0, told
        found[memory] = (folder / "model.safetensors").read_bytes()
    assert len(set(found.values())) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--memory", "lots"), "memory is a number of bytes, such as 500M or 2G, not 'lots'"),
        (("--workers", "-1"), "workers is at least 0, not -1"),
    ],
)
def test_impossible_options_are_told_before_anything_is_read(
    command: Command, arguments: tuple[str, ...], message: str
) -> None:
    code, _, told = command("train", "pictures", "--output", "model", *arguments)
    assert (code, message in told) == (2, True), told


def test_a_damaged_file_is_told_in_one_sentence_when_a_worker_needs_it(command: Command) -> None:
    damaged = Path("pictures/barn/cat/2.png")
    damaged.write_bytes(damaged.read_bytes()[:60])
    code, _, told = command("train", "pictures", "--output", "model", "--memory", "0", "--workers", "1", *ONE)
    assert code == 2
    assert f"cannot read image '{damaged}'" in told
    assert "--skip-unreadable (skip_unreadable=True) leaves such files out" in told
    assert "Traceback" not in told


def test_a_terminal_shows_how_far_a_scan_is(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=screen, force_terminal=True, width=80))
    with console.status("loading") as tell:
        tell("250 of 300 images are grey")
    assert "250 of 300 images are grey" in screen.getvalue()


@pytest.mark.parametrize(
    ("cores", "jobs", "threads", "workers"),
    [
        (1, 1, None, 0),
        (2, 1, None, 1),
        (8, 1, None, 7),
        (64, 1, None, 8),
        (8, 1, 3, 5),
        (8, 2, None, 3),
        (8, None, 1, 0),
    ],
)
def test_workers_are_by_default_the_cores_that_runs_leave(
    monkeypatch: pytest.MonkeyPatch, cores: int, jobs: int | None, threads: int | None, workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)))
    assert options.readers(None, threads=threads, jobs=jobs) == workers
    assert options.readers(2, threads=threads, jobs=jobs) == 2
