import json
import math
from typing import Any

import pytest
import torch

from crossgrad.errors import SettingsError
from crossgrad.experiments.settings import OF_THE_FIRST_RECORDS, OPTIMIZERS, Settings, parse_overrides
from crossgrad.methods import PRESETS
from crossgrad.training.devices import resolve_device


def test_settings_go_to_json_and_back() -> None:
    settings = Settings(max_steps=7, learning_rate=0.5, fields={"label_weight": 0.25, "clip": None})
    assert Settings(**json.loads(json.dumps(settings.to_json()))) == settings


def test_settings_of_every_kind_go_to_json_and_back() -> None:
    settings = Settings(
        schedule="step",
        warmup_steps=5,
        decay=0.94,
        decay_epochs=2,
        clip_value=0.1,
        clip_norm=1,
        patience=3,
        score_every=50,
        average=0.99,
        precision="bf16",
        balanced=True,
    )
    assert Settings(**json.loads(json.dumps(settings.to_json()))) == settings


def test_settings_that_came_later_are_told_only_where_they_are_not_at_their_defaults() -> None:
    assert set(Settings().to_json()) == set(OF_THE_FIRST_RECORDS)
    changed = Settings(average=0.9, precision="bf16").to_json()
    assert set(changed) == {*OF_THE_FIRST_RECORDS, "average", "precision"}


def test_fields_that_came_later_are_told_only_where_they_are_not_at_their_defaults() -> None:
    asked = {"label_weight": 0.25, "mixing": "losses"}
    assert "mixing" not in Settings().for_method("crossgrad", asked).fields
    assert Settings().for_method("crossgrad", asked) == Settings().for_method("crossgrad", {"label_weight": 0.25})
    assert Settings().for_method("crossgrad", {"mixing": "examples"}).fields["mixing"] == "examples"


def test_an_unknown_domain_net_is_refused() -> None:
    with pytest.raises(SettingsError, match="no net 'lennet'; did you mean 'lenet'"):
        Settings(domain_net="lennet")


def test_auto_is_resolved_to_the_device_that_there_is() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert Settings(device="auto").device == expected
    assert Settings(device="auto").to_json() == Settings(device=expected).to_json()


def test_a_pass_over_the_examples_is_so_many_steps_as_in_the_papers_code() -> None:
    settings = Settings(schedule="step", decay=0.5, decay_epochs=2.0, batch_size=32, learning_rate=1.0, max_steps=100)
    optimizer = settings.make_optimizer([torch.nn.Parameter(torch.zeros(1))])
    schedule = settings.make_schedule(optimizer, n_examples=100)
    assert schedule is not None
    rates = []
    for _ in range(13):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == [1.0] * 6 + [0.5] * 6 + [0.25]  # int(100 / 32 * 2) is 6


def test_nothing_is_made_of_settings_at_their_defaults() -> None:
    settings = Settings()
    optimizer = settings.make_optimizer([torch.nn.Parameter(torch.zeros(1))])
    assert type(optimizer) is torch.optim.Adam
    assert settings.make_schedule(optimizer, n_examples=100) is None
    assert settings.make_clip() is None
    assert settings.make_average() is None


def test_momentum_is_what_its_name_says() -> None:
    optimizer = Settings(optimizer="sgd_momentum").make_optimizer([torch.nn.Parameter(torch.zeros(1))])
    assert optimizer.param_groups[0]["momentum"] == 0.9


