"""Settings are chosen without the test domains, a choice for each fold of them, and used where they are asked for."""

import importlib.util
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import crossgrad.sweeping.planning
from crossgrad.comparison import compare, plan
from crossgrad.data import DomainDataset, DomainSplit
from crossgrad.deployment import train
from crossgrad.errors import DataError, RecordError, SettingsError
from crossgrad.experiments import ray_cluster
from crossgrad.experiments.chosen import read_chosen
from crossgrad.experiments.grids import Dimension
from crossgrad.records import read_records
from crossgrad.report import read_sweep
from crossgrad.sweeping import ALL_DOMAINS, Candidate, plan_sweep, sweep
from small import DOMAINS, predictions, vectors, written

RATES = Dimension(("learning_rate",), (1e-5, 0.01, 0.3))
STEPS = 6


def with_split() -> DomainDataset:
    """Two domains train, one validates, one tests."""
    return replace(vectors(), domain_split=DomainSplit(validation=("cellar",), test=("den",)))


def poisoned(dataset: DomainDataset, domain: str) -> DomainDataset:
    """What is in a domain cannot be used, and its labels are others."""
    of_domain = dataset.domains == dataset.domain_names.index(domain)
    inputs, labels = dataset.inputs.clone(), dataset.labels.clone()
    inputs[of_domain] = torch.nan
    labels[of_domain] = (labels[of_domain] + 1) % len(dataset.label_names)
    return replace(dataset, inputs=inputs, labels=labels)


def swept(dataset: DomainDataset, folder: Path, **changes: Any) -> list[Candidate]:
    given: dict[str, Any] = {"method": "erm", "grid": [RATES], "max_steps": STEPS}
    return sweep(dataset, output=folder, **given | changes)


# Test labels


@pytest.mark.parametrize(
    ("select", "hold_out", "search"),
    [
        ("held-out", "protocol", "grid"),
        ("held-out", "protocol", "halving"),
        ("held-out", "den", "grid"),
        ("training", "protocol", "grid"),
        ("training", "den", "halving"),
    ],
)
def test_no_test_label_and_no_test_input_changes_a_choice_by_one_byte(
    tmp_path: Path, select: str, hold_out: str, search: str
) -> None:
    clean, other = with_split(), poisoned(with_split(), "den")
    found = [
        swept(dataset, tmp_path / name, select=select, hold_out=hold_out, search=search)
        for name, dataset in (("clean", clean), ("poisoned", other))
    ]
    assert clean.fingerprint != other.fingerprint
    assert found[0] == found[1]
    written = [(tmp_path / name / "chosen.json").read_bytes() for name in ("clean", "poisoned")]
    assert written[0].count(clean.fingerprint.encode()) == written[1].count(other.fingerprint.encode()) == 1
    # What the choice was made on is another dataset, and is named so; nothing else differs.
    assert written[0].replace(clean.fingerprint.encode(), other.fingerprint.encode()) == written[1]


@pytest.mark.parametrize(("select", "search"), [("held-out", "grid"), ("held-out", "halving"), ("training", "grid")])
def test_where_each_domain_is_held_out_nothing_in_it_changes_its_own_choice(
    tmp_path: Path, select: str, search: str
) -> None:
    choices = []
    for name, dataset in (("clean", vectors()), ("poisoned", poisoned(vectors(), "barn"))):
        candidates = swept(dataset, tmp_path / name, select=select, search=search)
        chosen = read_chosen(tmp_path / name)
        choices.append((chosen.choice_for(["barn"]), [candidate.accuracies["barn",] for candidate in candidates]))
        assert {choice.held_out for choice in chosen.choices} == {*((name,) for name in DOMAINS), ALL_DOMAINS}
    assert choices[0] == choices[1]


def test_the_oracle_looks_at_test_labels_and_every_record_of_it_says_so(tmp_path: Path) -> None:
    found = [
        swept(dataset, tmp_path / name, select="oracle")
        for name, dataset in (("clean", with_split()), ("poisoned", poisoned(with_split(), "den")))
    ]
    assert found[0] != found[1]
    assert {record["select"] for record in read_records(tmp_path / "clean")} == {"oracle"}
    assert {tuple(record["held_out"]) for record in read_records(tmp_path / "clean")} == {("den",)}
    used = compare(with_split(), output=tmp_path / "used", methods=["erm"], seeds=[0], chosen=[tmp_path / "clean"])
    assert [record["select"] for record in used.records] == ["oracle"]


