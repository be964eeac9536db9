"""Several studies as one column of a table: means over studies, differences paired over the test domains of all."""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from crossgrad.data import BENCHMARKS, DomainDataset
from crossgrad.errors import RecordError
from crossgrad.records import read_records
from crossgrad.report.differences import Cell
from crossgrad.reproduction import SCALES, TARGETS, PaperTable, Target, carry_out_study
from crossgrad.reproduction.accuracy_tables import accuracy_table, lacking
from crossgrad.reproduction.found import Found, found_in, pooled
from crossgrad.reproduction.studies import HANDWRITING, OTHER_ALPHABETS, Study
from crossgrad.reproduction.summary import summary_table
from crossgrad.reproduction.targets import Column

METHODS = ("erm", "crossgrad")
ONE, TWO = (Study(name, "digits", f"{name} half", methods=METHODS, matched=False) for name in ("one", "two"))
BOTH = Target("Table 4: small", (Column("Both", (ONE, TWO), {}, gains={"crossgrad": 1.0}),))
SCALE = replace(SCALES["quick"], settings={"max_steps": 3, "batch_size": 8})


def record(method: str, seed: int, **accuracies: float) -> str:
    return json.dumps(
        {
            "version": 1, "key": f"{method}{seed}", "dataset": "digits", "method": method, "seed": seed,
            "held_out": list(accuracies), "domains": ["train", *accuracies], "error": None,
            "fingerprint": "f", "n_examples": 10, "labels": ["x", "y"], "net": "mlp",
            "select": "none", "settings": {}, "max_steps": 3, "in_domain": None, "perturbation": None,
            "out_of_domain": {"accuracy": fmean(accuracies.values()), "n": 10, "by_domain": accuracies},
        }
    )  # fmt: skip


def write(folder: Path, study: str, *lines: str) -> None:
    place = folder / study / "comparison"
    place.mkdir(parents=True)
    (place / "records.jsonl").write_text("\n".join(lines) + "\n")


def cells(table: PaperTable, method: str) -> dict[str, object]:
    return next(dict(row) for row in table.rows if row["method"] == method)


def test_accuracies_are_means_over_studies_and_differences_are_paired_over_all_their_domains(tmp_path: Path) -> None:
    write(tmp_path, "one", *(record("erm", seed, a=0.5, b=0.7) for seed in (0, 1)),
          *(record("crossgrad", seed, a=0.6, b=0.9) for seed in (0, 1)))  # fmt: skip
    write(tmp_path, "two", *(record("erm", seed, a=0.2, b=0.2) for seed in (0, 1)),
          *(record("crossgrad", seed, a=0.2, b=0.3) for seed in (0, 1)))  # fmt: skip
    table = accuracy_table(BOTH, SCALE, tmp_path)
    assert cells(table, "ERM")["ours"] == "40.0 ± 0.0"
    assert cells(table, "CrossGrad")["ours"] == "50.0 ± 0.0"
    row = cells(table, "CrossGrad")
    assert (row["gain"], row["published"], row["minus_published"]) == ("+10.0", "+1.0 on ERM", "+9.0")
    assert row["p_domains"] == "0.092"  # t = 10 / (8.165 / 2) with three degrees of freedom
    assert "Both: CrossGrad against ERM, each: one +15.0, two +5.0." in table.notes
    assert {"one: one half.", "two: two half."} <= set(table.notes)


def test_a_domain_of_one_study_is_never_paired_with_one_of_its_name_in_another(tmp_path: Path) -> None:
    write(tmp_path, "one", record("erm", 0, a=0.5), record("crossgrad", 0, a=0.6))
    write(tmp_path, "two", record("erm", 0, a=0.1), record("crossgrad", 0, a=0.5))
    found = pooled({study.name: found_in(study, tmp_path) for study in (ONE, TWO)})
    against = found.against("crossgrad", "erm")
    assert against is not None
    assert against.by_domain == pytest.approx({"one/a": 10.0, "two/a": 40.0})


def test_what_one_study_lacks_is_not_pooled_and_is_said(tmp_path: Path) -> None:
    write(tmp_path, "one", *(record(method, seed, a=0.5) for method in METHODS for seed in (0, 1)))
    table = accuracy_table(BOTH, SCALE, tmp_path)
    assert [row["ours"] for row in table.rows] == [None, None]
    assert [row["gain"] for row in table.rows] == [None, None]
    assert "Both: Missing runs of two: ERM (seeds 0, 1); CrossGrad (seeds 0, 1)." in table.notes
    assert not any("Missing runs of one" in note for note in table.notes)

    write(tmp_path, "two", record("erm", 0, a=0.1), *(record("crossgrad", seed, a=0.3) for seed in (0, 1)))
    table = accuracy_table(BOTH, SCALE, tmp_path)
    assert cells(table, "ERM")["ours"] == "30.0"  # of the seed that both have
    assert cells(table, "CrossGrad")["ours"] == "40.0 ± 0.0"
    assert "Both: Missing runs of two: ERM (seeds 1)." in table.notes
    # Of CrossGrad's two seeds ERM has one in both studies: the gain is of that one, each study alike.
    assert cells(table, "CrossGrad")["gain"] == "+10.0"
    over_seeds = pooled({study.name: found_in(study, tmp_path) for study in (ONE, TWO)}).over_seeds("crossgrad", "erm")
    assert over_seeds is not None
    assert over_seeds.n == 1


