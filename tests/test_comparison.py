"""What compare() refuses and warns of before anything is trained, and what it leaves."""

import json
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import crossgrad
from crossgrad.comparison import carry_out, plan
from crossgrad.data import BENCHMARKS, DomainDataset, DomainSplit, open_dataset
from crossgrad.defaults import default_net
from crossgrad.errors import CrossGradError, DataError, DataWarning, RecordError, SettingsError
from crossgrad.experiments.chosen import Choice, Chosen, write_chosen
from crossgrad.experiments.settings import Settings
from crossgrad.folders import lock_folder
from crossgrad.perturb import Step
from crossgrad.records import RECORD_VERSION, Record, read_records
from small import DOMAINS, images, vectors


def compare(output: Path, dataset: DomainDataset | None = None, **options: Any) -> crossgrad.Comparison:
    given: dict[str, Any] = {
        "methods": ["erm", "crossgrad"],
        "hold_out": "den",
        "seeds": [0],
        "max_steps": 2,
        **options,
    }
    return crossgrad.compare(dataset or vectors(), output=output, **given)


def test_a_comparison_leaves_records_artefacts_and_reports_and_gives_the_table(tmp_path: Path) -> None:
    result = compare(tmp_path / "results", hold_out="each", seeds=[0, 1])
    assert sorted(path.name for path in result.folder.iterdir()) == [
        "records.jsonl",
        "report.html",
        "report.md",
        "report.tex",
        "runs",
    ]
    assert len(result.records) == len(result.runs) == 2 * 4 * 2
    assert [row.method for row in result.table.rows] == ["erm", "crossgrad"]
    assert result.table.held_out == DOMAINS
    by_hand = [r["out_of_domain"]["accuracy"] for r in result.records if r["method"] == "erm"]
    mean = result.table.rows[0].mean
    assert mean is not None
    assert mean.value == pytest.approx(sum(by_hand) / len(by_hand))


def with_own_split() -> DomainDataset:
    return replace(vectors(), domain_split=DomainSplit(validation=("barn",), test=("den",)))


def test_a_split_of_its_own_is_the_default_and_its_validation_domains_take_no_part(tmp_path: Path) -> None:
    result = compare(tmp_path, with_own_split(), methods=["erm"], hold_out=None)
    (record,) = result.records
    assert record["held_out"] == ["den"]
    assert record["left_out"] == ["barn"]
    assert list(record["training"]["by_domain"]) == list(record["in_domain"]["by_domain"]) == ["attic", "cellar"]
    assert list(record["out_of_domain"]["by_domain"]) == ["den"]


def test_domains_that_are_left_out_change_nothing(tmp_path: Path) -> None:
    clean = with_own_split()
    poisoned = replace(clean, inputs=clean.inputs.clone())
    poisoned.inputs[poisoned.domains == poisoned.domain_names.index("barn")] = torch.nan
    options: dict[str, Any] = {"methods": ["erm", "crossgrad", "dann"], "hold_out": "protocol"}
    results = [compare(tmp_path / name, data, **options).records for name, data in (("a", clean), ("b", poisoned))]
    for a, b in zip(*results, strict=True):
        for outcome in ("out_of_domain", "in_domain", "training", "losses"):
            assert a[outcome] == b[outcome]


def test_the_same_domains_held_out_with_and_without_others_left_out_are_two_runs(tmp_path: Path) -> None:
    data = with_own_split()
    keys = {
        run.key(data)
        for hold_out in ("protocol", "den")
        for run in plan(data, output=tmp_path, methods=["erm"], seeds=[0], hold_out=hold_out).runs
    }
    assert len(keys) == 2


def steps_of(planned: crossgrad.Comparison, method: str) -> list[int]:
    return [run.settings.max_steps for run in planned.runs if run.method == method]


