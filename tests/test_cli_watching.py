"""What train and compare tell of a training while it goes on, and where they leave it."""

import json
import sys
import warnings
from pathlib import Path

import pytest

from crossgrad.cli import main
from small import images, save_arrays

WILD = ("--set", "crossgrad.domain_gradient_step=10000", "--net", "mlp", "--max-steps", "40")


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """What a command says to standard error, on one line, in a folder with images.npz."""
    save_arrays(images(), tmp_path / "images.npz")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["crossgrad", *arguments])
        with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
            main()
        assert int(ended.value.code or 0) == code
        return " ".join(capsys.readouterr().err.split())

    return run


def test_train_says_a_trouble_once_and_leaves_its_log_beside_the_model(said) -> None:
    told = said("train", "images.npz", "--output", "m", "--tensorboard", "board", *WILD)
    assert told.count("Warning: perturbations are larger than the data") == 1
    assert sorted(path.name for path in Path("m").iterdir()) == ["model.json", "model.safetensors", "training"]
    logged = [json.loads(line) for line in Path("m/training/log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in logged] == list(range(1, 41))
    assert [list(line["warnings"]) for line in logged if "warnings" in line] == [["large_perturbation"]]
    assert len(list(Path("board").glob("events.out.tfevents.*"))) == 1


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_compare_says_whose_trouble_it_is_wherever_it_runs(jobs: str, said) -> None:
    options = ("--methods", "erm,crossgrad", "--hold-out", "den", "--seeds", "1", "--jobs", jobs)
    told = said("compare", "images.npz", "--output", "out", "--tensorboard", "board", *options, *WILD)
    assert told.count("Warning: crossgrad, held out den, seed 0: perturbations are larger than the data") == 1
    assert told.count("Warning") == 1
    assert sorted(path.name for path in Path("out/runs").glob("*/log.jsonl")) == ["log.jsonl"] * 2
    assert len(list(Path("board").glob("*/events.out.tfevents.*"))) == 2


def test_a_tensorboard_in_the_output_folder_is_refused_before_the_work(said) -> None:
    told = said("train", "images.npz", "--output", "m", "--tensorboard", "m/board", code=2)
    assert told == "Error: 'm/board' is in the output folder 'm'; give one outside it"
    assert not Path("m").exists()