def test_what_differs_from_study_to_study_is_tested_over_studies_too(tmp_path: Path) -> None:
    """Sure over eight writers and three trainings, and nothing over two studies of which one gains."""
    for study, gain in (("one", 0.1), ("two", 0.01)):
        of_writers = {name: gain + 0.001 * place for place, name in enumerate("abcd")}
        lines = [record("erm", seed, **dict.fromkeys("abcd", 0.5 + 0.01 * seed)) for seed in range(3)]
        lines += [
            record("crossgrad", seed, **{name: 0.5 + 0.0101 * seed + more for name, more in of_writers.items()})
            for seed in range(3)
        ]
        write(tmp_path, study, *lines)
    found = pooled({study.name: found_in(study, tmp_path) for study in (ONE, TWO)})
    against, over_seeds = found.against("crossgrad", "erm"), found.over_seeds("crossgrad", "erm")
    assert against is not None
    assert over_seeds is not None
    assert against.n_folds == 2
    assert over_seeds.p_value is not None
    assert max(against.comparison.p_value or 1, over_seeds.p_value) < 0.05
    assert found.larger_p("crossgrad", "erm") == against.fold_p == pytest.approx(0.44, abs=0.02)
    notes = accuracy_table(BOTH, SCALE, tmp_path).notes
    told = next(note for note in notes if note.startswith("Both: The mean over 2 studies"))
    assert "held out together (4, 4), so" in told
    assert "Over the studies' means, against ERM: CrossGrad p 0.4" in told
    assert not any("All 8 test domains" in note for note in notes)
    (summary,) = (note for note in notes if "each:" in note)
    assert summary == "Both: CrossGrad against ERM, each: one +10.2, two +1.2."


def test_domains_of_pooled_studies_that_share_models_are_not_tested_with_one_seed(tmp_path: Path) -> None:
    for study, gain in (("one", 0.1), ("two", 0.09)):
        write(tmp_path, study, record("erm", 0, a=0.5, b=0.6), record("crossgrad", 0, a=0.5 + gain, b=0.61 + gain))
    assert pooled({study.name: found_in(study, tmp_path) for study in (ONE, TWO)}).larger_p("crossgrad", "erm") is None


def test_a_failed_run_is_told_as_failed_and_not_as_missing(tmp_path: Path) -> None:
    failed = json.loads(record("crossgrad", 1, a=0.0)) | {"error": {"message": "the loss became NaN at step 3"}}
    for study in ("one", "two"):
        kept = [
            record(method, seed, a=0.5) for method in METHODS for seed in (0, 1) if (method, seed) != ("crossgrad", 1)
        ]
        write(tmp_path, study, *kept, *([json.dumps(failed)] if study == "two" else []))
    notes = accuracy_table(BOTH, SCALE, tmp_path).notes
    told = "CrossGrad (seed 1: the loss became NaN at step 3)"
    assert f"Both: Failed runs of two, which are in no number: {told}." in notes
    assert "Both: Missing runs of one: CrossGrad (seeds 1)." in notes
    assert not any("Missing runs of two" in note for note in notes)


def test_folds_that_were_never_run_are_missing_whatever_failed_of_the_others(tmp_path: Path) -> None:
    study = replace(ONE, hold_out="each")
    domains = {"domains": ["a", "b"]}
    failed = json.loads(record("crossgrad", 0, a=0.0)) | domains | {"error": {"message": "the loss became NaN"}}
    folds = [json.loads(record("erm", 0, **{name: 0.5})) | domains | {"key": name} for name in ("a", "b")]
    write(tmp_path, "one", *map(json.dumps, [*folds, failed]))
    lack = lacking(Column("One", (study,), published={}), SCALE, found_in(study, tmp_path))
    assert lack == "ERM (seeds 1); CrossGrad (seeds 0, 1)"


def test_a_damaged_record_is_refused_in_a_sentence(tmp_path: Path) -> None:
    write(tmp_path, "one", '{"version": 1, "key": "a"}')
    with pytest.raises(RecordError, match="record 'a' has no dataset, fingerprint, n_examples"):
        found_in(ONE, tmp_path)