def test_matched_by_passes_erm_has_the_steps_that_the_costliest_method_has_passes(tmp_path: Path) -> None:
    options: dict[str, Any] = {"output": tmp_path, "seeds": [0, 1], "hold_out": "each", "max_steps": 6}
    planned = plan(vectors(), methods=["erm", "crossgrad", "label_grad"], match="passes", **options)
    assert steps_of(planned, "erm_matched") == [24] * 8
    assert [run.method for run in planned.runs[:4]] == ["erm", "crossgrad", "label_grad", "erm_matched"]
    without = plan(
        vectors(), methods=["label_grad"], match="passes", fields={"label_grad": {"label_weight": 0.0}}, **options
    )
    assert steps_of(without, "erm_matched") == [6] * 8
    assert steps_of(plan(vectors(), methods=["mtae"], match="passes", **options), "erm_matched") == [8] * 8


def test_matched_by_seconds_a_comparison_that_goes_on_keeps_the_steps_it_began_with(tmp_path: Path) -> None:
    first = compare(tmp_path, methods=["erm", "crossgrad"], match="seconds")
    (steps,) = steps_of(first, "erm_matched")
    assert steps > 2  # crossgrad's two cost more than two of ERM
    again = compare(tmp_path, methods=["erm", "crossgrad"], match="seconds")
    assert [run.key(vectors()) for run in again.runs] == [run.key(vectors()) for run in first.runs]
    assert len(again.records) == 3


def test_a_file_of_the_name_of_measured_seconds_that_is_somebodys_own_is_kept(tmp_path: Path) -> None:
    (tmp_path / "match.json").write_text('{"score": "3:2"}')
    with pytest.raises(RecordError, match=r"holds no records \(match.json"):
        compare(tmp_path, methods=["erm", "crossgrad"], match="seconds")
    assert (tmp_path / "match.json").read_text() == '{"score": "3:2"}'


def test_more_seeds_are_matched_by_the_seconds_that_the_first_were(tmp_path: Path) -> None:
    options: dict[str, Any] = {"methods": ["erm", "crossgrad"], "match": "seconds"}
    compare(tmp_path, **options)
    more = compare(tmp_path, seeds=[0, 1], **options)
    assert len(set(steps_of(more, "erm_matched"))) == 1
    assert len(more.records) == 6


def test_matched_by_seconds_each_fold_is_matched_to_the_settings_that_were_chosen_for_it(tmp_path: Path) -> None:
    """For the attic CrossGrad was chosen without perturbed passes, for the others with: its steps cost less there."""
    weights = {"attic": 0.0, "barn": 0.5, "cellar": 0.5, "den": 0.25}
    choices = tuple(
        Choice((name,), {}, {"label_weight": weight, "domain_weight": weight}, 0.5, None)
        for name, weight in weights.items()
    )
    write_chosen(tmp_path / "chosen.json", Chosen("crossgrad", "vectors", "mlp", "held-out", "", choices))
    options: dict[str, Any] = {"hold_out": "each", "seeds": [0], "max_steps": 1000}
    planned = plan(
        vectors(), output=tmp_path, methods=["erm", "crossgrad"], chosen=[tmp_path], match="seconds", **options
    )
    seconds = {kind: found for kind, found in planned.measured["seconds"].items() if "crossgrad" in kind}
    (of_erm,) = [found for kind, found in planned.measured["seconds"].items() if "erm" in kind]
    few, many = sorted(seconds, key=lambda kind: json.loads(kind)[4])  # passes
    expected = {name: round(1000 * seconds[few if name == "attic" else many] / of_erm) for name in weights}
    found = {run.held_out[0]: run.settings.max_steps for run in planned.runs if run.method == "erm_matched"}
    assert found == {name: max(1000, steps) for name, steps in expected.items()}
    assert len(set(found.values())) == 2


def test_steps_matched_for_other_methods_are_not_kept(tmp_path: Path) -> None:
    first = compare(tmp_path, methods=["erm", "label_grad"], match="passes")
    assert steps_of(first, "erm_matched") == [4]
    with pytest.raises(RecordError, match="holds 1 other runs"):
        compare(tmp_path, methods=["erm", "label_grad", "crossgrad"], match="passes")
    anew = compare(tmp_path, methods=["erm", "crossgrad"], match="passes", overwrite=True)
    assert steps_of(anew, "erm_matched") == [8]


