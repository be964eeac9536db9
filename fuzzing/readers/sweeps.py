"""What a sweep chose, and its plan."""

import json
from functools import cache
from pathlib import Path

from fuzzing.mutation import as_json
from fuzzing.target import Target, altered_json_file, written


@cache
def _choices() -> tuple[bytes, ...]:
    fields = {
        "domain_gradient_step": "calibrated:0.5",
        "label_gradient_step": 1.0,
        "domain_weight": 0.5,
        "label_weight": 0.5,
    }
    settings = {
        "max_steps": 50,
        "batch_size": 8,
        "learning_rate": 0.01,
        "optimizer": "adam",
        "scaling": "auto",
        "balanced": True,
    }
    choice = {"held_out": [], "settings": settings, "fields": fields, "accuracy": 0.8, "standard_error": 0.01}
    chosen = {
        "version": 1,
        "method": "crossgrad",
        "dataset": "fuzz",
        "net": "mlp",
        "select": "held-out",
        "how": "of 4",
        "choices": [choice],
    }
    return (as_json(chosen),)


def _read_chosen(content: bytes, folder: Path) -> object:
    from crossgrad.building import build_method
    from crossgrad.experiments.chosen import read_chosen
    from crossgrad.experiments.settings import Settings

    chosen = read_chosen(written(folder / "chosen.json", content))
    choice = chosen.choice_for(())
    settings = Settings.of(choice.settings).for_method(chosen.method, choice.fields)
    json.dumps(settings.to_json())
    if ":" in chosen.net:  # as in `--net`, that of somebody's own is imported
        return settings
    return build_method(
        chosen.method, net=chosen.net, input_shape=(3,), n_labels=2, n_domains=2, fields=settings.fields
    )


@cache
def _plans() -> tuple[bytes, ...]:
    asked = {"dataset": "fuzz", "method": "crossgrad", "net": "mlp", "seeds": [100]}
    points = [{"learning_rate": 0.01, "label_weight": 0.5}, {"learning_rate": 0.1, "label_weight": 0.25}]
    return (as_json({"version": 1, "asked": asked, "points": points, "seeds": [100], "dropped": ""}),)


def _read_plan(content: bytes, folder: Path) -> object:
    from crossgrad.sweeping.plan_file import PLAN, read_plan

    written(folder / PLAN, content)
    plan = read_plan(folder)
    assert plan is not None
    return plan["asked"] == {}, {"learning_rate": 0.1} in plan["points"], 100 in plan["seeds"], plan["dropped"].strip()


TARGETS = {
    "chosen.json": Target(_choices, altered_json_file, _read_chosen, 500),
    "plan.json": Target(_plans, altered_json_file, _read_plan, 400),
}