def test_the_test_domains_are_not_even_measured_unless_by_the_oracle(tmp_path: Path) -> None:
    for select in ("held-out", "training"):
        swept(with_split(), tmp_path / select, select=select)
        for record in read_records(tmp_path / select):
            measured = [
                record[place]["by_domain"] for place in ("out_of_domain", "in_domain", "training") if record[place]
            ]
            assert not any("den" in by_domain for by_domain in measured)
            assert "den" in record["left_out"]
    assert len(predictions(tmp_path / "held-out")) == len(RATES.values)


# The choice


def test_the_candidate_with_the_highest_accuracy_is_chosen_and_its_choice_says_what_it_reached(tmp_path: Path) -> None:
    candidates = swept(vectors(), tmp_path)
    chosen = read_chosen(tmp_path)
    for choice in chosen.choices:
        accuracies = {
            candidate.point["learning_rate"]: candidate.accuracies[choice.held_out] for candidate in candidates
        }
        best = accuracies[choice.settings["learning_rate"]]
        assert best is not None
        assert (choice.accuracy, choice.standard_error) == (best.value, best.standard_error)
        assert best.value == max(each.value for each in accuracies.values() if each)
        (by_star,) = [candidate for candidate in candidates if choice.held_out in candidate.chosen_for]
        assert by_star.point["learning_rate"] == choice.settings["learning_rate"]
    assert chosen.choice_for(["attic"]).settings["learning_rate"] != 1e-5
    assert (chosen.method, chosen.dataset, chosen.net, chosen.select) == ("erm", "vectors", "mlp", "held-out")
    assert "search: grid of 3 candidates" in chosen.how
    assert {record["select"] for record in read_records(tmp_path)} == {"none"}


def test_pairs_of_domains_share_their_runs(tmp_path: Path) -> None:
    swept(vectors(), tmp_path)
    assert len(read_records(tmp_path)) == 6 * len(RATES.values)


def test_a_second_sweep_trains_nothing_and_chooses_the_same(tmp_path: Path) -> None:
    first = swept(vectors(), tmp_path, search="halving")
    records, chosen = written(tmp_path), (tmp_path / "chosen.json").read_bytes()
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()}
    assert swept(vectors(), tmp_path, search="halving") == first
    assert written(tmp_path) == records
    assert (tmp_path / "chosen.json").read_bytes() == chosen
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()} == times


@pytest.mark.parametrize(
    ("method", "name", "values"),
    [
        ("erm", "average", (None, 0.9)),
        ("erm", "balanced", (True, False)),
        ("crossgrad", "mixing", ("losses", "examples")),
    ],
)
def test_what_records_leave_out_at_its_default_is_a_candidate_like_others(
    tmp_path: Path, method: str, name: str, values: tuple[Any, ...]
) -> None:
    candidates = swept(vectors(), tmp_path, method=method, hold_out="den", grid=[Dimension((name,), values)])
    assert list(read_sweep(tmp_path).candidates) == candidates


def test_a_larger_sweep_has_no_choice_until_it_has_ended(tmp_path: Path) -> None:
    swept(vectors(), tmp_path, hold_out="den", grid=[Dimension(("learning_rate",), (1e-5,))])

    class Stops:
        def plan(self, *_: object) -> None:
            raise KeyboardInterrupt

        advance = finish = plan

    with pytest.raises(KeyboardInterrupt):
        swept(vectors(), tmp_path, hold_out="den", follower=Stops())
    with pytest.raises(SettingsError, match="give the folder of a finished sweep"):
        read_chosen(tmp_path)
    with pytest.raises(RecordError, match=r"has not ended: there is no chosen\.json"):
        read_sweep(tmp_path)
    swept(vectors(), tmp_path, hold_out="den")
    assert read_sweep(tmp_path).candidates[1].chosen_for


