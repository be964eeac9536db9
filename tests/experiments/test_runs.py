import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from crossgrad.data import DomainDataset
from crossgrad.experiments.chosen import Choice, Chosen
from crossgrad.experiments.runs import CONTROLS, Run, plan_runs
from crossgrad.experiments.settings import Settings
from small import vectors


def run(**changes: Any) -> Run:
    given: dict[str, Any] = {"held_out": ("barn",), "method": "erm", "net": "mlp", "seed": 0, "settings": Settings()}
    return Run(**{**given, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"held_out": ("den",)},
        {"held_out": ("barn", "den")},
        {"method": "dann"},
        {"net": "conv2"},
        {"seed": 1},
        {"select": "held-out"},
        {"settings": Settings(max_steps=999)},
        {"settings": Settings(threads=2)},
        {"settings": Settings(scaling="none")},
        {"settings": Settings(fields={"reversal": 0.5})},
    ],
)
def test_a_runs_key_depends_on_everything_that_determines_it(changes: dict[str, Any]) -> None:
    dataset = vectors()
    assert run(**changes).key(dataset) != run().key(dataset)
    assert run().key(dataset) == run().key(vectors())


def test_a_runs_key_depends_on_the_data() -> None:
    dataset = vectors()
    inputs = dataset.inputs.clone()
    inputs[5, 3] += 1e-3
    others: list[DomainDataset] = [
        replace(dataset, inputs=inputs),
        replace(dataset, labels=dataset.labels.roll(1)),
        replace(dataset, domains=dataset.domains.roll(1)),
        replace(dataset, label_names=("cat", "dog", "elk")),
        replace(dataset, name="other"),
        dataset.subset(torch.arange(90)),
    ]
    assert len({run().key(each) for each in (dataset, *others)}) == 7


def test_runs_have_the_names_that_version_0_1_0_gave_them() -> None:
    """So a comparison that it began goes on. A setting or field that came later is not told where it is a default."""
    inputs = [[float(index % 7), float(index % 5)] for index in range(48)]
    labels, domains = [index % 2 for index in range(48)], [index // 16 for index in range(48)]
    dataset = DomainDataset.from_arrays(inputs, labels, domains, name="numbers")
    runs = plan_runs(
        folds=[("2",)],
        methods=["erm", "crossgrad"],
        seeds=[0],
        net="mlp",
        settings=Settings(max_steps=2),
        fields={},
        chosen={},
    )
    assert [run.key(dataset) for run in runs] == ["afa3b3d4be554aee", "44c856149a5967ca"]


def test_a_plan_is_every_method_on_every_group_with_every_seed_seeds_outermost() -> None:
    runs = plan_runs(
        folds=[("attic",), ("barn", "den")],
        methods=["erm", "dann"],
        seeds=[0, 5],
        net="mlp",
        settings=Settings(max_steps=3),
        fields={"dann": {"reversal": 0.5}},
        chosen={},
    )
    assert [(each.seed, each.held_out, each.method) for each in runs] == [
        (seed, group, method)
        for seed in (0, 5)
        for group in (("attic",), ("barn", "den"))
        for method in ("erm", "dann")
    ]
    assert all(each.settings.max_steps == 3 and each.select == "none" for each in runs)
    assert {each.settings.fields["reversal"] for each in runs if each.method == "dann"} == {0.5}


def test_what_is_asked_for_goes_before_settings_chosen_on_validation_domains() -> None:
    chosen = {
        "attic": {"dann": {"learning_rate": 0.5, "fields": {"reversal": 0.25}}},
        "barn": {"erm": {"dropout": 0.5}},
    }

    def reversals(asked: dict[str, dict[str, float]]) -> list[tuple[float, str]]:
        runs = plan_runs(
            folds=[("attic",), ("attic", "barn"), ("cellar",)],
            methods=["dann"],
            seeds=[0],
            net="mlp",
            settings=Settings(learning_rate=0.1),
            fields=asked,
            chosen=chosen,
        )
        assert [run.settings.learning_rate for run in runs] == [0.5, 0.1, 0.1]
        return [(run.settings.fields["reversal"], run.select) for run in runs]

    assert reversals({}) == [(0.25, "held-out"), (1.0, "none"), (1.0, "none")]
    # What is asked for goes before what was chosen; the learning rate is still the chosen one.
    assert reversals({"dann": {"reversal": 2.0}}) == [(2.0, "held-out"), (2.0, "none"), (2.0, "none")]


def test_controls_are_trained_with_what_was_chosen_for_crossgrad_or_with_their_own_choice() -> None:
    def planned(*methods: str, **swept: Chosen) -> dict[str, Settings]:
        runs = plan_runs(
            folds=[("attic",)],
            methods=methods,
            seeds=[0],
            net="mlp",
            settings=Settings(learning_rate=0.1),
            fields={},
            chosen={
                "attic": {"crossgrad": {"learning_rate": 0.5, "average": 0.9, "fields": {"domain_gradient_step": 2.0}}}
            },
            swept=swept,
        )
        assert {run.select for run in runs if run.method in CONTROLS} <= {"none", "held-out"}
        return {run.method: run.settings for run in runs}

    of = planned("erm", "crossgrad", "random", "repeat")
    assert {method: each.learning_rate for method, each in of.items()} == {
        "erm": 0.1, "crossgrad": 0.5, "random": 0.5, "repeat": 0.5
    }  # fmt: skip
    assert (of["random"].fields["domain_gradient_step"], of["random"].average) == (2.0, 0.9)
    assert planned("erm", "random")["random"].learning_rate == 0.1  # of what it is a control is not compared

    choice = Choice(("attic",), {"learning_rate": 0.25}, {"domain_gradient_step": 3.0}, 0.5, None)
    random = Chosen("random", "", "mlp", "held-out", "", (choice,))
    own = planned("crossgrad", "random", random=random)["random"]
    assert (own.learning_rate, own.fields["domain_gradient_step"], own.average) == (0.25, 3.0, None)
    choice = Choice(("attic",), {}, {}, 0.5, None)
    seen = plan_runs(
        folds=[("attic",)],
        methods=["crossgrad", "random"],
        seeds=[0],
        net="mlp",
        settings=Settings(),
        fields={},
        chosen={},
        swept={"crossgrad": Chosen("crossgrad", "", "mlp", "oracle", "", (choice,))},
    )
    assert [run.select for run in seen] == ["oracle", "oracle"]


def test_a_trunk_of_ones_own_is_another_one_when_its_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "trunk_that_changes.py"
    file.write_text("from torch import nn\ndef make(shape): return nn.Flatten()\n")
    first = run(net="trunk_that_changes:make").key(vectors())
    assert first == run(net="trunk_that_changes:make").key(vectors())
    file.write_text("from torch import nn\ndef make(shape): return nn.Sequential(nn.Flatten(), nn.ReLU())\n")
    assert first == run(net="trunk_that_changes:make").key(vectors())  # what is trained is what was imported
    monkeypatch.delitem(sys.modules, "trunk_that_changes")
    assert first != run(net="trunk_that_changes:make").key(vectors())
