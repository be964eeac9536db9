import json
import math
from typing import Any

import pytest
import torch

from crossgrad.errors import SettingsError
from crossgrad.experiments.settings import OPTIMIZERS, Settings, parse_overrides
from crossgrad.methods import PRESETS


def test_settings_go_to_json_and_back() -> None:
    settings = Settings(max_steps=7, learning_rate=0.5, fields={"label_weight": 0.25, "clip": None})
    assert Settings(**json.loads(json.dumps(settings.to_json()))) == settings


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
        ({"learning_rate": 0.0}, "learning_rate is a number, positive and finite, not 0.0"),
        ({"learning_rate": math.inf}, "learning_rate is a number, positive and finite, not inf"),
        ({"learning_rate": math.nan}, "learning_rate is a number, positive and finite, not nan"),
        ({"weight_decay": -0.1}, "weight_decay is a number, at least 0 and finite, not -0.1"),
        ({"dropout": 1.0}, "dropout is a number, at least 0 and below 1, not 1.0"),
        ({"in_domain_fraction": 1.0}, "in_domain_fraction is a number, at least 0 and below 1, not 1.0"),
        ({"optimizer": "addam"}, "no optimizer 'addam'; did you mean 'adam'"),
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