def test_a_comparison_in_place_of_a_sweep_leaves_nothing_of_it(tmp_path: Path) -> None:
    swept(vectors(), tmp_path, hold_out="den")
    compare(vectors(), output=tmp_path, methods=["erm"], seeds=[0], max_steps=1, overwrite=True)
    assert not {"plan.json", "chosen.json"} & {path.name for path in tmp_path.iterdir()}
    swept(vectors(), tmp_path, hold_out="den", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chosen.json", "plan.json", "records.jsonl", "runs"]


def test_another_schedule_goes_before_all_of_a_chosen_one(tmp_path: Path) -> None:
    swept(vectors(), tmp_path, hold_out="den", schedule="step", decay=0.5, decay_epochs=1.0)
    card = train(vectors(), method="erm", chosen=read_chosen(tmp_path), domains=DOMAINS[:3], schedule="cosine").card
    assert card["settings"]["schedule"] == "cosine"
    assert "decay" not in card["settings"]
    planned = plan(
        vectors(), output=tmp_path / "c", methods=["erm"], hold_out="den", chosen=[tmp_path], schedule="cosine"
    )
    assert {run.settings.schedule for run in planned.runs} == {"cosine"}


def test_halving_chooses_among_those_that_were_trained_to_the_end(tmp_path: Path) -> None:
    grid = [Dimension(("learning_rate",), tuple(10**-power for power in range(1, 7)))]
    candidates = swept(vectors(), tmp_path, search="halving", grid=grid, hold_out="den")
    steps = [record["max_steps"] for record in read_records(tmp_path)]
    assert sorted(set(steps)) == [1, 2, STEPS]
    assert steps.count(1) == 6 * 3  # candidates, validation domains
    assert 0 < steps.count(STEPS) < steps.count(1)
    (best,) = [candidate for candidate in candidates if ("den",) in candidate.chosen_for]
    through = [found for candidate in candidates if (found := candidate.accuracies["den",])]
    assert best.accuracies["den",] == max(through, key=lambda found: found.value)
    assert len(through) * 3 == steps.count(STEPS)


OWN_TRUNK = """
import os
from pathlib import Path

from torch import nn


def trunk(input_shape):
    Path({place!r}, f"process-{{os.getpid()}}").touch()
    return nn.Flatten()
"""


def test_halving_starts_its_processes_once_and_chooses_as_without_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_sweep_trunk.py").write_text(OWN_TRUNK.format(place=str(tmp_path)))
    monkeypatch.syspath_prepend(tmp_path)
    options: dict[str, Any] = {"search": "halving", "hold_out": "den", "net": "own_sweep_trunk:trunk"}
    alone = swept(vectors(), tmp_path / "alone", **options)
    assert [path.name for path in tmp_path.glob("process-*")] == [f"process-{os.getpid()}"]
    spread = swept(vectors(), tmp_path / "spread", jobs=2, **options)
    assert len({record["max_steps"] for record in read_records(tmp_path / "spread")}) == 3
    assert len(list(tmp_path.glob("process-*"))) == 1 + 2
    assert spread == alone
    assert written(tmp_path / "spread") == written(tmp_path / "alone")
    assert (tmp_path / "spread/chosen.json").read_bytes() == (tmp_path / "alone/chosen.json").read_bytes()


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra ray is not installed")
def test_halving_starts_one_cluster_and_none_where_all_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []
    begin = ray_cluster._begin
    monkeypatch.setattr(ray_cluster, "_begin", lambda *args, **options: [starts.append(args), begin(*args, **options)])
    options: dict[str, Any] = {"search": "halving", "hold_out": "den", "engine": "ray", "jobs": 2}
    swept(vectors(), tmp_path / "there", **options)
    assert len(starts) == 1
    swept(vectors(), tmp_path / "there", **options)
    assert len(starts) == 1
    swept(vectors(), tmp_path / "here", search="halving", hold_out="den")
    assert written(tmp_path / "there") == written(tmp_path / "here")


def test_random_search_trains_so_many_candidates_of_the_grid(tmp_path: Path) -> None:
    grid = [RATES, Dimension(("dropout",), (0.0, 0.5))]
    candidates = swept(vectors(), tmp_path, search="random", trials=2, grid=grid, hold_out="den")
    assert len(candidates) == 2
    assert len(read_records(tmp_path)) == 2 * 3


def test_a_candidate_that_fails_counts_as_wrong_and_the_others_go_on(tmp_path: Path) -> None:
    grid = [Dimension(("label_gradient_step",), (1e300, 0.3))]
    failed, other = swept(vectors(), tmp_path, method="label_grad", grid=grid, hold_out="den")
    assert failed.accuracies["den",].value == 0.0
    assert ("den",) in other.chosen_for


# Its use


def test_a_comparison_takes_net_settings_and_fields_from_the_choice_for_each_domain(tmp_path: Path) -> None:
    grid = [Dimension(("label_weight",), (0.1, 0.9)), Dimension(("learning_rate",), (0.02,))]
    swept(vectors(), tmp_path, method="label_grad", grid=grid, batch_size=16)
    chosen = read_chosen(tmp_path)
    planned = plan(vectors(), output=tmp_path / "c", methods=["erm", "label_grad"], chosen=[tmp_path], batch_size=8)
    for run in planned.runs:
        if run.method == "erm":
            assert (run.select, run.settings.max_steps) == ("none", 1000)
            continue
        choice = chosen.choice_for(run.held_out)
        assert run.select == "held-out"
        assert run.settings.to_json() == {**choice.settings, "fields": choice.fields, "batch_size": 8}
    overridden = plan(
        vectors(),
        output=tmp_path / "c",
        methods=["label_grad"],
        chosen=[tmp_path / "chosen.json"],
        fields={"label_grad": {"label_weight": 0.33}},
    )
    assert {run.settings.fields["label_weight"] for run in overridden.runs} == {0.33}
    assert {run.select for run in overridden.runs} == {"held-out"}


def test_a_choice_is_for_every_machine_and_tells_what_was_its_candidate_s_where_it_is_a_default(tmp_path: Path) -> None:
    swept(vectors(), tmp_path, hold_out="den", grid=[RATES, Dimension(("average",), (None,))], device="cpu")
    file = tmp_path / "chosen.json"
    content = json.loads(file.read_bytes())
    for choice in content["choices"]:
        assert choice["settings"]["average"] is None
        assert "device" not in choice["settings"]
        choice["settings"]["device"] = "cuda:7"  # as earlier versions wrote where it was made
    file.write_text(json.dumps(content))
    planned = plan(vectors(), output=tmp_path / "c", methods=["erm"], hold_out="den", chosen=[file])
    assert {run.settings.device for run in planned.runs} == {"cpu"}


def test_a_model_of_all_domains_takes_the_choice_by_all_of_them_and_one_of_some_theirs(tmp_path: Path) -> None:
    swept(vectors(), tmp_path)
    chosen = read_chosen(tmp_path)
    card = train(vectors(), method="erm", chosen=chosen).card
    assert card["settings"] == {**chosen.choice_for([]).settings, "fields": {}}
    assert card["select"] == "held-out"
    card = train(vectors(), method="erm", chosen=chosen, domains=DOMAINS[:3], max_steps=3).card
    assert card["settings"] == {**chosen.choice_for(["den"]).settings, "fields": {}, "max_steps": 3}


def test_a_choice_is_refused_where_it_does_not_belong(tmp_path: Path) -> None:
    swept(vectors(), tmp_path, hold_out="den")

    def asked(dataset: DomainDataset = vectors(), **changes: Any) -> None:  # noqa: B008
        given = {"methods": ["erm"], "hold_out": "den", "chosen": [tmp_path]} | changes
        plan(dataset, output=tmp_path / "c", **given)

    asked()
    with pytest.raises(SettingsError, match="were chosen on 'vectors', this is 'other'"):
        asked(replace(vectors(), name="other"))
    with pytest.raises(SettingsError, match="chosen for other held-out domains than 'attic': for 'den'"):
        asked(hold_out="attic")
    with pytest.raises(SettingsError, match="chose for erm, which is not compared"):
        asked(methods=["dann"])
    with pytest.raises(SettingsError, match="were chosen twice"):
        asked(chosen=[tmp_path, tmp_path / "chosen.json"])
    with pytest.raises(SettingsError, match="no choice at"):
        asked(chosen=[tmp_path / "nothing"])
    with pytest.raises(SettingsError, match="the settings were chosen for erm, not for dann"):
        train(vectors(), method="dann", chosen=read_chosen(tmp_path))


def test_a_choice_made_on_other_data_of_the_same_name_is_refused_and_an_older_one_goes_by_the_name(
    tmp_path: Path,
) -> None:
    swept(vectors(), tmp_path, hold_out="den")
    other = poisoned(vectors(), "attic")
    assert other.name == vectors().name
    options: dict[str, Any] = {"methods": ["erm"], "hold_out": "den", "chosen": [tmp_path]}
    message = (
        f"chosen on other data of the same name, 'vectors' (fingerprint '{vectors().fingerprint}', "
        f"this one's is '{other.fingerprint}')"
    )
    with pytest.raises(SettingsError, match=re.escape(message)):
        plan(other, output=tmp_path / "c", **options)
    with pytest.raises(SettingsError, match=re.escape(message)):
        train(other, method="erm", chosen=read_chosen(tmp_path))
    assert plan(vectors(), output=tmp_path / "c", **options).runs

    file = tmp_path / "chosen.json"
    older = json.loads(file.read_bytes())
    assert older.pop("fingerprint") == vectors().fingerprint
    file.write_text(json.dumps(older))
    assert plan(vectors(seed=1), output=tmp_path / "c", **options).runs
    file.write_text(json.dumps(older | {"fingerprint": 5}))
    with pytest.raises(SettingsError, match=r"chosen.json' is no choice"):
        read_chosen(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 1}',
        '{"version": 1, "choices": []}',
        '{"version": 2, "choices": []}',
        '{"version":1',
    ],
)
def test_a_file_that_is_no_choice_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "chosen.json").write_text(text)
    with pytest.raises(SettingsError, match=r"chosen.json' is (no choice|in format 2)"):
        read_chosen(tmp_path)


