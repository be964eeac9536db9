"""What TensorBoard shows of a training, read back by its own reader; and that nobody's watching changes a training."""

import io
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from crossgrad.building import build_method
from crossgrad.comparison import compare
from crossgrad.data import DomainDataset, training_subset
from crossgrad.deployment import train
from crossgrad.errors import SettingsError
from crossgrad.experiments.run_training import checkpoints_in, train_method
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.methods import METHODS
from crossgrad.training import History, Stretch, fit
from crossgrad.training.tensorboard import check_tensorboard
from small import images, vectors

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

PICTURE = "pictures/inputs_and_perturbations"


def run_of(method: str = "crossgrad", **settings: Any) -> Run:
    given = Settings.of({"max_steps": 20, "batch_size": 16, "dropout": 0.5, **settings})
    return Run(("attic",), method, "mlp", seed=0, settings=given.for_method(method, {}))


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    found.Reload()
    return found


def trained(folder: Path, dataset: DomainDataset, **settings: Any) -> History:
    run = run_of(**settings)
    return train_method(dataset, run.split(dataset), run, tensorboard=folder).history


def test_every_logged_value_is_a_curve_with_the_log_s_own_values(tmp_path: Path) -> None:
    history = trained(tmp_path, images(), learning_rate=0.01, schedule="cosine")
    found = read(tmp_path)
    assert set(found.Tags()["scalars"]) == {
        *(f"loss/{name}" for name in history.values if name.endswith("_loss")),
        *("accuracy/label_accuracy", "accuracy/domain_accuracy"),
        *("size/perturbation_l2", "size/perturbation_linf", "size/input_l2"),
        *("training/learning_rate", "training/examples_per_second", "training/waiting_share"),
    }
    for tag in found.Tags()["scalars"]:
        group, name = tag.split("/")
        assert [event.step for event in found.Scalars(tag)] == history.steps
        if group != "training":
            assert [event.value for event in found.Scalars(tag)] == pytest.approx(history.values[name], rel=1e-6)
    rates = [event.value for event in found.Scalars("training/learning_rate")]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(0.01)
    assert all(event.value > 0 for event in found.Scalars("training/examples_per_second"))


def pictures(found: EventAccumulator) -> dict[int, np.ndarray]:
    events = found.Images(PICTURE)
    return {event.step: np.asarray(Image.open(io.BytesIO(event.encoded_image_string))) for event in events}


def test_inputs_are_drawn_at_the_start_in_the_middle_and_at_the_end_with_what_is_added_to_them(tmp_path: Path) -> None:
    trained(tmp_path, images(), learning_rate=0.01)
    found = pictures(read(tmp_path))
    assert list(found) == [1, 10, 20]
    for picture in found.values():  # inputs; moved along one loss, and by how much; along the other
        assert picture.shape[:2] == (5 * 8, 8 * 8)
    clean, moved, added = (found[20][8 * row : 8 * row + 8].astype(float)[..., 0] for row in range(3))
    first = found[1][:8].astype(float)[..., 0]
    assert np.array_equal(clean, first)  # the same examples every time
    assert added.max() == 255 or added.min() == 0  # the largest value has all of the contrast
    inside = (moved > 0) & (moved < 255)
    correlation = np.corrcoef((moved - clean)[inside], added[inside])[0, 1]
    assert correlation > 0.9


def test_pictures_of_what_is_never_moved_are_the_inputs_alone(tmp_path: Path) -> None:
    trained(tmp_path, images(), method="erm")
    assert {picture.shape[:2] for picture in pictures(read(tmp_path)).values()} == {(8, 8 * 8)}


def test_inputs_that_are_no_pictures_are_not_drawn(tmp_path: Path) -> None:
    trained(tmp_path, vectors())
    assert read(tmp_path).Tags()["images"] == []


def test_a_training_that_stops_early_is_drawn_as_it_ends(tmp_path: Path) -> None:
    history = trained(tmp_path, images(), max_steps=400, learning_rate=0.1, patience=1, score_every=5)
    assert history.steps[-1] < 200
    assert list(pictures(read(tmp_path))) == [4, history.steps[-1]]


