import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy import stats

from crossgrad.errors import RecordError
from crossgrad.records import Record, read_records
from crossgrad.report import Table, summarise

from .conftest import ANGLES, MakeFolder, make_record

DOMAINS = ("a", "b", "c")
ERM = {"a": (0.80, 0.82), "b": (0.70, 0.74), "c": (0.90, 0.90)}
OWN = {"a": (0.84, 0.86), "b": (0.71, 0.77), "c": (0.91, 0.93)}


def records_of(**by_method: dict[str, tuple[float, ...]]) -> list[Record]:
    return [
        make_record(method, domain, seed, accuracy, domains=DOMAINS)
        for method, by_domain in by_method.items()
        for domain, accuracies in by_domain.items()
        for seed, accuracy in enumerate(accuracies)
    ]


@pytest.fixture
def table() -> Table:
    return summarise(records_of(crossgrad=OWN, erm=ERM))


def test_erm_comes_first_and_the_others_in_the_order_of_their_list():
    table = summarise(records_of(crossgrad=OWN, dann=OWN, erm=ERM))
    assert [row.name for row in table.rows] == ["ERM", "DANN", "CrossGrad"]


def test_a_cell_is_the_mean_over_seeds_with_its_standard_error(table):
    cell = table.rows[1].by_domain["b"]
    assert cell.value == pytest.approx(0.74)
    assert cell.standard_error == pytest.approx(np.std([0.71, 0.77], ddof=1) / math.sqrt(2))
    assert cell.n == 2


def test_the_mean_is_over_domains_with_seeds_averaged_first(table):
    means = [0.85, 0.74, 0.92]
    assert table.rows[1].mean.value == pytest.approx(np.mean(means))
    assert table.rows[1].mean.standard_error == pytest.approx(np.std(means, ddof=1) / math.sqrt(3))
    assert table.rows[1].mean.n == 3


def test_the_worst_domain_is_the_one_with_the_lowest_mean_over_seeds(table):
    assert table.rows[0].worst == "b"
    assert table.rows[0].by_domain["b"].value == pytest.approx(0.72)


def test_the_difference_is_paired_by_domain_in_percentage_points(table):
    found = table.rows[1].difference
    assert found.by_domain == pytest.approx({"a": 4.0, "b": 2.0, "c": 2.0})
    expected = stats.ttest_rel([85, 74, 92], [81, 72, 90])
    assert found.comparison.mean == pytest.approx(8 / 3)
    assert found.comparison.p_value == pytest.approx(expected.pvalue)
    assert found.comparison.low == pytest.approx(expected.confidence_interval(0.95).low)
    assert table.rows[0].difference is None


def test_the_difference_uses_only_pairs_of_domain_and_seed_that_both_have():
    own = {"a": (0.84, 0.86), "b": (0.75,), "c": (0.91, 0.93)}
    erm = {"a": (0.80, 0.82), "b": (0.70, 0.90), "c": (0.90, 0.90)}
    found = summarise(records_of(erm=erm, crossgrad=own)).rows[1].difference
    assert found.by_domain == pytest.approx({"a": 4.0, "b": 5.0, "c": 2.0})


def test_a_domain_without_a_common_seed_is_left_out_of_the_difference():
    own = [run for run in records_of(crossgrad=OWN) if run["held_out"] != ["b"] or run["seed"] == 1]
    erm = [run for run in records_of(erm=ERM) if run["held_out"] != ["b"] or run["seed"] == 0]
    row = summarise(erm + own).rows[1]
    assert set(row.difference.by_domain) == {"a", "c"}
    assert row.difference.comparison.n == 2
    assert set(row.by_domain) == {"a", "b", "c"}


def test_in_domain_accuracy_is_over_held_out_folds_with_seeds_averaged_first():
    records = records_of(erm=ERM)
    for record, accuracy in zip(records, (0.90, 0.92, 0.95, 0.97, 0.98, 0.98), strict=True):
        record["in_domain"]["accuracy"] = accuracy
    found = summarise(records).rows[0].in_domain
    assert found.value == pytest.approx(np.mean([0.91, 0.96, 0.98]))
    assert found.standard_error == pytest.approx(np.std([0.91, 0.96, 0.98], ddof=1) / math.sqrt(3))
    assert found.n == 3


def test_domains_held_out_together_are_still_domains_each():
    records = []
    for method, gain in (("erm", 0.0), ("crossgrad", 0.05)):
        record = make_record(method, "a", 0, 0.8, domains=DOMAINS)
        record["held_out"] = ["a", "b"]
        record["out_of_domain"]["by_domain"] = {"a": 0.7 + gain, "b": 0.9 + 2 * gain}
        records.append(record)
    table = summarise(records)
    assert table.held_out == ("a", "b")
    assert table.rows[1].difference.comparison.n == 2
    assert table.rows[1].in_domain.n == 1