def test_controls_take_crossgrads_fields_unless_they_have_their_own(tmp_path: Path) -> None:
    asked = {"crossgrad": {"domain_gradient_step": 2.0, "label_weight": 0.25}, "random": {"label_weight": 0.75}}
    planned = plan(vectors(), output=tmp_path, methods=["random", "repeat", "crossgrad"], fields=asked, hold_out="den")
    by_method = {run.method: run.settings.fields for run in planned.runs}
    assert by_method["random"]["domain_gradient_step"] == 2.0
    assert by_method["random"]["label_weight"] == 0.75
    assert by_method["repeat"] == {"label_weight": 0.25}
    alone = plan(vectors(), output=tmp_path, methods=["random"], hold_out="den")
    assert alone.runs[0].settings.fields["domain_gradient_step"] == 0.3


def test_the_control_is_not_to_be_had_by_its_name_nor_matched_by_something_else(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="erm_matched joins a comparison by match"):
        plan(vectors(), output=tmp_path, methods=["erm_matched"])
    with pytest.raises(SettingsError, match=r"no way to match 'steps'.*'passes', 'seconds'"):
        plan(vectors(), output=tmp_path, match="steps")


def test_balanced_batches_are_another_run_and_unbalanced_ones_are_named_as_before(tmp_path: Path) -> None:
    data = vectors()
    plain, balanced = (
        plan(data, output=tmp_path, methods=["erm"], seeds=[0], hold_out="den", balanced=value).runs[0]
        for value in (False, True)
    )
    assert plain.key(data) != balanced.key(data)
    assert "balanced" not in plain.settings.to_json()
    assert balanced.settings.to_json()["balanced"] is True


@pytest.mark.parametrize(
    ("hold_out", "groups"),
    [
        (None, [("attic",), ("barn",), ("cellar",), ("den",)]),
        ("each", [("attic",), ("barn",), ("cellar",), ("den",)]),
        ("den", [("den",)]),
        ("den, attic", [("attic", "den")]),
    ],
)
def test_domains_are_held_out_as_asked_for(tmp_path: Path, hold_out: str | None, groups: list[tuple[str, ...]]) -> None:
    planned = plan(vectors(), output=tmp_path, methods=["erm"], seeds=[0], hold_out=hold_out)
    assert [run.held_out for run in planned.runs] == groups


def test_folds_hold_out_every_domain_once(tmp_path: Path) -> None:
    groups = [run.held_out for run in plan(vectors(), output=tmp_path, methods=["erm"], seeds=[0], hold_out="2").runs]
    assert len(groups) == 2
    assert sorted(name for group in groups for name in group) == sorted(DOMAINS)


def test_many_domains_are_held_out_in_five_folds(tmp_path: Path) -> None:
    n = 120
    names = tuple(f"speaker {index}" for index in range(12))
    dataset = DomainDataset(
        torch.rand(n, 5), torch.arange(n) // 12 % 2, torch.arange(n) % 12, ("a", "b"), names, "many"
    )
    assert len(plan(dataset, output=tmp_path, methods=["erm"], seeds=[0]).runs) == 5


def test_methods_and_seeds_named_twice_or_by_an_alias_are_run_once(tmp_path: Path) -> None:
    planned = plan(vectors(), output=tmp_path, methods=["dan", "dann", "erm", "dan"], seeds=[4, 4], hold_out="den")
    assert [(run.method, run.seed) for run in planned.runs] == [("dann", 4), ("erm", 4)]


def test_settings_and_fields_reach_every_run_they_are_for(tmp_path: Path) -> None:
    planned = plan(
        vectors(),
        output=tmp_path,
        hold_out="den",
        seeds=[0],
        fields={"dan": {"reversal": 0.5}, "crossgrad": {"label_weight": 0.25}},
        batch_size=8,
        weight_decay=0.1,
    )
    settings = {run.method: run.settings for run in planned.runs}
    assert all((each.batch_size, each.weight_decay) == (8, 0.1) for each in settings.values())
    assert settings["dann"].fields["reversal"] == 0.5
    assert settings["crossgrad"].fields["label_weight"] == 0.25
    assert settings["label_grad"].fields["label_weight"] == 0.5