@pytest.mark.parametrize("out_of_domain", [None, {"by_domain": {"a": 0.5}, "n": 10}])
def test_a_finished_run_without_an_accuracy_is_refused_in_a_sentence(
    tmp_path: Path, out_of_domain: dict[str, object] | None
) -> None:
    write(tmp_path, "one", json.dumps(json.loads(record("erm", 0, a=0.5)) | {"out_of_domain": out_of_domain}))
    with pytest.raises(RecordError, match="record 'erm0' is of a finished run and has no accuracy on held-out domains"):
        found_in(ONE, tmp_path)


def test_what_failed_in_one_of_pooled_studies_is_told_as_failed(tmp_path: Path) -> None:
    failed = json.loads(record("crossgrad", 1, a=0.0)) | {"error": {"message": "the loss became NaN"}}
    write(tmp_path, "one", *(record(method, seed, a=0.5) for method in METHODS for seed in (0, 1)))
    kept = [record(method, seed, a=0.5) for method, seed in (("erm", 0), ("erm", 1), ("crossgrad", 0))]
    write(tmp_path, "two", *kept, json.dumps(failed))
    found = pooled({study.name: found_in(study, tmp_path) for study in (ONE, TWO)})
    assert found.failed == {"crossgrad": {1: "the loss became NaN"}}
    assert lacking(BOTH.columns[0], SCALE, found) == ""


def test_domains_that_share_models_get_a_warning_and_a_test_over_seeds(tmp_path: Path) -> None:
    # Both domains gain alike with a seed: sure over domains, unsure over the three trainings.
    gains = (0.3, -0.1, 0.1)
    lines = [record("erm", seed, a=0.5, b=0.5) for seed in range(3)]
    lines += [record("crossgrad", seed, a=0.5 + gain, b=0.51 + gain) for seed, gain in enumerate(gains)]
    write(tmp_path, "one", *lines)
    alone = Target("Table 4: small", (Column("One", (ONE,), {}),))
    table = accuracy_table(alone, SCALE, tmp_path)
    row = cells(table, "CrossGrad")
    assert row["gain"] == "+10.5"
    assert float(str(row["p_domains"])) < 0.05
    # t = 10.5 / (20 / sqrt(3)) with two degrees of freedom
    assert float(str(row["p_seeds"])) == pytest.approx(0.46, abs=0.005)
    assert any(note.startswith("One: All 2 test domains were held out together") for note in table.notes)
    each = Target("Table 4: small", (Column("One", (replace(ONE, hold_out="2"),), {}),))
    assert not any("held out together" in note for note in accuracy_table(each, SCALE, tmp_path).notes)


def test_the_summary_takes_the_larger_of_both_p_values_and_says_what_is_missing(tmp_path: Path) -> None:
    gains = (0.3, -0.1, 0.1)
    lines = [record("erm", seed, a=0.5, b=0.5) for seed in range(3)]
    lines += [record("crossgrad", seed, a=0.5 + gain, b=0.51 + gain) for seed, gain in enumerate(gains)]
    write(tmp_path, "handwriting", *lines)
    table = summary_table(SCALES["cpu"], tmp_path)
    crossgrad = cells(table, "CrossGrad")["Handwriting"]
    assert crossgrad == "60.5 ± 11.5 (+10.5, p 0.46)"
    (missing,) = [note for note in table.notes if "missing" in note]
    assert missing.startswith("Handwriting: missing runs: ERM (seeds 3, 4); DANN (seeds 0, 1, 2, 3, 4)")


def test_the_summary_says_which_tasks_are_begun_and_left_out(tmp_path: Path) -> None:
    write(tmp_path, "handwriting-greek", *(record(method, 0, a=0.5) for method in METHODS))
    write(tmp_path, "speech", record("crossgrad", 0, a=0.5))
    table = summary_table(SCALES["cpu"], tmp_path)
    assert list(table.columns) == ["method"]
    left_out = [note for note in table.notes if "left out" in note]
    assert left_out == [
        "Handwriting, 4 other alphabets: left out, since not all of it is trained; whole are 'handwriting-greek'.",
        "Speech (Google's): left out, since not all of it is trained.",
    ]