def test_warnings_are_texts(tmp_path: Path) -> None:
    run = Run(
        ("attic",), "crossgrad", "mlp", 0,
        Settings(max_steps=20, batch_size=16).for_method("crossgrad", {"domain_gradient_step": 1e4}),
    )  # fmt: skip
    train_method(images(), run.split(images()), run, tensorboard=tmp_path)
    assert "warnings/large_perturbation/text_summary" in read(tmp_path).Tags()["tensors"]


def test_a_resumed_training_has_every_step_once(tmp_path: Path) -> None:
    dataset, run = images(), run_of()
    parts = run.split(dataset)

    def watch(stretch: Stretch) -> None:
        if stretch.step == 13:
            raise KeyboardInterrupt

    for watched in (watch, lambda stretch: None):
        kept = checkpoints_in(tmp_path / "training", run, dataset, every_steps=5)
        try:
            train_method(dataset, parts, run, watched, checkpoints=kept, tensorboard=tmp_path / "board")
        except KeyboardInterrupt:
            assert kept.steps == [5, 10]
            time.sleep(1.1)  # files are read in the order of the second in their names, then of a number as text
    steps = [event.step for event in read(tmp_path / "board").Scalars("loss/label_loss")]
    assert steps == list(range(1, 21))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("make", [images, vectors])
def test_watching_changes_no_weight(method: str, make: Any, tmp_path: Path) -> None:
    dataset = make()
    fields = {"domain_gradient_step": "calibrated:0.1"} if method in ("crossgrad", "hybrid", "random") else {}
    settings = Settings(max_steps=12, batch_size=16, dropout=0.5).for_method(method, fields)
    run = Run(("attic",), method, "mlp", 0, settings)
    parts = run.split(dataset)
    watched = train_method(dataset, parts, run, log=tmp_path / "log.jsonl", tensorboard=tmp_path / "board")
    alone = build_method(**watched.building)
    train_on = training_subset(dataset, parts)
    scaled = replace(train_on, inputs=watched.scaling.apply(train_on.inputs))
    optimizer = settings.make_optimizer(alone.parameters())
    history = fit(alone, scaled, optimizer=optimizer, max_steps=12, batch_size=16, seed=0)
    torch.testing.assert_close(watched.method.state_dict(), alone.state_dict(), rtol=0, atol=0)
    assert watched.history == history


def test_a_comparison_has_a_folder_for_each_run(tmp_path: Path) -> None:
    compare(
        images(), output=tmp_path / "out", methods=["erm", "crossgrad"], hold_out="den", seeds=[0, 1], net="mlp",
        max_steps=3, tensorboard=tmp_path / "board",
    )  # fmt: skip
    folders = sorted(path.name.rsplit("-", 1)[0] for path in (tmp_path / "board").iterdir())
    assert folders == [f"{method}-without-den-seed-{seed}" for method in ("crossgrad", "erm") for seed in (0, 1)]
    for folder in (tmp_path / "board").iterdir():
        assert [event.step for event in read(folder).Scalars("loss/label_loss")] == [1, 2, 3]


def test_a_folder_in_the_output_folder_or_one_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"is in the output folder '.*out'; give one outside it"):
        compare(images(), output=tmp_path / "out", tensorboard=tmp_path / "out" / "board")
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"cannot write to '.*file': File exists; give another folder"):
        train(images(), tensorboard=tmp_path / "file", max_steps=10**9)
    with pytest.raises(SettingsError, match="runs on Ray write nothing for TensorBoard"):
        compare(images(), output=tmp_path / "out", tensorboard=tmp_path / "board", engine="ray")


def test_where_tensorboard_is_not_installed_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(SettingsError, match=r"TensorBoard is not installed: .*pip install .*\[tracking\]'"):
        check_tensorboard(tmp_path / "board")
    assert not (tmp_path / "board").exists()


def test_tensorboard_is_not_imported_where_nobody_asks_for_it() -> None:
    code = "import sys, crossgrad.comparison, crossgrad.deployment; sys.exit('tensorboard' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
