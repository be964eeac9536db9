"""Trials: ablations and conditions, one thing changed at a time, told apart by their records alone."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from crossgrad.building import build_method
from crossgrad.cli.paper_tables import as_markdown
from crossgrad.data import BENCHMARKS
from crossgrad.experiments.settings import Settings
from crossgrad.methods import PRESETS
from crossgrad.records import Record, read_records
from crossgrad.report.numbers import p_value
from crossgrad.reproduction import SCALES, PaperTable, Scale, ablations, carry_out_trials, conditions, sizes
from crossgrad.reproduction.ablations import ABLATIONS, BASE, VARIANTS, ablation_table
from crossgrad.reproduction.conditions import CONDITIONS, condition_table
from crossgrad.reproduction.sizes import ERM, SIZES, sizes_of_moves
from crossgrad.reproduction.studies import Study
from crossgrad.reproduction.trials import Trials, Variant, plan_trials

FEW = (
    VARIANTS[0],
    next(variant for variant in VARIANTS if variant.method == "crossgrad_separate"),
    next(variant for variant in VARIANTS if variant.domain_net_divisor == 4),
)
DIGITS = Trials("ablations", Study("digits", "digits", "real digits", net="lenet", hold_out="3"), FEW, most_seeds=2)
SCALE = replace(SCALES["quick"], settings={"max_steps": 3, "batch_size": 8})


def told(trials: Trials, variant: Variant) -> dict[str, object]:
    """What a record says of a run of the variant."""
    settings = {**BENCHMARKS[trials.study.benchmark].settings, **trials.settings_of(variant, SCALE)}
    of_method = Settings.of(settings).for_method(variant.method, variant.fields).to_json()
    return json.loads(
        json.dumps({"method": variant.method, "net": trials.net_of(variant, SCALE), "settings": of_method})
    )


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("trials", CONDITIONS, ids=lambda trials: trials.name)
def test_a_condition_s_steps_are_of_the_scale_s(trials: Trials, scale: str) -> None:
    steps: dict[str, set[int]] = {}
    for variant in trials.variants:
        settings = {**BENCHMARKS[trials.study.benchmark].settings, **trials.settings_of(variant, SCALES[scale])}
        steps.setdefault(variant.question, set()).add(settings["max_steps"])
    of_benchmark = {"fonts": 1000, "rotated_mnist": 1000, "handwriting": 600, "speech_lithuanian": 300}
    own = {"quick": 20, "cpu": of_benchmark[trials.study.benchmark], "paper": 50_000}[scale]
    for name in ("four times the steps", "four times the steps, weights averaged"):
        assert steps.pop(name, {4 * own}) == {4 * own}
    assert steps.pop("a quarter of the steps", {own // 4}) == {own // 4}
    assert set().union(*steps.values()) <= {own}


def test_variants_that_are_the_same_at_a_scale_are_trained_once(tmp_path: Path) -> None:
    same = Trials("conditions", DIGITS.study, [FEW[0], replace(FEW[0], question="?", name="again")], most_seeds=1)
    planned = plan_trials(same, SCALE, tmp_path, DIGITS.study.open())
    assert len(planned.runs) == 3  # folds


def test_a_stop_leaves_whole_answers(tmp_path: Path) -> None:
    base, other, last = FEW
    asked = [base, replace(last, question=other.question), other]
    planned = plan_trials(replace(DIGITS, variants=asked), SCALE, tmp_path, DIGITS.study.open())
    order = list(dict.fromkeys((run.seed, run.method, run.settings.domain_net is not None) for run in planned.runs))
    own = [(seed, "crossgrad", False) for seed in (0, 1)]
    assert order[:2] == own
    assert order[2:] == [of for seed in (0, 1) for of in ((seed, "crossgrad", True), (seed, other.method, False))]


def test_a_record_of_another_device_is_of_the_same_variant() -> None:
    record = told(DIGITS, FEW[0])
    settings = {**record["settings"], "device": "cuda"}  # type: ignore[dict-item]
    assert DIGITS.has(FEW[0], SCALE, {**record, "settings": settings})


@pytest.mark.parametrize("trials", [*ABLATIONS, *CONDITIONS, *SIZES], ids=lambda trials: trials.name)
def test_every_variant_can_be_built_and_is_told_by_its_record_from_all_others(trials: Trials) -> None:
    for variant in trials.variants:
        build_method(
            variant.method,
            net=trials.net_of(variant, SCALE),
            input_shape=(1, 8, 20),
            n_labels=2,
            n_domains=3,
            fields=variant.fields,
            domain_net=trials.settings_of(variant, SCALE).get("domain_net"),
        )
        record = told(trials, variant)
        assert [each for each in trials.variants if trials.has(each, SCALE, record)] == [variant]


def test_all_but_the_named_presets_differ_from_the_first_in_one_thing_of_crossgrads() -> None:
    for variant in [each for each in VARIANTS if each.method == "crossgrad" and each.name != BASE]:
        if variant.fields in (PRESETS["authors-code"], PRESETS["dassl"]):
            continue
        changed = {name for name, value in VARIANTS[0].fields.items() if variant.fields[name] != value}
        if variant.domain_net_divisor:
            assert not changed
        elif variant.question in ("How far?", "How mixed?") and len(changed) == 2:
            assert len({variant.fields[name] for name in changed}) == 1, "both sides alike"
        elif variant.name.startswith("of the batch's mean loss"):
            raw = next(each for each in VARIANTS if each.name == "raw, 0.3 times the gradient")
            assert {name for name in raw.fields if raw.fields[name] != variant.fields[name]} == {"reduction"}
        else:
            assert len(changed) == 1, variant.name


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablations, "VARIANTS", FEW)
    monkeypatch.setattr(ablations, "ABLATIONS", (DIGITS,))


def test_ablations_are_trained_once_and_become_a_table(few: None, tmp_path: Path) -> None:
    empty = ablation_table(SCALE, tmp_path)
    assert "digits: not run." in empty.notes
    assert {row["digits"] for row in empty.rows} == {None}

    dataset = DIGITS.study.open()
    carry_out_trials(DIGITS, SCALE, tmp_path, dataset, jobs=1)
    records = read_records(DIGITS.place(tmp_path))
    assert len(records) == len(FEW) * 3 * 2  # folds, seeds
    before = (DIGITS.place(tmp_path) / "records.jsonl").read_bytes()
    carry_out_trials(DIGITS, SCALE, tmp_path, dataset, jobs=1)
    assert (DIGITS.place(tmp_path) / "records.jsonl").read_bytes() == before

    table = ablation_table(SCALE, tmp_path)
    base, separate, narrow = table.rows
    assert base["digits_minus"] is None
    of_separate = [100 * r["out_of_domain"]["accuracy"] for r in records if r["method"] == "crossgrad_separate"]
    assert str(separate["digits"]).startswith(f"{sum(of_separate) / len(of_separate):.1f} ± ")
    assert narrow["digits_minus"] is not None
    assert not any("missing" in note or "not run" in note for note in table.notes)

    last = [record for record in records if record["settings"].get("domain_net") == "lenet/4"][-1]
    lines = [line for line in before.splitlines() if json.loads(line)["key"] != last["key"]]
    (DIGITS.place(tmp_path) / "records.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    assert (
        "digits: missing runs of a quarter of the channels (How large a domain net?)."
        in ablation_table(SCALE, tmp_path).notes
    )


def test_a_scale_narrows_the_nets_of_all_variants_and_a_narrower_domain_net_further(tmp_path: Path) -> None:
    narrower = replace(SCALE, divisors={"lenet": 4})
    carry_out_trials(DIGITS, narrower, tmp_path, DIGITS.study.open(), jobs=1)
    records = read_records(DIGITS.place(tmp_path))
    assert {record["net"] for record in records} == {"lenet/4"}
    assert {record["settings"].get("domain_net") for record in records} == {None, "lenet/16"}
    for variant in FEW:
        assert [record for record in records if DIGITS.has(variant, narrower, record)]
        assert not [record for record in records if DIGITS.has(variant, SCALE, record)]


def test_conditions_change_one_thing_for_all_methods_alike() -> None:
    for trials in CONDITIONS:
        by_condition: dict[str, list[Variant]] = {}
        for variant in trials.variants:
            by_condition.setdefault(variant.question, []).append(variant)
        for variants in by_condition.values():
            # Without dropout the same batch twice is ERM (tests/methods/test_controls.py).
            again = ["repeat"] if variants[0].settings.get("dropout") else []
            methods = ["erm", "label_grad", "crossgrad", "crossgrad", "random", *again]
            assert [each.method for each in variants] == methods
            of_crossgrad = [each.fields for each in variants if each.method == "crossgrad"]
            assert [fields["condition"] for fields in of_crossgrad] == [True, False]
            assert of_crossgrad[1] == {**of_crossgrad[0], "condition": False}
            assert len({(str(each.settings), each.net) for each in variants}) == 1


@pytest.mark.parametrize("table_of", [ablation_table, condition_table])
def test_all_variants_have_their_row_on_the_page_before_anything_is_trained(
    table_of: Callable[[Scale, Path], PaperTable], tmp_path: Path
) -> None:
    table = table_of(SCALE, tmp_path)
    page = as_markdown(table)
    assert page.count("\n| ") == 2 + len(table.rows)  # with the headings and the rule
    assert {"rotated_mnist: not run.", "fonts: not run."} <= set(table.notes)


def test_a_row_without_a_cell_is_refused_where_it_is_made() -> None:
    with pytest.raises(ValueError, match=r"has the cells \['a'\], not those of the columns \['a', 'b'\]"):
        PaperTable("Title", {"a": "A", "b": "B"}, ({"a": 1},), ())


def test_gains_are_those_over_erm_under_the_same_condition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study("digits", "digits", "real digits", net="conv2", hold_out="each")
    few = [
        Variant(condition, name, method, settings=settings)
        for condition, settings in (("as it is", {}), ("dropout", {"dropout": 0.5}))
        for name, method in (
            ("ERM", "erm"),
            ("LabelGrad", "label_grad"),
            ("CrossGrad without g", "crossgrad"),
            ("Random", "random"),
        )
    ]
    trials = Trials("conditions", study, few, most_seeds=1)
    monkeypatch.setattr(conditions, "CONDITIONS", (trials,))
    longer = replace(SCALE, settings={"max_steps": 60, "batch_size": 32})
    carry_out_trials(trials, longer, tmp_path, study.open(), jobs=1)
    table = condition_table(longer, tmp_path)
    records = read_records(trials.place(tmp_path))
    for row, dropout in zip(table.rows, (0.0, 0.5), strict=True):
        of_method = {
            method: fmean(
                100 * accuracy
                for record in records
                if (record["method"], record["settings"]["dropout"]) == (method, dropout)
                for accuracy in record["out_of_domain"]["by_domain"].values()
            )
            for method in ("erm", "label_grad", "crossgrad", "random")
        }
        assert row["ERM"] == f"{of_method['erm']:.1f}"
        gain = of_method["label_grad"] - of_method["erm"]
        assert str(row["LabelGrad"]).startswith(f"{of_method['label_grad']:.1f} ({gain:+.1f}, p ")
        assert str(row["direction"]).startswith(f"{of_method['crossgrad'] - of_method['random']:+.1f} (")

    # A fold missing, the method's accuracy would be of other domains than the others': nothing is told of it.
    lines = (trials.place(tmp_path) / "records.jsonl").read_text().splitlines()
    of_label_grad = [line for line in lines if json.loads(line)["method"] == "label_grad"]
    (trials.place(tmp_path) / "records.jsonl").write_text("\n".join(set(lines) - {of_label_grad[0]}) + "\n")
    table = condition_table(longer, tmp_path)
    assert [row["LabelGrad"] is None for row in table.rows] == [True, False]
    assert "digits: missing runs of LabelGrad (as it is)." in table.notes

    failed = json.loads(of_label_grad[0]) | {
        "error": {"message": "the loss became NaN at step 7"},
        "out_of_domain": None,
    }
    with (trials.place(tmp_path) / "records.jsonl").open("a") as file:
        file.write(json.dumps(failed) + "\n")
    notes = condition_table(longer, tmp_path).notes
    told = "LabelGrad (as it is), seed 0: the loss became NaN at step 7"
    assert f"digits: failed runs, which are in no number: {told}." in notes
    assert not any("missing" in note for note in notes)


@pytest.mark.parametrize(("hold_out", "n"), [(None, 1), ("15", 1), ("2", 2), ("each", 3), ("0,30", 1)])
def test_a_study_knows_its_folds(hold_out: str | None, n: int) -> None:
    assert Study("angles", "digits", "some", hold_out=hold_out).n_folds(["0", "15", "30"]) == n


def test_sizes_differ_by_how_far_and_which_way_alone() -> None:
    erm, *moving = SIZES[0].variants
    assert erm is ERM
    assert len(moving) == 3 * len({variant.question for variant in moving})
    for variant in moving:
        step = {"label_grad": "label_gradient_step"}.get(variant.method, "domain_gradient_step")
        assert variant.fields[step] == variant.question.replace("size ", "calibrated:")
        alike = next(each for each in moving if each.method == variant.method)
        assert {name for name in alike.fields if alike.fields[name] != variant.fields[name]} <= {step}
        assert not variant.fields.get("condition", False)


def accuracies(records: list[Record]) -> list[list[float]]:
    """By domain and seed."""
    by_domain: dict[str, list[float]] = {}
    for record in sorted(records, key=lambda record: record["seed"]):
        for domain, accuracy in record["out_of_domain"]["by_domain"].items():
            by_domain.setdefault(domain, []).append(accuracy)
    return [by_domain[domain] for domain in sorted(by_domain)]


def test_sizes_are_told_and_drawn_by_what_the_records_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study("digits", "digits", "real digits", net="conv2", hold_out="2")
    few = [variant for variant in SIZES[0].variants if variant.question in ("", "size 0.1", "size 0.5")]
    trials = Trials("sizes", study, few, most_seeds=2)
    monkeypatch.setattr(sizes, "SIZES", (trials,))
    empty = sizes_of_moves(SCALE, tmp_path)
    assert not empty.pictures
    assert "digits: not run." in empty.table.notes
    assert {row["accuracy"] for row in empty.table.rows} == {None}

    longer = replace(SCALE, settings={"max_steps": 20, "batch_size": 32})
    carry_out_trials(trials, longer, tmp_path, study.open(), jobs=1)
    records = read_records(trials.place(tmp_path))
    made = sizes_of_moves(longer, tmp_path)
    erm, *rows = made.table.rows
    random = {each.question: each for each in few if each.method == "random"}
    folds = sorted({tuple(record["held_out"]) for record in records})
    assert len(folds) == 2
    assert {erm[what] for what in ("moved", "harder", "gain", "on_random")} == {None}
    assert [row["size"] for row in rows] == ["0.1"] * 3 + ["0.5"] * 3
    for row in rows:
        (variant,) = [each for each in few if (each.question, each.name) == (f"size {row['size']}", row["method"])]
        own = [record for record in records if trials.has(variant, longer, record)]
        assert len(own) == 2 * 2
        moved = fmean(100 * each["perturbation"]["l2"] / each["perturbation"]["input_l2"] for each in own)
        last = [each["losses"]["last"] for each in own]
        harder = fmean(each["perturbed_label_loss"] for each in last) / fmean(each["label_loss"] for each in last)
        assert (row["moved"], row["harder"]) == (f"{moved:.1f}", f"{harder:.2f}")
        accuracy = fmean(100 * each["out_of_domain"]["accuracy"] for each in own)
        assert str(row["accuracy"]).startswith(f"{accuracy:.1f} ± ")
        assert row["in_domain"] == f"{fmean(100 * each['in_domain']['accuracy'] for each in own):.1f}"
        over = {"gain": "erm", **({"on_random": "random"} if variant.method == "crossgrad" else {})}
        for what, other in over.items():
            others = [
                each
                for each in records
                if each["method"] == other and (other == "erm" or trials.has(random[variant.question], longer, each))
            ]
            gains = np.array(accuracies(own)) - np.array(accuracies(others))
            of_domain = dict(zip(sorted(domain for fold in folds for domain in fold), gains.mean(1), strict=True))
            of_folds = [fmean(of_domain[domain] for domain in fold) for fold in folds]
            tested = (gains.mean(0), gains.mean(1), of_folds)  # a fold's domains share models: its mean counts, too
            p = max(ttest_1samp(values, 0.0).pvalue for values in tested)
            gain = gains.mean()
            assert row[what] == f"{100 * gain:+.1f} ({p_value(p)})".replace("+0.0", "0.0").replace("-0.0", "0.0")
        assert (row["on_random"] is None) == (variant.method != "crossgrad")
    near, far = ([float(str(row["moved"])) for row in rows if row["size"] == size] for size in ("0.1", "0.5"))
    assert [4 * each < other < 6 * each for each, other in zip(near, far, strict=True)] == [True] * 3
    page = made.pictures["sizes.svg"].decode()
    assert page.count("<circle") == len(rows) + 3  # and the legend's
    assert f">{study.name}</text>" in page