def test_images_get_lenet_and_everything_else_mlp() -> None:
    assert default_net(images()) == "lenet"
    assert default_net(vectors()) == "mlp"
    assert default_net(replace(images(), inputs=images().inputs[..., :7])) == "mlp"  # too small for three poolings


def test_a_benchmark_is_run_with_its_own_net_and_settings(tmp_path: Path) -> None:
    benchmark = BENCHMARKS["digits"]
    planned = plan(open_dataset("digits"), output=tmp_path, methods=["erm", "crossgrad"], seeds=[0])
    assert {run.net for run in planned.runs} == {benchmark.net}
    assert {run.settings.max_steps for run in planned.runs} == {benchmark.settings["max_steps"]}
    assert {run.select for run in planned.runs if run.method == "crossgrad"} == {"held-out"}
    asked = plan(open_dataset("digits"), output=tmp_path, methods=["erm"], seeds=[0], max_steps=7, net="mlp")
    assert {(run.settings.max_steps, run.net, run.select) for run in asked.runs} == {(7, "mlp", "none")}


def test_ones_own_data_under_a_benchmarks_name_is_not_run_with_what_was_chosen_for_the_benchmark(
    tmp_path: Path,
) -> None:
    angles = open_dataset("digits").domain_names[:4]
    own = replace(vectors(), name="digits", domain_names=angles)
    planned = plan(own, output=tmp_path, methods=["erm", "crossgrad"], seeds=[0])
    assert {(run.net, run.select, run.settings.max_steps) for run in planned.runs} == {("mlp", "none", 1000)}


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        ({"methods": ["erm", "crossgrid"]}, SettingsError, "no method 'crossgrid'; did you mean 'crossgrad'"),
        ({"methods": []}, SettingsError, "no methods to compare; name at least one"),
        ({"net": "lenat"}, SettingsError, "no net 'lenat'; did you mean 'lenet'"),
        ({"net": "lenet"}, SettingsError, r"lenet takes images of \(channels, height, width\)"),
        ({"hold_out": "dem"}, DataError, r"unknown domain 'dem'; did you mean 'den'\? There are 'attic', "),
        ({"hold_out": "den,den"}, DataError, "a domain is named twice"),
        ({"hold_out": "9"}, SettingsError, "cannot hold out '9'"),
        ({"hold_out": "den,barn,attic"}, DataError, "fewer than two domains are left to train on"),
        ({"seeds": []}, SettingsError, "no seeds to run; name at least one"),
        ({"seeds": [-1]}, SettingsError, "a seed is a whole number from 0 to 4294967295, not -1"),
        ({"jobs": 0}, SettingsError, "jobs is at least 1, not 0"),
        ({"max_steps": 0}, SettingsError, "max_steps is a whole number of at least 1, not 0"),
        ({"scaling": "non"}, SettingsError, "no scaling 'non'; did you mean 'none'"),
        (
            {"fields": {"dann": {"reversal": 1.0}}},
            SettingsError,
            "fields are set for dann, which is not compared; comp",
        ),
        ({"fields": {"erm": {"label_weight": 1.0}}}, SettingsError, "no field of erm 'label_weight'"),
        ({"fields": {"crossgrad": {"label_weight": 2}}}, SettingsError, r"label_weight is a share in \[0, 1\], not 2"),
        ({"fields": {"crossgrad": {"clip": float("inf")}}}, SettingsError, "clip is a finite number > 0 or none"),
        ({"fields": {"crossgrad": {"label_gradient_step": "calibrated"}}}, SettingsError, "a step is a number or"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_trained_or_written(
    tmp_path: Path, wrong: dict[str, Any], kind: type[CrossGradError], message: str
) -> None:
    with pytest.raises(kind, match=message.replace("?;", r"\?;")):
        compare(tmp_path / "results", **wrong)
    assert not (tmp_path / "results").exists()


def test_a_dataset_of_two_domains_cannot_hold_one_out(tmp_path: Path) -> None:
    dataset = vectors().subset(vectors().domains < 2)
    with pytest.raises(DataError, match="fewer than two domains are left to train on: the domains are 'attic', 'barn'"):
        compare(tmp_path, replace(dataset, domain_names=DOMAINS[:2]), hold_out="each")


def relabelled(change: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> DomainDataset:
    dataset = vectors()
    return replace(dataset, labels=change(dataset.labels, dataset.domains))


def told(caught: list[warnings.WarningMessage]) -> list[str]:
    assert all(issubclass(each.category, DataWarning) for each in caught)
    return [str(each.message) for each in caught]


def test_a_label_seen_in_one_domain_only_is_warned_of_with_what_it_may_do(tmp_path: Path) -> None:
    # Eels live in the attic alone.
    dataset = relabelled(lambda labels, domains: torch.where((labels == 2) & (domains != 0), 0, labels))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compare(tmp_path, dataset)
    (message,) = told(caught)
    assert re.match("seen in one domain only: label 'eel'. A net can tell such a label by its domain", message)


def test_a_held_out_label_that_is_never_trained_on_is_warned_of(tmp_path: Path) -> None:
    # Eels live in the two domains that are held out together.
    dataset = relabelled(lambda labels, domains: torch.where((labels == 2) & (domains < 2), 0, labels))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = compare(tmp_path, dataset, hold_out="cellar,den")
    (message,) = told(caught)
    assert "never trained on with 'cellar', 'den' held out: label 'eel'" in message
    assert "16 of 48 held-out examples can only be counted as wrong" in message
    assert all(record["out_of_domain"]["accuracy"] <= 2 / 3 for record in result.records)


def test_another_comparisons_folder_is_refused_unless_it_is_to_be_overwritten(tmp_path: Path) -> None:
    compare(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        RecordError,
        match=r"holds 2 other runs, no part of this comparison \(of vectors; methods crossgrad, erm; seeds 0; steps",
    ):
        compare(tmp_path, max_steps=3)
    result = compare(tmp_path, max_steps=3, overwrite=True)
    assert [record["max_steps"] for record in result.records] == [3, 3]
    assert len(list((tmp_path / "runs").iterdir())) == 2
    assert (tmp_path / "notes.txt").read_text() == "mine"


def rewrite(folder: Path, change: Callable[[Record], Record]) -> None:
    """As a comparison that was killed leaves a folder: the first record alone, changed, and no report."""
    first, *_ = read_records(folder)
    (folder / "records.jsonl").write_text(json.dumps(change(first)) + "\n")
    (folder / "report.html").unlink()


def test_a_folder_of_records_with_more_in_them_is_gone_on_with(tmp_path: Path) -> None:
    compare(tmp_path)
    rewrite(tmp_path, lambda record: record | {"weather": "rain", "seconds": 123.0})
    again, new = compare(tmp_path).records
    assert (again["weather"], again["seconds"], again["method"]) == ("rain", 123.0, "erm")
    assert new["method"] == "crossgrad"
    assert "weather" not in new


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda record: record | {"version": RECORD_VERSION + 1},
            r"records.jsonl, line 1: written in format 2, .* up to 1",
        ),
        # The runs are the same, and were named in another way.
        (
            lambda record: record | {"key": "0" * 16, "versions": {"crossgrad": "0.0.9"}},
            r"holds 1 other runs, .*\(of vectors; methods erm; seeds 0; steps 2; written by crossgrad 0.0.9\); give",
        ),
        (lambda record: record | {"key": "0" * 16, "versions": "old"}, r"; seeds 0; steps 2\); give"),
    ],
)
def test_a_folder_of_another_version_is_refused_and_left_as_it_is(
    tmp_path: Path, change: Callable[[Record], Record], message: str
) -> None:
    compare(tmp_path)
    rewrite(tmp_path, change)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(RecordError, match=message):
        compare(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_that_another_comparison_writes_to_is_left_to_it(tmp_path: Path) -> None:
    compare(tmp_path)
    before = (tmp_path / "records.jsonl").read_bytes()
    for overwrite in (False, True):
        with lock_folder(tmp_path), pytest.raises(RecordError, match=f"is being written to by process {os.getpid()}"):
            compare(tmp_path, seeds=[0, 1], overwrite=overwrite)
    assert (tmp_path / "records.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"engine": "rey"}, "no engine 'rey'; did you mean 'ray'"),
        ({"address": "auto"}, "an address is for the engine ray, and the engine is local"),
    ],
)
def test_an_engine_that_makes_no_sense_is_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        compare(tmp_path / "results", **wrong)
    assert not (tmp_path / "results").exists()


