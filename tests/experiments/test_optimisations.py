from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crossgrad.data import split
from crossgrad.errors import SettingsError
from crossgrad.experiments.early_stopping import check_early_stopping
from crossgrad.experiments.optimisations import OPTIMISATIONS, with_optimisation
from crossgrad.experiments.performing import perform
from crossgrad.experiments.run_training import train_method
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.training.rmsprop_tf import RMSpropTF
from small import images


def run(**settings: object) -> Run:
    given = Settings.of({"max_steps": 30, "batch_size": 16, **settings})
    return Run(("barn",), "crossgrad", "mlp", 0, given.for_method("crossgrad", {}))


def trained_weights(**settings: object) -> torch.Tensor:
    data, one = images(), run(**settings)
    method = train_method(data, one.split(data), one).method
    return torch.cat([parameter.detach().flatten() for parameter in method.parameters()])


@pytest.mark.parametrize("name", OPTIMISATIONS)
def test_every_named_optimisation_trains(name: str, tmp_path: Path) -> None:
    record = perform(run(**OPTIMISATIONS[name] | {"max_steps": 30}), images(), tmp_path)
    assert record["error"] is None
    assert record["losses"]["last"]["label_loss"] < 1.2 * record["losses"]["first"]["label_loss"]
    assert record["settings"].items() >= (OPTIMISATIONS[name] | {"max_steps": 30}).items()


def test_the_authors_optimiser_is_theirs() -> None:
    """Each number as train_image_classifier.py and lenet_run.sh have it."""
    settings = Settings.of(OPTIMISATIONS["authors-code"])
    optimizer = settings.make_optimizer([torch.nn.Parameter(torch.zeros(1))])
    assert type(optimizer) is RMSpropTF
    (group,) = optimizer.param_groups
    assert [group[name] for name in ("lr", "decay", "momentum", "epsilon", "weight_decay")] == [0.02, 0.9, 0.9, 1, 4e-5]
    clip = settings.make_clip()
    assert clip is not None
    assert (clip.value, clip.norm) == (0.1, None)
    assert (settings.decay, settings.decay_epochs, settings.batch_size, settings.max_steps) == (0.94, 2.0, 32, 50_000)


def test_what_is_given_goes_before_a_named_optimisation_and_a_schedule_before_all_of_its_schedule() -> None:
    found = with_optimisation("authors-code", {"max_steps": 10, "clip_value": 1.0})
    assert found == OPTIMISATIONS["authors-code"] | {"max_steps": 10, "clip_value": 1.0}
    constant = with_optimisation("authors-code", {"schedule": "constant"})
    assert (
        Settings.of(constant).make_schedule(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))]), n_examples=9) is None
    )
    assert with_optimisation(None, {"average": 0.5}) == {"average": 0.5}
    with pytest.raises(SettingsError, match="no optimisation 'author-code'; did you mean 'authors-code'"):
        with_optimisation("author-code", {})


@pytest.mark.parametrize(
    "setting",
    [
        {"optimizer": "sgd_momentum"},
        {"optimizer": "rmsprop_tf"},
        {"schedule": "cosine"},
        {"schedule": "step", "decay": 0.5, "decay_epochs": 1.0},
        {"warmup_steps": 10},
        {"clip_value": 1e-3, "optimizer": "sgd"},
        {"clip_norm": 1e-3, "optimizer": "sgd"},
        {"average": 0.9},
        {"patience": 1, "score_every": 5},
        {"precision": "bf16"},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_every_setting_changes_the_weights(setting: dict[str, object]) -> None:
    without = {name: value for name, value in setting.items() if name == "optimizer" and "clip" in str(setting)}
    assert not torch.equal(trained_weights(**setting), trained_weights(**without))


def test_early_stopping_keeps_the_weights_of_the_best_in_domain_accuracy_and_the_held_out_domain_has_no_part_in_it(
    tmp_path: Path,
) -> None:
    data = images()
    stopped = perform(run(patience=2, score_every=5, max_steps=200, learning_rate=0.003), data, tmp_path)
    plain = perform(run(max_steps=200, learning_rate=0.003), data, tmp_path)
    assert stopped["in_domain"]["accuracy"] >= plain["in_domain"]["accuracy"]
    other = data.labels.clone()
    other[data.domains == 1] = 0  # barn's
    relabelled = perform(
        run(patience=2, score_every=5, max_steps=200, learning_rate=0.003), replace(data, labels=other), tmp_path
    )
    assert relabelled["in_domain"] == stopped["in_domain"]
    assert relabelled["losses"] == stopped["losses"]


def test_patience_is_refused_where_no_example_is_left_to_measure_on() -> None:
    data = images(24).subset([0, 3, 7, 10])  # one example a domain
    parts = split(data, ("barn",), in_domain_fraction=0.01, seed=0)
    assert len(parts.in_domain) == 0
    settings = Settings(patience=2, in_domain_fraction=0.01)
    with pytest.raises(SettingsError, match=r"an in_domain_fraction of 0\.01 leaves none .* give a larger one"):
        check_early_stopping(settings, parts)
    check_early_stopping(Settings(), parts)
    with pytest.raises(SettingsError, match="patience needs examples"):
        train_method(data, parts, run(patience=2, in_domain_fraction=0.01))