def test_one_seed_has_no_standard_error():
    table = summarise(records_of(erm={name: values[:1] for name, values in ERM.items()}))
    assert table.rows[0].by_domain["a"].standard_error is None
    assert table.rows[0].mean.standard_error is not None


def test_failed_and_missing_runs_are_listed_in_words(make_folder: MakeFolder):
    folder = make_folder(failed=[("crossgrad", "30", 2)], missing=[("dann", "0", 1)], artefacts=False)
    table = summarise(read_records(folder))
    assert [str(run) for run in table.unfinished] == [
        "dann, held out 0, seed 1: no record",
        "crossgrad, held out 30, seed 2: loss became NaN at step 14",
    ]
    assert table.rows[3].by_domain["30"].n == 2


def test_a_reason_that_names_its_step_is_not_given_it_twice(make_folder: MakeFolder):
    records = read_records(make_folder(failed=[("dann", "0", 0)], artefacts=False))
    failed = next(record for record in records if record["error"])
    failed["error"]["message"] = "label loss is nan at step 14 (learning_rate=3)"
    assert str(summarise(records).unfinished[0]).endswith("seed 0: label loss is nan at step 14 (learning_rate=3)")


def test_a_method_whose_runs_all_failed_is_still_a_row(make_folder: MakeFolder):
    failed = [("dann", angle, seed) for angle in ANGLES for seed in range(3)]
    row = summarise(read_records(make_folder(failed=failed, artefacts=False))).rows[2]
    assert row.name == "DANN"
    assert (row.by_domain, row.mean, row.worst, row.in_domain, row.difference) == ({}, None, None, None, None)


def test_perturbations_are_means_over_runs_and_flagged_from_the_inputs_own_size():
    records = records_of(erm=ERM, crossgrad=OWN)
    assert not summarise(records).rows[1].perturbation.as_large_as_input
    for record in records:
        if record["method"] == "crossgrad":
            record["perturbation"] = {"l2": 6.0 + 0.8 * record["seed"], "linf": 1.0, "input_l2": 6.4}
    table = summarise(records)
    assert table.rows[1].perturbation.l2 == pytest.approx(6.4)
    assert table.rows[1].perturbation.as_large_as_input
    assert table.rows[0].perturbation is None


def test_held_out_domains_keep_the_order_of_the_data():
    table = summarise(records_of(erm={name: ERM[name] for name in "cab"}))
    assert table.held_out == ("a", "b", "c")


def test_records_of_two_datasets_are_refused():
    records = records_of(erm=ERM)
    records[1]["fingerprint"] = "other"
    with pytest.raises(RecordError, match=r"2 datasets, digits \(5a1d0c44\), digits \(other\)"):
        summarise(records)


@pytest.mark.parametrize(("field", "value"), [("max_steps", 900), ("net", "mlp"), ("settings", {"learning_rate": 9})])
def test_seeds_that_were_trained_differently_are_not_averaged(field, value):
    records = records_of(erm=ERM)
    records[1][field] = value
    with pytest.raises(RecordError, match=f"erm, held out a: seeds 0 and 1 differ in {field}"):
        summarise(records)


def test_methods_that_were_trained_differently_are_compared_and_named():
    records = records_of(erm=ERM, crossgrad=OWN)
    for record in records:
        record["max_steps"] = {"erm": 600, "crossgrad": 900}[record["method"]]
    assert summarise(records).unequal == {"max_steps": {"erm": "600", "crossgrad": "900"}}


def test_methods_that_were_trained_on_other_domains_are_compared_and_named():
    records = records_of(erm=ERM, crossgrad=OWN)
    for record in records:
        record["domains"] = [*DOMAINS, "d", "e"]
        record["left_out"] = {"erm": ["d", "e"], "crossgrad": ["e"]}[record["method"]]
    table = summarise(records)
    assert table.unequal == {"left_out": {"erm": "d, e", "crossgrad": "e"}}
    assert table.left_out == ("e",)
    records[1]["left_out"] = []
    with pytest.raises(RecordError, match=r"erm, held out a: seeds 0 and 1 differ in left_out \(\['d', 'e'\], \[\]\)"):
        summarise(records)


def test_one_run_recorded_twice_is_refused():
    records = records_of(erm=ERM)
    with pytest.raises(RecordError, match="erm, domain a, seed 0: more than one record"):
        summarise([*records, dict(records[0], key="again")])


def test_a_record_without_a_field_is_refused_by_name():
    records = records_of(erm=ERM)
    del records[0]["fingerprint"]
    with pytest.raises(RecordError, match="has no fingerprint"):
        summarise(records)
    with pytest.raises(RecordError, match="no records to report"):
        summarise([])


def test_a_table_cannot_be_changed(table):
    with pytest.raises(FrozenInstanceError):
        table.dataset = "other"
