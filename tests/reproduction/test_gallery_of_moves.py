"""The gallery: moves measured once, drawn anew from what was measured, and the numbers that stand beside them."""

import io
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.fft import dct

from commands import Command
from crossgrad._types import Batch
from crossgrad.data import BENCHMARKS
from crossgrad.errors import RecordError
from crossgrad.methods import PRESETS
from crossgrad.model_folder import load
from crossgrad.perturb import Step
from crossgrad.report.gallery import diverging
from crossgrad.reproduction import SCALES, Made, gallery, moves
from crossgrad.reproduction.gallery import draw_gallery
from crossgrad.reproduction.moves import MOVES, Moves, measured_moves, tasks_to_train
from crossgrad.reproduction.studies import SPEECH_LITHUANIAN, Study

SCALE = replace(SCALES["quick"], settings={"max_steps": 30, "batch_size": 32})
DIGITS = Study("digits", "digits", "real digits at six angles", hold_out="each")
RESULTS = Path(__file__).parents[2] / "results" / "reproduction"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
OF_THE_PAPER = sorted(moves.TASKS)
"""As they are before the tests put others in their place."""
ABSENT = Study("absent", "lipitk", "the paper's own")


@pytest.fixture(autouse=True, scope="module")
def tasks() -> object:
    with pytest.MonkeyPatch.context() as patch:
        small = {"digits": DIGITS, "absent": ABSENT}
        for place in ("reproduction.moves", "reproduction.gallery"):
            patch.setattr(f"crossgrad.{place}.TASKS", small)
        yield small


