"""Ablations: one thing changed at a time, told apart by their records alone."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from crossgrad.building import build_method
from crossgrad.experiments.settings import Settings
from crossgrad.methods import PRESETS
from crossgrad.records import read_records
from crossgrad.reproduction import SCALES, Ablation, ablation_table, ablations, carry_out_ablation
from crossgrad.reproduction.ablations import ABLATIONS, BASE, VARIANTS, Variant
from crossgrad.reproduction.studies import Study

DIGITS = Ablation(Study("digits", "digits", "real digits at six angles", net="lenet", hold_out="3"), most_seeds=2)
FEW = (
    VARIANTS[0],
    next(variant for variant in VARIANTS if variant.method == "crossgrad_separate"),
    next(variant for variant in VARIANTS if variant.domain_net_divisor == 4),
)
SCALE = replace(SCALES["quick"], settings={"max_steps": 3, "batch_size": 8})


def told(variant: Variant, net: str = "lenet") -> dict[str, object]:
    """What a record says of a run of the variant."""
    settings = Settings.of(variant.settings(net)).for_method(variant.method, variant.fields)
    return json.loads(json.dumps({"method": variant.method, "net": net, "settings": settings.to_json()}))


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_variant_can_be_built_and_is_told_by_its_record_from_all_others(variant: Variant) -> None:
    build_method(
        variant.method,
        net="lenet",
        input_shape=(1, 8, 8),
        n_labels=2,
        n_domains=3,
        fields=variant.fields,
        domain_net=variant.settings("lenet").get("domain_net"),
    )
    assert [each.name for each in VARIANTS if each.has(told(variant))] == [variant.name]


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
    carry_out_ablation(DIGITS, SCALE, tmp_path, dataset, jobs=1)
    records = read_records(DIGITS.place(tmp_path))
    assert len(records) == len(FEW) * 3 * 2  # folds, seeds
    before = (DIGITS.place(tmp_path) / "records.jsonl").read_bytes()
    carry_out_ablation(DIGITS, SCALE, tmp_path, dataset, jobs=1)
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
    assert "digits: missing runs of a quarter of the channels." in ablation_table(SCALE, tmp_path).notes


def test_ablations_are_on_data_that_reproductions_have_too() -> None:
    assert [ablation.study.name for ablation in ABLATIONS] == ["rotated_mnist", "handwriting"]
    assert all(one.name != other.name for one, other in combinations(ABLATIONS, 2))