@pytest.mark.parametrize(
    ("by_domain", "larger"),
    [
        ({"a": (0.31, 0.29, 0.33), "b": (0.01, 0.03, 0.02)}, "domains"),
        ({"a": (0.31, -0.09, 0.11), "b": (0.32, -0.08, 0.12)}, "seeds"),
        ({"a": (0.1, 0.2, 0.1)}, "seeds"),  # the only test there is
        ({"a": (0.1,), "b": (0.12,)}, "domains"),  # likewise
        ({"a": (0.1,)}, "none"),
    ],
)
def test_p_is_the_larger_of_two_tests(by_domain: dict[str, tuple[float, ...]], larger: str) -> None:
    cells = {(domain, seed): Cell(gain, None) for domain, gains in by_domain.items() for seed, gain in enumerate(gains)}
    found = Found({}, {"one": cells, "zero": {place: Cell(0.0, None) for place in cells}}, list(by_domain))
    gains = np.array(list(by_domain.values()))
    # SciPy warns where there are no degrees of freedom
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = {
            "domains": ttest_1samp(gains.mean(1), 0.0).pvalue,
            "seeds": ttest_1samp(gains.mean(0), 0.0).pvalue,
            "none": None,
        }
    assert found.larger_p("one", "zero") == (pytest.approx(p[larger]) if p[larger] is not None else None)
    assert larger == "none" or p[larger] == np.nanmax([p["domains"], p["seeds"]])
    # One training that all domains share says nothing of others.
    shared = replace(found, shares_models=True)
    alone = gains.shape[1] == 1
    assert shared.larger_p("one", "zero") == (None if alone else found.larger_p("one", "zero"))


def test_what_was_not_run_has_no_p() -> None:
    assert Found({}, {}, ()).larger_p("one", "zero") is None


def test_no_study_of_a_column_run_is_not_run(tmp_path: Path) -> None:
    assert "Both: Not run." in accuracy_table(BOTH, SCALE, tmp_path).notes


ACCURACIES = st.lists(st.floats(0, 1), min_size=3, max_size=3)


@given(st.lists(st.tuples(ACCURACIES, ACCURACIES), min_size=1, max_size=5))
def test_with_as_many_domains_each_the_mean_difference_is_the_difference_of_means(
    studies: list[tuple[list[float], list[float]]],
) -> None:
    found = {
        str(index): Found(
            accuracies={name: {0: 100 * fmean(of)} for name, of in zip(METHODS, both, strict=True)},
            cells={
                name: {(str(domain), 0): Cell(accuracy, None) for domain, accuracy in enumerate(of)}
                for name, of in zip(METHODS, both, strict=True)
            },
            domains=["0", "1", "2"],
        )
        for index, both in enumerate(studies)
    }
    result = pooled(found)
    against, erm, crossgrad = result.against("crossgrad", "erm"), result.of("erm"), result.of("crossgrad")
    assert against is not None
    assert erm is not None
    assert crossgrad is not None
    assert against.comparison.n == 3 * len(studies)
    assert against.comparison.mean == pytest.approx(crossgrad.value - erm.value, abs=1e-9)


def test_runs_of_two_studies_are_pooled_with_the_test_over_all_their_examples(tmp_path: Path) -> None:
    dataset = BENCHMARKS["digits"].open()
    halves = [dataset.subset(range(start, len(dataset), 2)) for start in (0, 1)]
    studies = tuple(replace(study, hold_out="2") for study in (ONE, TWO))
    for study, half in zip(studies, halves, strict=True):
        carry_out_study(study, SCALE, tmp_path, half, jobs=1)
    table = accuracy_table(Target("Table 4: small", (Column("Both", studies, {}),)), SCALE, tmp_path)
    for method, name in (("erm", "ERM"), ("crossgrad", "CrossGrad")):
        by_study = [
            fmean(
                100 * record["out_of_domain"]["accuracy"]
                for record in read_records(tmp_path / study.name / "comparison")
                if record["method"] == method
            )
            for study in (ONE, TWO)
        ]
        assert str(cells(table, name)["ours"]).startswith(f"{fmean(by_study):.1f} ± ")
    found = pooled({study.name: found_in(study, tmp_path) for study in studies})
    against = found.against("crossgrad", "erm")
    assert against is not None
    over_examples = found.over_examples("crossgrad", "erm")
    assert over_examples is not None
    assert over_examples.n == len(dataset)
    assert against.comparison.n == 2 * len(dataset.domain_names)


def test_table_4_pools_the_other_alphabets_each_with_its_own_20_writers() -> None:
    (column,) = [column for column in TARGETS["table4"].columns if column.studies == OTHER_ALPHABETS]
    assert {study.options["alphabet"] for study in column.studies} == {
        "Greek",
        "Japanese_(katakana)",
        "Latin",
        "Tagalog",
    }
    assert not column.published  # other labels: only gains can be set beside
    assert column.gains == {"dann": 1.3, "label_grad": 3.8, "crossgrad": 6.1}
    if not BENCHMARKS["handwriting"].is_here:
        pytest.skip("Omniglot is not here")
    opened: list[DomainDataset] = [study.open() for study in (HANDWRITING, *OTHER_ALPHABETS)]
    assert [len(dataset.label_names) for dataset in opened] == [42, 24, 47, 26, 17]
    for dataset in opened:
        assert len(dataset.domain_names) == 20
        assert dataset.domain_split is not None
        assert len(dataset.domain_split.test) == 5
        assert len(dataset) == 20 * len(dataset.label_names)
    assert len({dataset.name for dataset in opened}) == len(opened)