@pytest.fixture(scope="module")
def folder(tasks: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("gallery")
    measured_moves(DIGITS, SCALE, place)
    return place


@pytest.fixture(scope="module")
def measured(folder: Path) -> Moves:
    return measured_moves(DIGITS, SCALE, folder)


def pixels(gallery: Made) -> "np.typing.NDArray[np.uint8]":
    return np.asarray(Image.open(io.BytesIO(gallery.pictures["gallery-digits.png"])).convert("RGB"))


def test_what_was_measured_once_is_drawn_without_model_and_data(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    shutil.copy(folder / "figures" / "moves-digits.npz", tmp_path / "figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Study, "open", lambda study: pytest.fail("the data was opened"))
        again = draw_gallery(SCALE, tmp_path)
    assert again == draw_gallery(SCALE, folder)
    assert len(again.pictures["gallery-digits.png"]) < 150_000


def test_a_training_measured_anew_gives_the_same_file_to_the_bit(folder: Path, tmp_path: Path) -> None:
    measured_moves(DIGITS, SCALE, tmp_path)
    name = "figures/moves-digits.npz"
    assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_examples_are_of_the_same_labels_in_several_domains_and_moved_as_the_model_moves_them(
    folder: Path, measured: Moves
) -> None:
    assert [name.split(": ") for name in measured.names] == [
        [angle, label] for angle in ("0", "30", "45", "75") for label in ("0", "9")
    ]
    model = load(folder / "figures" / "moves-digits")
    assert model.building["fields"].items() <= PRESETS["paper"].items()
    digits = BENCHMARKS["digits"].open()
    shown = [
        int(torch.where((digits.domains == domain) & (digits.labels == label))[0][0])
        for domain in (0, 2, 3, 5)
        for label in (0, 9)
    ]
    _, changes = moves._changes(model, digits.subset(shown))
    np.testing.assert_allclose(measured.inputs, digits.inputs[shown].numpy(), atol=5e-4)  # half precision, below 1
    for name in MOVES:
        assert np.abs(changes[name].numpy()).max() > 0.01
        np.testing.assert_allclose(measured.moved[name] - measured.inputs, changes[name].numpy(), rtol=1e-3, atol=1e-6)


def test_a_calibrated_move_is_about_as_large_as_it_is_calibrated_to(measured: Moves) -> None:
    size = Step.parse(PRESETS["paper"]["domain_gradient_step"]).size
    for name in MOVES:
        assert size / 3 < measured.numbers[f"{name}/largest"] < 3 * size


def test_moving_up_a_loss_s_gradient_makes_that_net_worse(measured: Moves) -> None:
    assert measured.numbers["domain_perturbed/domains"] < measured.numbers["domains"]
    assert measured.numbers["label_perturbed/labels"] < measured.numbers["labels"]


def test_the_table_has_the_measured_numbers_and_names_what_is_missing(folder: Path, measured: Moves) -> None:
    table = draw_gallery(SCALE, folder).table
    assert tasks_to_train(folder) == [ABSENT]
    assert "absent: not trained yet." in table.notes
    unmoved, by_domain, by_label = table.rows
    assert (unmoved["largest"], unmoved["labels"]) == (None, f"{100 * measured.numbers['labels']:.1f}")
    assert by_domain["length"] == f"{100 * measured.numbers['domain_perturbed/length']:.1f}"
    assert by_label["largest"] == f"{measured.numbers['label_perturbed/largest']:.3f}"
    assert by_label["median"] == f"{measured.numbers['label_perturbed/median']:.3f}"


def test_the_median_tells_moves_of_a_few_from_moves_of_all(folder: Path) -> None:
    digits = BENCHMARKS["digits"].open().subset(range(250))  # of three parts, the last smaller
    model = load(folder / "figures" / "moves-digits")
    numbers = moves._numbers(model, digits)
    parts = [digits.subset(range(first, min(first + 100, 250))) for first in (0, 100, 200)]
    inputs = [model.scaling.apply(part.inputs[:]) for part in parts]
    moved = [
        model.method.perturbed(Batch(values, part.labels, part.domains))["domain_perturbed"]
        for values, part in zip(inputs, parts, strict=True)
    ]
    largest = (torch.cat(moved) - torch.cat(inputs)).flatten(1).abs().amax(1).double()
    assert numbers["domain_perturbed/largest"] == pytest.approx(float(largest.mean()), rel=1e-4)
    assert numbers["domain_perturbed/median"] == pytest.approx(float(largest.median()), rel=1e-4)
    assert float(largest.median()) < 0.9 * float(largest.mean())


def test_the_picture_has_a_scale_from_blue_to_red_and_its_range_is_the_largest_difference(
    folder: Path, measured: Moves
) -> None:
    drawn = pixels(draw_gallery(SCALE, folder))
    blue, red = diverging(np.array([-1.0, 1.0]), 1.0)
    places = [np.argwhere((np.abs(drawn[-30:].astype(int) - colour) <= 2).all(axis=2)) for colour in (blue, red)]
    assert all(len(place) >= 12 for place in places)
    assert places[0][:, 1].max() < places[1][:, 1].min()
    # The largest difference of the examples, and no other number, has the full colour.
    largest = max(float(np.abs(measured.moved[name] - measured.inputs).max()) for name in MOVES)
    full = (np.abs(drawn[:-30].astype(int)[:, :, None] - np.stack([blue, red])) <= 2).all(axis=3).any(axis=2)
    n_largest = sum(int((np.abs(measured.moved[name] - measured.inputs) > 0.97 * largest).sum()) for name in MOVES)
    cell = 96 // measured.inputs.shape[-1]
    assert cell**2 <= full.sum() <= n_largest * cell**2


def test_cepstra_are_drawn_as_the_spectrograms_that_they_are_of() -> None:
    spectrogram = np.random.default_rng(0).normal(size=(2, 1, 40, 7))
    cepstra = torch.from_numpy(dct(spectrogram, axis=2, norm="ortho"))
    np.testing.assert_allclose(moves._as_pictures(cepstra, SPEECH_LITHUANIAN), spectrogram[:, :, ::-1], atol=1e-12)
    log_mel = replace(SPEECH_LITHUANIAN, options={"features": "log_mel"})
    np.testing.assert_array_equal(moves._as_pictures(cepstra, log_mel), cepstra.numpy())


def test_only_training_domains_train_and_are_shown() -> None:
    handwriting = Study("handwriting", "handwriting", "")
    if not BENCHMARKS["handwriting"].is_here:
        pytest.skip("Omniglot is not here")
    whole = handwriting.open()
    training = moves._training_domains(whole)
    assert whole.domain_split is not None
    kept = {*whole.domain_split.validation, *whole.domain_split.test}
    assert training.domain_names == tuple(name for name in whole.domain_names if name not in kept)
    assert len(training) == 42 * 12


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "moves-digits.npz").write_bytes(b"no archive")
    with pytest.raises(RecordError, match="not moved inputs"):
        draw_gallery(SCALE, tmp_path)


def test_a_file_that_lacks_what_is_measured_now_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    kept = dict(np.load(folder / "figures" / "moves-digits.npz"))
    del kept["number/domain_perturbed/median"]
    np.savez(tmp_path / "figures" / "moves-digits.npz", **kept)
    with pytest.raises(RecordError, match=r"without number/domain_perturbed/median; delete it first"):
        draw_gallery(SCALE, tmp_path)


def test_moves_of_all_tasks_are_on_record() -> None:
    assert {path.stem for path in RESULTS.glob("cpu/figures/moves-*.npz")} == {f"moves-{name}" for name in OF_THE_PAPER}


def test_the_command_trains_what_is_here_says_what_is_not_and_writes_picture_and_table(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(SCALES, "quick", SCALE)
    nothing = command("reproduce", "gallery", "--scale", "quick", "--output", "out", "--no-training")
    assert (nothing.code, nothing.out) == (1, "")
    assert "gallery: its models are not trained yet, so it is not drawn." in " ".join(nothing.err.split())
    done = command("reproduce", "gallery", "--scale", "quick", "--output", "out")
    assert done.code == 0
    assert "gallery: 2 models to train" in done.err
    assert "absent is left out. lipitk is not here." in " ".join(done.err.split())
    place = Path("out/quick")
    drawn = draw_gallery(SCALE, place)
    assert (place / "gallery-digits.png").read_bytes() == drawn.pictures["gallery-digits.png"]
    assert json.loads((place / "gallery.json").read_text()) == json.loads(json.dumps(asdict(drawn.table)))


@pytest.mark.parametrize("kept", sorted(RESULTS.glob("*/figures/moves-*.npz")), ids=lambda path: path.stem)
def test_a_committed_picture_comes_from_what_was_measured_to_the_pixel(kept: Path) -> None:
    name = kept.stem.removeprefix("moves-")
    again = Image.open(io.BytesIO(gallery._drawn(moves._read(kept)))).convert("RGB")
    committed = Image.open(kept.parents[1] / f"gallery-{name}.png").convert("RGB")
    assert np.array_equal(np.asarray(again), np.asarray(committed))


@pytest.mark.parametrize("name", OF_THE_PAPER)
def test_the_documentation_has_a_small_picture_of_every_task(name: str) -> None:
    path = IMAGES / f"gallery-{name}.png"
    assert path.stat().st_size < 150_000
    assert path.read_bytes() == (RESULTS / "cpu" / path.name).read_bytes()
    assert f"](images/{path.name})" in (IMAGES.parent / "reproduction.md").read_text(encoding="utf-8")
