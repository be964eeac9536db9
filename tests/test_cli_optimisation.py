"""The options of train, compare, sweep and predict that say how methods are trained, and where."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from commands import Command
from crossgrad.experiments.optimisations import OPTIMISATIONS
from crossgrad.records import read_records
from small import save_arrays, vectors

HERE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture
def command(command: Command, tmp_path: Path) -> Command:
    """In a folder with vectors.npz."""
    save_arrays(vectors(), tmp_path / "vectors.npz")
    return command


ALL_OPTIONS = (
    *(
        "--optimizer",
        "rmsprop_tf",
        "--schedule",
        "step",
        "--warmup-steps",
        "1",
        "--decay",
        "0.5",
        "--decay-epochs",
        "3",
    ),
    *("--clip-value", "0.25", "--clip-norm", "2", "--patience", "4", "--score-every", "1", "--average", "0.75"),
    *("--precision", "bf16", "--device", "auto"),
)
AS_SETTINGS = {
    "optimizer": "rmsprop_tf",
    "schedule": "step",
    "warmup_steps": 1,
    "decay": 0.5,
    "decay_epochs": 3.0,
    "clip_value": 0.25,
    "clip_norm": 2.0,
    "patience": 4,
    "score_every": 1,
    "average": 0.75,
    "precision": "bf16",
} | ({"device": "cuda"} if HERE == "cuda" else {})


def card(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(folder) / "model.json").read_text())["card"]
    return found


def test_every_option_reaches_the_training_and_is_recorded(command: Command) -> None:
    assert command("train", "vectors.npz", "--output", "model", "--max-steps", "3", *ALL_OPTIONS)[0] == 0
    assert card("model")["settings"].items() >= AS_SETTINGS.items()
    compared = ("--methods", "erm", "--hold-out", "den", "--seeds", "1", "--jobs", "1", "--max-steps", "3")
    assert command("compare", "vectors.npz", "--output", "compared", *compared, *ALL_OPTIONS)[0] == 0
    swept = ("--method", "erm", "--grid", "average=0.5,0.75", "--hold-out", "den", "--jobs", "1", "--max-steps", "3")
    assert command("sweep", "vectors.npz", "--output", "swept", *swept, *ALL_OPTIONS)[0] == 0
    (one,) = read_records(Path("compared"))
    candidates = read_records(Path("swept"))
    for record in (one, *candidates):
        given = record["settings"]
        assert given.items() >= (AS_SETTINGS | {"average": given["average"]}).items()
    assert {record["settings"]["average"] for record in candidates} == {0.5, 0.75}


def test_a_named_optimisation_is_set_whole_but_for_what_is_given_beside_it(command: Command) -> None:
    options = ("--optimisation", "authors-code", "--max-steps", "2", "--batch-size", "8")
    assert command("train", "vectors.npz", "--method", "erm", "--output", "model", *options)[0] == 0
    expected = OPTIMISATIONS["authors-code"] | {"max_steps": 2, "batch_size": 8}
    assert card("model")["settings"].items() >= expected.items()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--precision", "fp16"), "there is no precision 'fp16'"),
        (("--device", "cuda:99"), "so not 'cuda:99'; give cpu or auto"),
        (("--device", "tpu"), "device is cpu, cuda, cuda:N or auto, not 'tpu'"),
        (("--optimisation", "paper-code"), "no optimisation 'paper-code'"),
        (("--schedule", "linear"), "no schedule 'linear'"),
        (("--decay", "0.5"), "decay is of the schedule step, and the schedule is constant"),
        (("--score-every", "5"), "score_every is of early stopping; give patience too"),
    ],
)
@pytest.mark.parametrize("name", ["train", "compare", "sweep"])
def test_what_cannot_be_is_told_before_anything_is_trained(
    command: Command, name: str, options: tuple[str, ...], message: str
) -> None:
    extra = ("--grid", "label_weight=0.1,0.5") if name == "sweep" else ()
    code, out, err = command(name, "vectors.npz", "--output", "folder", *extra, *options)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert not list(Path("folder").glob("**/*.json*"))


@pytest.mark.parametrize("options", [("--precision", "fp16"), ("--device", "cuda:99")])
@pytest.mark.parametrize("name", ["train", "compare", "sweep"])
def test_a_precision_or_device_that_is_not_here_is_told_before_data_is_opened(
    command: Command, name: str, options: tuple[str, ...]
) -> None:
    code, _, err = command(name, "not-here.npz", "--output", "folder", *options)
    assert code == 2
    assert options[1] in err
    assert "not-here" not in err


def test_predictions_come_from_the_device_that_is_named(command: Command) -> None:
    assert command("train", "vectors.npz", "--method", "erm", "--output", "model", "--max-steps", "2")[0] == 0
    found = [command("predict", "model", "vectors.npz", "--json", *extra) for extra in ((), ("--device", "auto"))]
    assert found[0][0] == found[1][0] == 0
    if HERE == "cpu":
        assert found[0][1] == found[1][1]
    code, out, err = command("predict", "model", "vectors.npz", "--device", "cuda:99")
    assert (code, out) == (2, "")
    assert "so not 'cuda:99'" in err
