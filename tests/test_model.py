"""A model from training to a folder and back: what it predicts, and what is refused."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import crossgrad
from crossgrad import Batch
from crossgrad.data import open_dataset
from crossgrad.errors import CrossGradError, DataError, ModelError, NonFiniteLossError, SettingsError
from crossgrad.methods import METHODS
from crossgrad.model import Model
from crossgrad.model_folder import DESCRIPTION, MODEL_VERSION, WEIGHTS, check_writable, load, save
from small import DOMAINS, LABELS, images, save_pictures, vectors


@pytest.fixture(scope="module")
def model() -> Model:
    """Of vectors, well enough trained to be right."""
    return crossgrad.train(vectors(), max_steps=60, batch_size=32, learning_rate=0.01)


@pytest.fixture
def saved(model: Model, tmp_path: Path) -> Path:
    return save(model, tmp_path / "model")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "pictures"
    save_pictures(folder)
    return folder


@pytest.fixture(scope="module")
def picture_model(pictures: Path) -> Model:
    return crossgrad.train(open_dataset(pictures, image_size=8), net="mlp", max_steps=30, batch_size=16)


def test_a_model_learns_what_it_was_trained_on(model: Model) -> None:
    unseen = vectors(300, seed=9)
    predicted = model.predict(unseen.inputs)
    right = [unseen.label_names[index] for index in unseen.labels] == np.array(predicted.labels)
    assert np.mean(right) > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_a_model_of_every_method_predicts_the_same_after_save_and_load(method: str, tmp_path: Path) -> None:
    fields = {"condition": True, "domain_gradient_step": "calibrated:0.1"} if method == "crossgrad" else {}
    made = crossgrad.train(images(), method=method, net="mlp", max_steps=3, fields=fields, dropout=0.1)
    loaded = load(save(made, tmp_path / "model"))
    inputs = images(20, seed=5).inputs
    expected, found = made.predict(inputs), loaded.predict(inputs)
    assert found.labels == expected.labels
    assert found.label_names == LABELS
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert (loaded.input_shape, loaded.decoding, loaded.building, loaded.card) == (
        made.input_shape,
        made.decoding,
        made.building,
        made.card,
    )


def test_a_models_folder_alone_labels_image_files(picture_model: Model, pictures: Path, tmp_path: Path) -> None:
    files = sorted(pictures.rglob("*.png"))
    loaded = load(save(picture_model, tmp_path / "model"))
    dataset = open_dataset(pictures, image_size=8)
    expected = picture_model.predict(dataset.inputs)
    for given in (files, [str(file) for file in files], tuple(files)):
        found = loaded.predict(given)
        np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert found.labels == tuple(file.parent.name for file in files)
    assert loaded.decoding == dataset.decoding


def test_a_file_that_is_no_image_is_named(picture_model: Model, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"nonsense")
    for name, message in (("bad.png", "cannot read image '.*bad.png'"), ("absent.png", "cannot read image")):
        with pytest.raises(DataError, match=message):
            picture_model.predict([tmp_path / name])


def test_one_path_instead_of_several_is_told_so(picture_model: Model, pictures: Path) -> None:
    file = str(next(pictures.rglob("*.png")))
    with pytest.raises(TypeError, match="a sequence of paths"):
        picture_model.predict(file)


def test_a_model_of_arrays_reads_no_files(model: Model) -> None:
    with pytest.raises(DataError, match=r"trained on arrays of shape \(5,\), it cannot read files"):
        model.predict(["a.png"])


def test_tensors_arrays_and_lists_of_the_same_numbers_are_labelled_alike(model: Model) -> None:
    inputs = vectors(6, seed=2).inputs
    expected = model.predict(inputs).probabilities
    for same in (inputs.numpy(), inputs.double(), inputs.tolist(), list(inputs.numpy())):
        np.testing.assert_array_equal(model.predict(same).probabilities, expected)
    np.testing.assert_allclose(expected.sum(1), 1, rtol=1e-6)


def test_arrays_of_bytes_are_scaled_as_they_were_for_training() -> None:
    values = (255 * images().inputs).byte().permute(0, 2, 3, 1).numpy()  # channels last
    dataset = crossgrad.DomainDataset.from_arrays(values, images().labels, images().domains, name="bytes")
    made = crossgrad.train(dataset, method="erm", net="mlp", max_steps=3)
    expected = made.predict(dataset.inputs).probabilities
    np.testing.assert_array_equal(made.predict(values).probabilities, expected)
    np.testing.assert_array_equal(made.predict(torch.from_numpy(values)).probabilities, expected)


def test_nothing_is_labelled_as_nothing(model: Model, picture_model: Model) -> None:
    for found in (model.predict(torch.zeros(0, 5)), model.predict(np.zeros((0, 5))), picture_model.predict([])):
        assert found.labels == ()
        assert found.probabilities.shape == (0, len(found.label_names))
        assert found.probabilities.dtype == np.float32


@pytest.mark.parametrize("shape", [(4,), (6,), (1, 5), ()])
def test_inputs_of_another_shape_are_refused(model: Model, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"inputs have shape \(.*\), the model takes \(5,\)"):
        model.predict(torch.zeros(2, *shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_inputs_that_are_not_finite_are_refused(model: Model, value: float) -> None:
    inputs = np.zeros((3, 5), dtype=np.float32)
    inputs[1, 2] = value
    for given in (inputs, torch.from_numpy(inputs)):
        with pytest.raises(DataError, match="NaN or infinite values"):
            model.predict(given)


# Training


def test_train_on_named_domains_measures_the_others_as_unseen() -> None:
    made = crossgrad.train(vectors(), method="erm", domains=["den", "barn"], max_steps=3)
    card = made.card
    assert list(card["training_domains"]) == ["barn", "den"]
    assert sum(card["training_domains"].values()) + card["in_domain"]["n"] == 48
    assert list(card["in_domain"]["by_domain"]) == ["barn", "den"]
    assert list(card["out_of_domain"]["by_domain"]) == ["attic", "cellar"]
    assert card["out_of_domain"]["n"] == 48
    assert made.building["n_domains"] == 2


def test_train_on_all_domains_measures_none_as_unseen(model: Model) -> None:
    assert list(model.card["training_domains"]) == list(DOMAINS)
    assert model.card["out_of_domain"] is None
    assert model.card["in_domain"]["n"] == 96 - sum(model.card["training_domains"].values())
    assert model.card["settings"]["max_steps"] == 60
    assert model.card["versions"]["torch"] == torch.__version__


def test_train_without_examples_to_measure_on_measures_nothing() -> None:
    made = crossgrad.train(vectors(), method="erm", max_steps=1, in_domain_fraction=0)
    assert made.card["in_domain"] is None
    assert sum(made.card["training_domains"].values()) == 96


def test_train_with_one_seed_gives_one_model_and_leaves_torch_as_it_was() -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    crossgrad.train(vectors(), max_steps=1, threads=threads + 1)
    made = [crossgrad.train(vectors(), max_steps=3, seed=seed) for seed in (1, 1, 2)]
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    first, second, other = (each.method.state_dict() for each in made)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert not torch.equal(first["label_net.output.weight"], other["label_net.output.weight"])


def test_a_seed_of_numpy_is_the_same_number(tmp_path: Path) -> None:
    made = [crossgrad.train(vectors(), method="erm", max_steps=2, seed=seed) for seed in (3, np.int64(3))]
    assert made[0].card == made[1].card
    assert load(save(made[1], tmp_path / "model")).card["seed"] == 3


@contextmanager
def double() -> Iterator[None]:
    """Torch makes float64 where no type is named."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("method", METHODS)
