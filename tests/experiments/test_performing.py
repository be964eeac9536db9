"""One run: what it may see of the domains it holds out (nothing), and what it leaves."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import crossgrad
from crossgrad.data import DomainDataset, Standardisation, split
from crossgrad.experiments.estimate import step_seconds
from crossgrad.experiments.performing import perform
from crossgrad.experiments.run_training import train_method
from crossgrad.experiments.runs import Run
from crossgrad.experiments.scaling import scaling_for
from crossgrad.experiments.settings import Settings
from crossgrad.methods import METHODS
from crossgrad.training import Stretch
from small import DOMAINS, images, lasting, predictions, vectors

HELD_OUT = ("barn",)
Poison = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def run(method: str = "crossgrad", *, net: str = "mlp", seed: int = 0, **settings: Any) -> Run:
    fields = settings.pop("fields", {})
    given = {"max_steps": 5, "batch_size": 16, "learning_rate": 0.01, "dropout": 0.2, **settings}
    return Run(HELD_OUT, method, net, seed, Settings(**given).for_method(method, fields))


def parts_of(dataset: DomainDataset, each: Run) -> Any:
    return split(dataset, each.held_out, in_domain_fraction=each.settings.in_domain_fraction, seed=each.seed)


# What is poisoned: inputs and labels of the held-out domain, in that order. NaN comes through every mean and maximum.
POISONS: dict[str, Poison] = {
    "huge": lambda inputs, labels: (1e6 * inputs, labels),
    "negative": lambda inputs, labels: (-3 - inputs, labels),
    "missing": lambda inputs, labels: (torch.full_like(inputs, torch.nan), labels),
    "mislabelled": lambda inputs, labels: (inputs, labels.roll(1)),
    "one label": lambda inputs, labels: (inputs.flip(0), torch.zeros_like(labels)),
}


def poisoned(dataset: DomainDataset, poison: Poison) -> DomainDataset:
    outside = dataset.domains == dataset.domain_names.index(HELD_OUT[0])
    inputs, labels = dataset.inputs.clone(), dataset.labels.clone()
    inputs[outside], labels[outside] = poison(inputs[outside], labels[outside])
    assert not torch.equal(inputs, dataset.inputs) or not torch.equal(labels, dataset.labels)
    return replace(dataset, inputs=inputs, labels=labels)


@pytest.mark.parametrize("poison", POISONS)
@pytest.mark.parametrize("make", [vectors, images])
@pytest.mark.parametrize("method", METHODS)
def test_no_held_out_domain_or_its_statistics_reach_training(
    method: str, make: Callable[[], DomainDataset], poison: str
) -> None:
    clean, each = make(), run(method, net="mlp" if make is vectors else "lenet", max_steps=3)
    trained = train_method(clean, parts_of(clean, each), each)
    dirty = poisoned(clean, POISONS[poison])
    again = train_method(dirty, parts_of(dirty, each), each)
    torch.testing.assert_close(again.method.state_dict(), trained.method.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(vars(again.scaling), vars(trained.scaling), rtol=0, atol=0)
    assert again.history == trained.history
    assert again.building == trained.building


@pytest.mark.parametrize("make", [vectors, images])
def test_nothing_recorded_of_the_training_domains_depends_on_the_held_out_one(
    make: Callable[[], DomainDataset], tmp_path: Path
) -> None:
    clean, each = make(), run()
    expected = lasting(perform(each, clean, tmp_path))
    for name in ("huge", "mislabelled"):
        dirty = poisoned(clean, POISONS[name])
        found = lasting(perform(each, dirty, tmp_path))
        for field in ("in_domain", "losses", "perturbation", "settings"):
            assert found[field] == expected[field]
        left = [tmp_path / "runs" / record["key"] for record in (expected, found)]
        assert (left[1] / "history.json").read_bytes() == (left[0] / "history.json").read_bytes()
        if make is images:
            first, second = (dict(np.load(folder / "gallery.npz")) for folder in left)
            np.testing.assert_equal(second, first)


def test_a_deployed_model_sees_nothing_of_domains_it_is_not_trained_on() -> None:
    def train(dataset: DomainDataset) -> crossgrad.Model:
        domains = [name for name in DOMAINS if name not in HELD_OUT]
        return crossgrad.train(dataset, domains=domains, max_steps=3)

    clean, dirty = train(vectors()), train(poisoned(vectors(), POISONS["huge"]))
    torch.testing.assert_close(dirty.method.state_dict(), clean.method.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(vars(dirty.scaling), vars(clean.scaling), rtol=0, atol=0)
    for field in ("in_domain", "losses", "training_domains"):
        assert dirty.card[field] == clean.card[field]


def test_scaling_is_by_what_was_asked_for_and_by_training_inputs() -> None:
    pictures, numbers = images().inputs, vectors().inputs

    def is_identity(scaling: Standardisation) -> bool:
        return torch.equal(scaling.apply(numbers), numbers)

    assert is_identity(scaling_for(Settings(), pictures))
    assert is_identity(scaling_for(Settings(scaling="none"), numbers))
    for scaling, inputs in (
        ("auto", numbers),
        ("auto", 2 * pictures),
        ("auto", pictures - 0.5),
        ("standardise", pictures),
    ):
        standardised = scaling_for(Settings(scaling=scaling), inputs).apply(inputs)
        assert standardised.mean().item() == pytest.approx(0, abs=1e-5)
        assert standardised.std().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_settings_and_seed_leave_the_same_record_and_predictions(method: str, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    records = [lasting(perform(run(method), images(), folder)) for folder in folders]
    torch.manual_seed(77)
    records.append(lasting(perform(run(method), images(), folders[1])))  # over what it left before
    assert records[0] == records[1] == records[2]
    assert predictions(folders[0]) == predictions(folders[1])
    other = lasting(perform(run(method, seed=1), images(), tmp_path / "c"))
    assert other["losses"] != records[0]["losses"]
    assert predictions(tmp_path / "c") != predictions(folders[0])


def test_a_record_says_everything_that_its_description_promises(tmp_path: Path) -> None:
    dataset, each = images(), run()
    record = perform(each, dataset, tmp_path, command="crossgrad compare images")
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert set(record) == {
        "version", "key", "dataset", "fingerprint", "n_examples", "labels", "domains", "held_out", "method", "net",
        "seed", "select", "settings", "max_steps", "out_of_domain", "in_domain", "training", "losses", "perturbation",
        "error", "seconds", "versions", "command",
    }  # fmt: skip
    assert record["held_out"] == ["barn"]
    assert record["max_steps"] == record["settings"]["max_steps"] == 5
    assert record["command"] == "crossgrad compare images"
    assert record["out_of_domain"]["n"] == 24
    assert list(record["out_of_domain"]["by_domain"]) == ["barn"]
    assert list(record["in_domain"]["by_domain"]) == ["attic", "cellar", "den"]
    assert set(record["losses"]["last"]) == {
        "label_loss", "perturbed_label_loss", "domain_loss", "perturbed_domain_loss",
    }  # fmt: skip
    assert set(record["perturbation"]) == {"l2", "linf", "input_l2"}
    assert 0 < record["perturbation"]["linf"] <= record["perturbation"]["l2"] < record["perturbation"]["input_l2"]
    assert perform(run("erm"), dataset, tmp_path)["perturbation"] is None

    if (told := Path("/proc/cpuinfo")).exists():
        assert record["versions"]["processor"] in told.read_text(encoding="utf-8")

    # What is recorded can be counted again from what is left beside it.
    left = dict(np.load(tmp_path / "runs" / record["key"] / "predictions.npz", allow_pickle=False))
    assert (left["label"] == dataset.labels[left["example"]].numpy()).all()
    assert set(left["domain"]) == {"barn"}
    assert np.mean(left["probabilities"].argmax(1) == left["label"]) == record["out_of_domain"]["accuracy"]
    history = json.loads((tmp_path / "runs" / record["key"] / "history.json").read_text())
    assert history["steps"] == [1, 2, 3, 4, 5]
    assert history["label_loss"][-1] == record["losses"]["last"]["label_loss"]
    gallery = dict(np.load(tmp_path / "runs" / record["key"] / "gallery.npz", allow_pickle=False))
    assert len(gallery["inputs"]) == 8
    assert set(gallery["domains"]) == {"attic", "cellar", "den"}
    assert gallery["domain_perturbed"].shape == gallery["label_perturbed"].shape == gallery["inputs"].shape


def test_a_run_without_examples_to_measure_in_domain_has_no_such_accuracy(tmp_path: Path) -> None:
    assert perform(run(in_domain_fraction=0.0), vectors(), tmp_path)["in_domain"] is None


def test_a_record_can_be_trained_again_from_what_it_says(tmp_path: Path) -> None:
    record = perform(run(), vectors(), tmp_path)
    again = Run(
        held_out=tuple(record["held_out"]),
        method=record["method"],
        net=record["net"],
        seed=record["seed"],
        settings=Settings(**record["settings"]),
        select=record["select"],
    )
    assert lasting(perform(again, vectors(), tmp_path / "again")) == lasting(record)


def test_a_loss_that_is_not_finite_ends_the_run_with_its_step_and_settings_in_the_record(tmp_path: Path) -> None:
    record = perform(run(fields={"label_gradient_step": 1e300}), vectors(), tmp_path)
    assert record["error"] == {
        "message": "perturbed_domain_loss became nan at step 1; try a smaller learning rate or a smaller step",
        "step": 1,
    }
    assert record["settings"]["fields"]["label_gradient_step"] == 1e300
    assert record["out_of_domain"] is record["in_domain"] is record["losses"] is record["perturbation"] is None
    assert not (tmp_path / "runs").exists()
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_each_run_trains_with_its_own_threads_and_leaves_torchs_as_they_were(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    seen = []

    def watch(stretch: Stretch) -> None:
        seen.append(torch.get_num_threads())

    perform(run(threads=threads + 1, max_steps=1), vectors(), tmp_path, watch=watch)
    perform(run(threads=threads + 1, max_steps=1, fields={"label_gradient_step": 1e300}), vectors(), tmp_path)
    assert seen == [threads + 1]
    assert torch.get_num_threads() == threads


def test_a_run_measures_with_its_own_threads_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "counting_trunk.py").write_text(
        "import torch\n"
        "seen = []\n"
        "class Trunk(torch.nn.Flatten):\n"
        "    def forward(self, inputs):\n"
        "        seen.append((torch.get_num_threads(), self.training))\n"
        "        return super().forward(inputs)\n"
        "def make(shape):\n"
        "    return Trunk()\n"
    )
    threads = torch.get_num_threads() + 1
    perform(run("erm", net="counting_trunk:make", threads=threads, max_steps=1), vectors(), tmp_path)
    import counting_trunk  # type: ignore[import-not-found]

    assert set(counting_trunk.seen) == {(threads, True), (threads, False)}


def test_an_update_that_ruins_the_net_at_the_last_step_is_an_error_of_the_run(tmp_path: Path) -> None:
    record = perform(run("erm", max_steps=1, learning_rate=9e34, optimizer="sgd"), vectors(), tmp_path)
    assert record["error"]["step"] == 1
    assert re.match(
        r"the largest logit became (inf|nan) at step 1; try a smaller learning rate", record["error"]["message"]
    )
    assert record["out_of_domain"] is None


def test_estimating_the_time_of_a_step_changes_nothing_of_torch() -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    runs = [run("erm"), run("crossgrad", threads=threads + 1, dropout=0.5), run("erm", seed=1)]
    seconds = step_seconds(runs, vectors())
    assert set(seconds) == {"erm", "crossgrad"}
    assert 0 < seconds["erm"] < seconds["crossgrad"]
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