# The plan


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"search": "bayes"}, SettingsError, "no search 'bayes'"),
        ({"select": "test"}, SettingsError, "no way to select 'test'"),
        ({"search": "random"}, SettingsError, "--search random needs --trials"),
        ({"trials": 3}, SettingsError, "a grid is searched whole"),
        ({"grid": [Dimension(("max_steps",), (1, 2))], "search": "halving"}, SettingsError, "halving decides"),
        ({"grid": [Dimension(("learning_rate",), (-1.0,))]}, SettingsError, "learning_rate is a number, positive"),
        ({"grid": None, "method": "dann"}, SettingsError, "the paper names no grid for dann"),
        ({"seeds": []}, SettingsError, "no seeds"),
        ({"hold_out": "attic,barn"}, DataError, "1 of 4 would be left to train on"),
        ({"select": "training", "in_domain_fraction": 0.0}, SettingsError, "in_domain_fraction of 0 keeps no examples"),
        (
            {"search": "halving", "max_steps": 90, "warmup_steps": 20},
            SettingsError,
            "halving trains every candidate for 10 steps at first: warmup_steps is below max_steps, 10, not 20",
        ),
        ({"budget": 0.0}, SettingsError, "a budget is a finite number of seconds above 0"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_trained(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        swept(vectors(), tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()


def test_a_budget_keeps_what_it_kept_when_the_sweep_goes_on_however_slow_the_machine_is_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned(seconds: float, **changes: Any) -> Any:
        monkeypatch.setattr(crossgrad.sweeping.planning, "step_seconds", lambda runs, dataset: {"erm": seconds})
        given: dict[str, Any] = {"method": "erm", "grid": [RATES], "max_steps": STEPS, "hold_out": "den"}
        return plan_sweep(vectors(), output=tmp_path, seeds=[100, 101, 102], **given | changes)

    of_candidate = 3 * STEPS * 0.001
    assert (len(planned(0.001).points), planned(0.001).seeds, planned(0.001).dropped) == (3, (100, 101, 102), "")
    fitted = planned(0.001, budget=2 * of_candidate)
    assert (len(fitted.points), fitted.seeds) == (2, (100,))
    assert fitted.dropped == "2 of 3 seeds and 1 of 3 candidates, drawn at random (seed 0)"
    assert len(planned(0.001, budget=2 * of_candidate, jobs=2).points) == 3

    swept(vectors(), tmp_path, hold_out="den", seeds=[100, 101, 102], budget=2 * of_candidate)
    again = planned(0.5, budget=2 * of_candidate)
    assert (again.points, again.seeds, again.dropped) == (fitted.points, fitted.seeds, fitted.dropped)
    assert "for lack of time without 2 of 3 seeds" in read_chosen(tmp_path).how
    assert len(read_records(tmp_path)) == 2 * 3


def test_other_results_in_the_folder_are_not_mixed_with_these(tmp_path: Path) -> None:
    swept(vectors(), tmp_path, hold_out="den")
    with pytest.raises(RecordError, match="holds 9 other runs"):
        swept(vectors(), tmp_path, hold_out="den", max_steps=3)
    swept(vectors(), tmp_path, hold_out="den", max_steps=3, overwrite=True)
    assert {record["max_steps"] for record in read_records(tmp_path)} == {3}
    somebodys = tmp_path / "somebodys"
    somebodys.mkdir()
    (somebodys / "plan.json").write_text(json.dumps({"meals": 3}))
    with pytest.raises(RecordError, match="no plan that this crossgrad wrote"):
        swept(vectors(), somebodys)
    assert json.loads((somebodys / "plan.json").read_text()) == {"meals": 3}


def test_a_sweep_stopped_before_its_first_record_goes_on(tmp_path: Path) -> None:
    swept(vectors(), tmp_path, hold_out="den")
    expected = written(tmp_path)
    (tmp_path / "records.jsonl").unlink()
    (tmp_path / "chosen.json").unlink()
    swept(vectors(), tmp_path, hold_out="den")
    assert written(tmp_path) == expected