def test_torchs_default_type_is_no_hindrance_to_training_and_loading(method: str, tmp_path: Path) -> None:
    fields = {"condition": True, "domain_gradient_step": "calibrated:0.1"} if method == "crossgrad" else {}
    data = images()
    with double():
        made = crossgrad.train(data, method=method, net="mlp", max_steps=2, fields=fields)
        found = load(save(made, tmp_path / "model")).predict(data.inputs).probabilities
    assert {value.dtype for value in made.method.parameters()} == {torch.float32}
    np.testing.assert_array_equal(found, made.predict(data.inputs).probabilities)


def test_a_sound_model_is_loaded_whatever_torchs_default_type_is(saved: Path, model: Model) -> None:
    inputs = vectors(6, seed=2).inputs
    with double():
        loaded = load(saved)
    np.testing.assert_array_equal(loaded.predict(inputs).probabilities, model.predict(inputs).probabilities)


def test_a_domain_net_that_the_method_has_no_use_for_is_not_in_the_model(tmp_path: Path) -> None:
    for method, is_used in (("erm", False), ("dann", False), ("crossgrad", True)):
        made = crossgrad.train(vectors(), method=method, domain_net="test_model:Tied", max_steps=2)
        assert ("domain_net" in made.building) == is_used
        assert made.card["settings"]["domain_net"] == "test_model:Tied"
        folder = save(made, tmp_path / method)
        if not is_used:
            assert load(folder).label_names == LABELS


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        ({"method": "crossgrid"}, SettingsError, "no method 'crossgrid'; did you mean 'crossgrad'"),
        ({"net": "mpl"}, SettingsError, "no net 'mpl'; did you mean 'mlp'"),
        ({"domains": ["attic", "bern"]}, SettingsError, "no domain 'bern'; did you mean 'barn'"),
        ({"domains": ["attic"]}, DataError, "fewer than two domains are left to train on"),
        ({"domains": []}, SettingsError, "no domains to train on; name at least two"),
        ({"fields": {"label_wait": 1}}, SettingsError, "no field of crossgrad 'label_wait'; did you mean 'label_w"),
        ({"max_steps": 0}, SettingsError, "max_steps is a whole number of at least 1, not 0"),
        ({"learning_rate": 1e38}, SettingsError, "learning_rate is a number, positive and below 1e"),
        ({"net": "lenet"}, SettingsError, r"lenet takes images of \(channels, height, width\).*not \(5,\)"),
        ({"fields": {"label_gradient_step": 1e300}}, NonFiniteLossError, "at step 1; try a smaller"),
    ],
)
def test_train_refuses_what_cannot_work(wrong: dict[str, Any], kind: type[CrossGradError], message: str) -> None:
    with pytest.raises(kind, match=message):
        crossgrad.train(vectors(), **{"max_steps": 2, **wrong})