def test_a_comparison_with_nothing_left_to_do_writes_its_report_again(tmp_path: Path) -> None:
    result = compare(tmp_path)
    (tmp_path / "report.html").unlink()
    paths = carry_out(result)
    assert paths.html.exists()


def test_the_command_that_asked_is_in_the_records_whatever_its_bytes(tmp_path: Path) -> None:
    planned = plan(vectors(), output=tmp_path, methods=["erm"], seeds=[0], hold_out="den", max_steps=1)
    carry_out(planned, command="crossgrad compare 'größe \udcff.npz'")
    assert planned.records[0]["command"].startswith("crossgrad compare 'größe ")


def test_label_and_domain_names_of_any_text_come_through(tmp_path: Path) -> None:
    names = ("größe <b>", "日本", "a,b", "  007")
    result = compare(
        tmp_path, replace(vectors(), domain_names=names, label_names=("=1", "|", "\u2028")), hold_out="each"
    )
    assert result.table.held_out == names
    assert [list(record["out_of_domain"]["by_domain"]) for record in result.records[::2]] == [[name] for name in names]
    page = (tmp_path / "report.html").read_text()
    assert "größe &lt;b&gt;" in page
    assert "größe <b>" not in page


def test_options_at_their_defaults_keep_the_settings_chosen_on_validation_domains(tmp_path: Path) -> None:
    digits = open_dataset("digits")

    def of(**options: Any) -> set[str]:
        planned = plan(digits, output=tmp_path, methods=["erm", "crossgrad"], seeds=[0], **options)
        return {run.select for run in planned.runs}

    assert of() == of(dropout=0.0, threads=1, net="conv2", max_steps=250) == {"held-out"}
    assert of(fields={"crossgrad": {"label_weight": 0.25}}) == {"held-out"}
    assert of(threads=2) == of(device="cpu") == {"held-out"}  # where, not how
    assert of(max_steps=251) == of(net="lenet") == {"none"}


