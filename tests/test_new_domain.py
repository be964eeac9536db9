"""Unlabelled inputs of a new domain in train(), in the classifier and on the command line."""

from pathlib import Path

import numpy as np
import pytest
import torch

import crossgrad
from commands import Command
from crossgrad import CrossGradClassifier
from crossgrad.comparison import plan
from crossgrad.data import open_dataset, with_unlabelled
from crossgrad.errors import CheckpointError, SettingsError
from crossgrad.experiments.chosen import read_chosen
from crossgrad.experiments.grids import Dimension
from crossgrad.experiments.settings import Settings
from crossgrad.experiments.watched import baseline_of
from crossgrad.integrations.model_card import model_card
from crossgrad.methods import METHODS
from crossgrad.sweeping import sweep
from small import save_arrays, save_pictures, vectors

pytestmark = pytest.mark.filterwarnings("ignore::crossgrad.errors.TrainingWarning")

NEW = vectors(30, seed=5).inputs + 20


def test_the_domain_net_tells_one_domain_more_and_nothing_is_measured_on_it() -> None:
    model = crossgrad.train(vectors(), max_steps=60, unlabelled=NEW, unlabelled_domain="shed")
    plain = crossgrad.train(vectors(), max_steps=60)
    assert (model.building["n_domains"], plain.building["n_domains"]) == (5, 4)
    assert model.card["training_domains"] == plain.card["training_domains"] | {"shed": 30}
    assert model.card["unlabelled"] == {"domain": "shed", "n": 30}
    assert "unlabelled" not in plain.card
    assert model.card["in_domain"]["n"] == plain.card["in_domain"]["n"]
    assert "shed" not in model.card["in_domain"]["by_domain"]
    assert "30 of them, of shed, have no label." in model_card(model)
    inputs = model.scaling.apply(NEW)
    assert (model.method.domain_net(inputs).argmax(1) == 4).float().mean() > 0.9  # type: ignore[operator]


def test_settings_that_were_chosen_without_them_serve_with_them_and_not_with_other_data(tmp_path: Path) -> None:
    grid = [Dimension(("learning_rate",), (0.001, 0.01))]
    sweep(vectors(), output=tmp_path / "swept", method="crossgrad", grid=grid, max_steps=2, jobs=1)
    chosen = read_chosen(tmp_path / "swept")
    model = crossgrad.train(vectors(), chosen=chosen, unlabelled=NEW)
    assert model.card["settings"]["learning_rate"] == chosen.choice_for([]).settings["learning_rate"]
    with pytest.raises(SettingsError, match="other data of the same name"):
        crossgrad.train(vectors(seed=1), chosen=chosen, unlabelled=NEW)


def test_they_count_where_inputs_are_standardised() -> None:
    model = crossgrad.train(vectors(), max_steps=1, unlabelled=NEW, in_domain_fraction=0.0)
    inputs = torch.cat([vectors().inputs, NEW])
    torch.testing.assert_close(model.scaling.mean, inputs.mean(0))


def test_the_label_net_knows_nothing_of_them_where_no_perturbation_reaches_it() -> None:
    fields = {"label_weight": 0.0}
    one, other = (
        crossgrad.train(vectors(), max_steps=20, unlabelled=NEW + shift, fields=fields, scaling="none")
        for shift in (0, 7)
    )
    expected = one.method.label_net.state_dict()  # type: ignore[union-attr]
    torch.testing.assert_close(other.method.label_net.state_dict(), expected, rtol=0, atol=0)  # type: ignore[union-attr]


@pytest.mark.parametrize("method", METHODS)
def test_methods_without_a_domain_net_refuse_them_and_name_those_with_one(method: str) -> None:
    if METHODS[method].TAKES_UNLABELLED:
        assert crossgrad.train(vectors(), method=method, max_steps=1, unlabelled=NEW).card["unlabelled"]["n"] == 30
        return
    message = "those that have one are dann, crossgrad, crossgrad_separate, hybrid, random"
    with pytest.raises(SettingsError, match=message):
        crossgrad.train(vectors(), method=method, max_steps=1, unlabelled=NEW)
    with pytest.raises(SettingsError, match=message):
        plan(with_unlabelled(vectors(), NEW), output="unused", methods=[method] if method != "erm_matched" else ["erm"])