# Folders


def test_a_saved_model_is_two_files_and_nothing_beside_them(saved: Path) -> None:
    assert sorted(os.listdir(saved)) == [DESCRIPTION, WEIGHTS]
    assert os.listdir(saved.parent) == [saved.name]
    description = json.loads((saved / DESCRIPTION).read_text())
    assert description["version"] == MODEL_VERSION
    assert description["label_names"] == list(LABELS)
    assert description["building"]["net"] == "mlp"
    assert description["card"]["training_domains"].keys() == set(DOMAINS)


def test_a_model_is_saved_over_another_only_if_asked(model: Model, saved: Path) -> None:
    before = (saved / DESCRIPTION).read_bytes()
    with pytest.raises(ModelError, match="holds a model already; give another --output, or --overwrite"):
        save(model, saved)
    assert (saved / DESCRIPTION).read_bytes() == before
    other = crossgrad.train(vectors(), method="erm", max_steps=1)
    save(other, saved, overwrite=True)
    assert load(saved).card["method"] == "erm"
    assert os.listdir(saved.parent) == [saved.name]


@pytest.mark.parametrize("overwrite", [False, True])
def test_something_other_than_a_model_is_never_replaced(model: Model, saved: Path, overwrite: bool) -> None:
    (saved / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match="holds something other than a model; give another --output"):
        save(model, saved, overwrite=overwrite)
    with pytest.raises(ModelError, match="is a file; give another --output"):
        save(model, saved / "notes.txt", overwrite=overwrite)
    assert (saved / "notes.txt").read_text() == "mine"
    assert load(saved).label_names == LABELS  # what lies beside it is passed over