def test_a_methods_fields_are_written_out_with_their_defaults() -> None:
    settings = Settings(max_steps=7).for_method("dann", {"reversal": 0.5})
    assert dict(settings.fields) == {"reversal": 0.5, "schedule_rate": 10.0}
    assert settings.max_steps == 7


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_learning_rate_and_weight_decay_reach_every_optimiser(name: str) -> None:
    settings = Settings(optimizer=name, learning_rate=0.25, weight_decay=0.125)
    (group,) = settings.make_optimizer([torch.nn.Parameter(torch.zeros(1))]).param_groups
    assert (group["lr"], group["weight_decay"]) == (0.25, 0.125)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_steps": 0}, "max_steps is a whole number of at least 1, not 0"),
        ({"batch_size": -1}, "batch_size is a whole number of at least 1, not -1"),
        ({"threads": 0}, "threads is a whole number of at least 1, not 0"),
        ({"learning_rate": 0.0}, r"learning_rate is a number, positive and below 1e\+35, not 0.0"),
        ({"learning_rate": math.inf}, r"learning_rate is a number, positive and below 1e\+35, not inf"),
        ({"learning_rate": math.nan}, r"learning_rate is a number, positive and below 1e\+35, not nan"),
        ({"learning_rate": 1e38}, r"learning_rate is a number, positive and below 1e\+35, not 1e\+38"),
        ({"weight_decay": -0.1}, "weight_decay is a number, at least 0 and finite, not -0.1"),
        ({"dropout": 1.0}, "dropout is a number, at least 0 and below 1, not 1.0"),
        ({"in_domain_fraction": 1.0}, "in_domain_fraction is a number, at least 0 and below 1, not 1.0"),
        ({"optimizer": "addam"}, "no optimizer 'addam'; did you mean 'adam'"),
        ({"schedule": "cosinus"}, "no schedule 'cosinus'; did you mean 'cosine'"),
        ({"warmup_steps": -1}, "warmup_steps is a whole number of at least 0, not -1"),
        ({"warmup_steps": 10, "max_steps": 10}, "warmup_steps is below max_steps, 10, not 10"),
        ({"schedule": "step", "decay": 0.5}, "the schedule step needs decay and decay_epochs, such as 0.94 and 2"),
        ({"schedule": "cosine", "decay": 0.5}, "decay is of the schedule step, and the schedule is cosine"),
        ({"decay_epochs": 2.0}, "decay_epochs is of the schedule step, and the schedule is constant"),
        ({"schedule": "step", "decay": 1.0}, "decay is a number above 0, below 1, not 1.0"),
        ({"clip_value": 0.0}, "clip_value is a number above 0, finite, not 0.0"),
        ({"clip_norm": math.nan}, "clip_norm is a number above 0, finite, not nan"),
        ({"average": 1.0}, "average is a number above 0, below 1, not 1.0"),
        ({"patience": 0}, "patience is a whole number of at least 1, not 0"),
        ({"score_every": 50}, "score_every is of early stopping; give patience too"),
        ({"patience": 1, "in_domain_fraction": 0.0}, "with an in_domain_fraction of 0 there are none"),
        ({"precision": "fp16"}, "there is no precision 'fp16': .* input gradient .* give 'bf16'"),
        ({"device": "gpu"}, "device is cpu, cuda, cuda:N or auto, not 'gpu'"),
        ({"device": "cuda:x"}, "device is cpu, cuda, cuda:N or auto, not 'cuda:x'"),
        ({"device": "cuda:99"}, "there (is|are) .* CUDA devices? here, so not 'cuda:99'; give cpu or auto"),
        ({"scaling": "standardize"}, "no scaling 'standardize'; did you mean 'standardise'"),
    ],
)
def test_settings_that_make_no_sense_are_refused_and_quoted(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings(**wrong)


def test_overrides_are_read_in_order_and_a_preset_can_be_changed_afterwards() -> None:
    found = parse_overrides(
        ["crossgrad.clip=9", "crossgrad.preset=dassl", "crossgrad.label_weight=0.1", "dan.reversal=2"]
    )
    assert found == {"crossgrad": PRESETS["dassl"] | {"label_weight": 0.1}, "dann": {"reversal": 2.0}}
    assert PRESETS["dassl"]["label_weight"] == 0.5
    assert parse_overrides([]) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("crossgrad.label_weight", "write METHOD.FIELD=VALUE, such as .*, not 'crossgrad.label_weight'"),
        ("label_weight=0.5", "write METHOD.FIELD=VALUE, such as .*, not 'label_weight=0.5'"),
        ("crossgard.label_weight=0.5", "no method 'crossgard'; did you mean 'crossgrad'"),
        ("crossgrad.labelweight=0.5", "no field of crossgrad 'labelweight'; did you mean 'label_weight'"),
        ("crossgrad.label_weight=much", "crossgrad.label_weight is a number, not 'much'"),
        ("crossgrad.preset=papr", "no preset 'papr'; did you mean 'paper'"),
        ("erm.preset=paper", "erm has no presets, only crossgrad has: paper, "),
    ],
)
def test_an_override_that_cannot_be_read_is_quoted(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_overrides([text])


def test_torchs_own_device_is_taken_by_its_name_and_nothing_else_that_is_no_text() -> None:
    assert resolve_device(torch.device("cpu")) == "cpu"
    for wrong in (None, 0):
        with pytest.raises(SettingsError, match=f"device is cpu, cuda, cuda:N or auto, not {wrong}"):
            resolve_device(wrong)