def test_a_training_is_not_taken_up_with_others(tmp_path: Path) -> None:
    resumed_from: list[int] = []

    def train(unlabelled: torch.Tensor) -> crossgrad.Model:
        return crossgrad.train(
            vectors(),
            max_steps=6,
            unlabelled=unlabelled,
            folder=tmp_path,
            checkpoint_every=3,
            resumed=resumed_from.append,
        )

    first, again = train(NEW), train(NEW)
    assert resumed_from == [3]
    torch.testing.assert_close(again.method.state_dict(), first.method.state_dict(), rtol=0, atol=0)
    with pytest.raises(CheckpointError):
        train(NEW + 1)


def test_a_saved_model_needs_them_no_more(tmp_path: Path) -> None:
    model = crossgrad.train(vectors(), method="dann", max_steps=3, unlabelled=NEW)
    crossgrad.save(model, tmp_path / "model")
    loaded = crossgrad.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(NEW).probabilities, model.predict(NEW).probabilities)
    assert loaded.card["unlabelled"] == {"domain": "unlabelled", "n": 30}


def test_guessing_is_judged_by_labels_that_are_there_and_domains_of_all() -> None:
    from crossgrad.data import random_split, training_set

    dataset = with_unlabelled(vectors(), torch.zeros(24, 5))
    train = training_set(dataset, random_split(dataset, in_domain_fraction=0, seed=0))
    for balanced in (False, True):
        baseline = baseline_of(train, Settings(balanced=balanced))
        assert baseline.label_chance == pytest.approx(1 / 3)
        assert baseline.domain_chance == pytest.approx(1 / 5)


def test_the_classifier_trains_as_train_does() -> None:
    dataset = vectors()
    inputs, y = dataset.inputs.numpy(), dataset.labels.numpy()
    classifier = CrossGradClassifier(max_steps=5, random_state=3)
    fitted = classifier.fit(inputs, y, dataset.domains.numpy(), unlabelled=NEW.numpy())
    model = crossgrad.train(dataset, seed=3, max_steps=5, unlabelled=NEW, in_domain_fraction=0.0)
    np.testing.assert_array_equal(fitted.predict_proba(NEW.numpy()), model.predict(NEW).probabilities)
    with pytest.raises(ValueError, match="features"):
        CrossGradClassifier(max_steps=1).fit(inputs, y, dataset.domains.numpy(), unlabelled=inputs[:, :3])
    with pytest.raises(SettingsError, match="erm has no net that tells domains"):
        CrossGradClassifier("erm", max_steps=1).fit(inputs, y, dataset.domains.numpy(), unlabelled=inputs)


def test_a_warm_start_goes_on_with_them_alone() -> None:
    dataset = vectors()
    inputs, y, domains = dataset.inputs.numpy(), dataset.labels.numpy(), dataset.domains.numpy()
    classifier = CrossGradClassifier(max_steps=2, random_state=0, warm_start=True)
    classifier.fit(inputs, y, domains, unlabelled=NEW.numpy()).fit(inputs, y, domains, unlabelled=NEW.numpy() + 1)
    with pytest.raises(SettingsError, match="domains of the fit before"):
        classifier.fit(inputs, y, domains)


def test_the_command_trains_as_the_library_would(command: Command, tmp_path: Path) -> None:
    save_pictures(tmp_path / "known")
    files = save_pictures(tmp_path / "new", domains=1, seed=4)
    options = ("known", "--max-steps", "2", "--image-size", "16", "--unlabelled")
    done = command("train", *options, "new", "--unlabelled-domain", "shed", "--output", "model")
    assert done.code == 0
    assert "on 3 domains, and 6 examples without a label" in done.err
    expected = crossgrad.train(
        open_dataset("known", image_size=16),
        max_steps=2,
        unlabelled=sorted(str(file.relative_to(tmp_path)) for file in files),
        unlabelled_domain="shed",
    )
    assert crossgrad.load("model").card == expected.card
    each = [argument for file in sorted(files) for argument in ("--unlabelled", str(file))]
    done = command("train", *options[:-1], *each, "--unlabelled-domain", "shed", "--output", "other")
    assert crossgrad.load("other").card["fingerprint"] == expected.card["fingerprint"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--unlabelled", "vectors.npz", "--method", "erm"), "erm has no net that tells domains"),
        (("--unlabelled", "absent"), "no such file or folder: 'absent'"),
        (("--unlabelled-domain", "shed"), "give both"),
    ],
)
def test_the_command_tells_a_mistake_before_it_begins(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    save_arrays(vectors(), tmp_path / "vectors.npz")
    done = command("train", "vectors.npz", *arguments, "--max-steps", "2", "--output", "model")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not Path("model").exists()