@pytest.mark.parametrize("name", ["checkpoints/epoch=3.ckpt", "checkpoints/sub/x.pt", "log.jsonl", "notes.txt"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_no_training_left_in_the_place_of_one_is_never_deleted(
    model: Model, tmp_path: Path, name: str, overwrite: bool
) -> None:
    mine = tmp_path / "model" / "training" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(ModelError, match="is nothing that a training leaves; give another --output"):
        save(model, tmp_path / "model", overwrite=overwrite)
    assert mine.read_text() == "mine"


def test_what_a_training_left_is_no_hindrance_to_saving(tmp_path: Path) -> None:
    folder = tmp_path / "model" / "training"
    made = crossgrad.train(vectors(), method="erm", max_steps=4, folder=folder, checkpoint_every=2)
    (folder / ".lock").touch()
    (folder / ".log.jsonl.12345.tmp").touch()
    (folder / "checkpoints" / ".step-00000006.12345.partial").mkdir()
    save(made, tmp_path / "model")
    assert sorted(path.name for path in folder.iterdir()) == [".log.jsonl.12345.tmp", "log.jsonl"]


def test_a_model_is_saved_into_the_empty_working_folder(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    save(model, Path("."))
    assert load(tmp_path / "empty").label_names == LABELS


def test_what_a_killed_save_left_stands_in_nobodys_way_and_goes_with_the_next(model: Model, tmp_path: Path) -> None:
    for name in (WEIGHTS, DESCRIPTION):
        (tmp_path / f".{name}.12345.tmp").write_bytes(b"half")
    check_writable(tmp_path, overwrite=False)
    save(model, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [DESCRIPTION, WEIGHTS]


def test_a_place_that_cannot_be_written_to_is_refused_before_training(model: Model, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file" / "model", Path("/proc/model")):
        with pytest.raises(ModelError, match="cannot write a model to "):
            check_writable(folder, overwrite=False)
        with pytest.raises(ModelError, match="cannot write a model to "):
            save(model, folder)
    check_writable(tmp_path / "new" / "model", overwrite=False)
    assert not (tmp_path / "new" / "model").exists()


def test_a_save_that_fails_halfway_leaves_the_old_model_and_no_half_of_a_new_one(model: Model, saved: Path) -> None:
    broken = Model(**{**vars(model), "card": {"when": object()}})
    with pytest.raises(TypeError, match="not JSON serializable"):
        save(broken, saved, overwrite=True)
    assert os.listdir(saved.parent) == [saved.name]
    assert load(saved).card == model.card


def altered(content: bytes, position: int, bit: int) -> bytes:
    return content[:position] + bytes([content[position] ^ bit]) + content[position + 1 :]


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS])
def test_an_altered_byte_is_told_or_changes_no_prediction(saved: Path, model: Model, name: str) -> None:
    inputs = vectors(5, seed=3).inputs
    expected = model.predict(inputs).probabilities
    whole = (saved / name).read_bytes()
    told = 0
    stride = 10 if name == DESCRIPTION else len(whole) // 150
    positions = {*range(0, len(whole), stride), *range(16), len(whole) - 1}
    for count, position in enumerate(sorted(positions)):
        (saved / name).write_bytes(altered(whole, position, 1 << count % 8))
        try:
            loaded = load(saved)
        except ModelError:
            told += 1
        else:  # white space between the fields of the description
            np.testing.assert_array_equal(loaded.predict(inputs).probabilities, expected)
    assert told > (0.7 if name == DESCRIPTION else 0.999) * len(positions)


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS])
def test_a_truncated_model_is_refused(saved: Path, name: str) -> None:
    whole = (saved / name).read_bytes()
    for length in (0, 1, 7, 8, 9, len(whole) // 2, len(whole) - 2):
        (saved / name).write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"is truncated or (altered|no model's description)"):
            load(saved)


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(ModelError, match=rf"no model at '.*': No such file or directory \(.*{name}\)"):
        load(saved)
    (saved / name).mkdir()
    with pytest.raises(ModelError, match="no model at"):
        load(saved)
    shutil.rmtree(saved)
    with pytest.raises(ModelError, match="no model at"):
        load(saved)


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"null", b'"version"', b"{}", b'{"version": 1}', b"[" * 99_999])
def test_a_description_that_is_none_is_refused(saved: Path, content: bytes) -> None:
    (saved / DESCRIPTION).write_bytes(content)
    with pytest.raises(ModelError, match="is truncated or no model's description"):
        load(saved)