@pytest.mark.parametrize("rate", [Settings.learning_rate, 0.01])
def test_a_setting_that_is_asked_for_is_trained_with_also_where_another_was_chosen(tmp_path: Path, rate: float) -> None:
    assert "learning_rate" in BENCHMARKS["digits"].chosen_settings
    planned = plan(
        open_dataset("digits"), output=tmp_path, methods=["erm", "crossgrad", "random"], seeds=[0], learning_rate=rate
    )
    assert {(run.settings.learning_rate, run.select) for run in planned.runs} == {(rate, "none")}


def test_steps_are_written_as_json_can_hold_them(tmp_path: Path) -> None:
    result = compare(
        tmp_path,
        methods="crossgrad",
        seeds=[3],
        fields={"crossgrad": {"label_gradient_step": Step(calibrated=0.25), "domain_gradient_step": Step(0.5)}},
    )
    (record,) = result.records
    assert record["seed"] == 3
    fields = record["settings"]["fields"]
    assert (fields["label_gradient_step"], fields["domain_gradient_step"]) == ("calibrated:0.25", 0.5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_step": 5}, "no setting 'max_step'; did you mean 'max_steps'"),
        ({"learning_rate": 1e39}, "learning_rate is a number, positive and below 1e"),
        ({"max_steps": True}, "max_steps is a whole number of at least 1, not True"),
        ({"net": "json:loads"}, "net 'json:loads' fails for inputs of shape"),
        ({"net": ".relative:make"}, "no trunk at '.relative:make'"),
        ({"net": "collections:OrderedDict"}, "net 'collections:OrderedDict' fails for inputs of shape"),
    ],
)
def test_what_only_python_can_say_is_checked_too(tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        compare(tmp_path, **wrong)
    assert not any(tmp_path.iterdir())