def rewrite(folder: Path, change: Any) -> None:
    """Change a description and sign it anew, as somebody may who knows how."""
    description = json.loads((folder / DESCRIPTION).read_text())
    del description["sha256"]
    change(description)
    text = json.dumps(description, sort_keys=True)
    description["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / DESCRIPTION).write_text(json.dumps(description))


def test_a_model_of_a_newer_version_is_refused(saved: Path) -> None:
    rewrite(saved, lambda description: description.update(version=MODEL_VERSION + 1, novelty="of the future"))
    with pytest.raises(ModelError, match=rf"of format {MODEL_VERSION + 1}, this crossgrad reads up to .* upgrade"):
        load(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda description: description.pop("building"),
        lambda description: description.update(building=None),
        lambda description: description.update(building={"net": "mlp"}),
        lambda description: description["building"].update(net="lenet"),
        lambda description: description["building"].update(net=5),
        lambda description: description["building"].update(n_labels=7),
        lambda description: description["building"].update(method="no such"),
        lambda description: description["building"].update(fields={"no": "such"}),
        lambda description: description["building"].update(input_shape=[-1]),
        lambda description: description["building"].update(input_shape="wide"),
        lambda description: description["building"].update(seed="first"),
        lambda description: description.pop("scaling"),
        lambda description: description.update(scaling={"mean": ["a"], "std": [1.0]}),
        lambda description: description.update(label_names=None),
        lambda description: description.update(decoding={"image_size": 0, "channels": 1}),
        lambda description: description.pop("card"),
    ],
)
def test_a_description_that_does_not_fit_its_weights_is_refused_even_if_signed(saved: Path, change: Any) -> None:
    rewrite(saved, change)
    with pytest.raises(ModelError, match="cannot load '"):
        load(saved)


def test_the_code_of_ones_own_net_runs_only_if_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: Path
) -> None:
    (tmp_path / "own_model_trunk.py").write_text(
        "import pathlib\n"
        "from torch import nn\n"
        "pathlib.Path(__file__).with_suffix('.ran').touch()\n"
        "def trunk(input_shape):\n"
        "    return nn.Flatten()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    made = crossgrad.train(vectors(), method="erm", net="own_model_trunk:trunk", max_steps=2)
    folder = save(made, tmp_path / "own")
    monkeypatch.delitem(sys.modules, "own_model_trunk")
    (tmp_path / "own_model_trunk.ran").unlink()
    with pytest.raises(ModelError, match=r"a net of its own, 'own_model_trunk:trunk': .*--allow-import"):
        load(folder)
    assert not (tmp_path / "own_model_trunk.ran").exists()
    inputs = vectors(5, seed=4).inputs
    found = load(folder, allow_import=True).predict(inputs).probabilities
    np.testing.assert_array_equal(found, made.predict(inputs).probabilities)
    (tmp_path / "own_model_trunk.py").unlink()
    monkeypatch.delitem(sys.modules, "own_model_trunk")
    with pytest.raises(ModelError, match="no trunk at 'own_model_trunk:trunk'"):
        load(folder, allow_import=True)


def test_transparent_pictures_of_any_size_are_read_as_in_training(picture_model: Model, tmp_path: Path) -> None:
    file = tmp_path / "wide.png"
    Image.new("RGBA", (31, 4), (250, 250, 250, 128)).save(file)
    assert picture_model.predict([file]).labels == (LABELS[1],)  # the bright ones


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self, input_shape: Sequence[int]) -> None:
        super().__init__()
        (n,) = input_shape
        self.first, self.second = nn.Linear(n, n), nn.Linear(n, n)
        self.second.weight = self.first.weight

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.second(torch.relu(self.first(inputs)))
        return outputs


def test_a_model_of_tied_weights_is_saved_and_loaded(tmp_path: Path) -> None:
    tied = crossgrad.train(vectors(), method="erm", net="test_model:Tied", max_steps=2)
    again = load(save(tied, tmp_path / "model"), allow_import=True)
    inputs = vectors().inputs
    assert np.array_equal(again.predict(inputs).probabilities, tied.predict(inputs).probabilities)


class Expanded(nn.Module):
    """Its buffer is one number in memory, seen four times."""

    def __init__(self, input_shape: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(1).expand(*input_shape), persistent=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = inputs * self.scale
        return outputs


def test_a_net_with_an_expanded_buffer_is_trained(tmp_path: Path) -> None:
    made = crossgrad.train(vectors(), net="test_model:Expanded", max_steps=2)
    inputs = vectors().inputs
    batch = Batch(inputs[:4], vectors().labels[:4], vectors().domains[:4])
    assert made.method.perturbed(batch).keys() == {"domain_perturbed", "label_perturbed"}
    again = load(save(made, tmp_path / "model"), allow_import=True)
    assert np.array_equal(again.predict(inputs).probabilities, made.predict(inputs).probabilities)
