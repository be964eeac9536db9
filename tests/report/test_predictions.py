"""What predictions add to a table: tests by example and calibration."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from crossgrad.errors import RecordError
from crossgrad.records import Record
from crossgrad.reliability import expected_calibration_error
from crossgrad.report import Artefacts, grids, read_answers, summarise
from crossgrad.significance import bootstrap, matched_pairs, mcnemar

from .conftest import ANGLES, make_record

N_EXAMPLES = 40
GAINS = {"erm": 0.0, "crossgrad": 0.1}


def write_predictions(runs: Path, record: Record, right: NDArray[np.bool_], *, confidence: float = 0.9) -> None:
    """Of ten labels; the examples lie in the file from last to first."""
    (domain,) = record["held_out"]
    n = len(right)
    first = 1000 * record["domains"].index(domain)
    label = np.arange(n) % 10
    probabilities = np.full((n, 10), (1 - confidence) / 9, dtype=np.float32)
    probabilities[np.arange(n), np.where(right, label, (label + 1) % 10)] = confidence
    (runs / record["key"]).mkdir(parents=True)
    np.savez(
        runs / record["key"] / "predictions.npz",
        example=np.arange(first, first + n)[::-1],
        domain=np.array([domain] * n),
        label=label[::-1],
        probabilities=probabilities[::-1],
    )


def compared(runs: Path, *, seeds: int = 2) -> tuple[list[Record], dict[tuple[str, str, int], NDArray[np.bool_]]]:
    generator = np.random.default_rng(0)
    records, answers = [], {}
    for domain in ANGLES:
        hard = generator.uniform(size=N_EXAMPLES)
        for method, gain in GAINS.items():
            for seed in range(seeds):
                right = 0.7 * hard + 0.3 * generator.uniform(size=N_EXAMPLES) < 0.7 + gain
                record = make_record(method, domain, seed, float(right.mean()))
                write_predictions(runs, record, right)
                records.append(record)
                answers[method, domain, seed] = right
    return records, answers


def test_tests_by_example_are_of_differences_averaged_over_seeds(tmp_path: Path) -> None:
    records, right = compared(tmp_path)
    found = summarise(records, read_answers(records, Artefacts(tmp_path))).rows[1].difference
    assert found is not None
    assert found.by_example is not None
    differences = [
        100 * np.mean([right["crossgrad", d, s].astype(float) - right["erm", d, s] for s in range(2)], axis=0)
        for d in ANGLES
    ]
    assert found.by_example.matched_pairs == matched_pairs(np.concatenate(differences))
    assert found.by_example.bootstrap == bootstrap(differences)
    assert found.by_example.bootstrap.mean == pytest.approx(found.comparison.mean)
    one, two = (np.concatenate([right[method, d, 0] for d in ANGLES]) for method in ("crossgrad", "erm"))
    assert (found.by_example.mcnemar, found.by_example.mcnemar_seed) == (mcnemar(one, two), 0)


def test_mcnemar_takes_the_lowest_seed_that_both_have_on_every_domain(tmp_path: Path) -> None:
    records, _ = compared(tmp_path)
    answers = read_answers(records, Artefacts(tmp_path))
    without = [r for r in records if (r["method"], r["held_out"], r["seed"]) != ("erm", ["30"], 0)]
    found = summarise(without, answers).rows[1].difference
    assert found is not None
    assert found.by_example is not None
    assert found.by_example.mcnemar_seed == 1


def test_without_one_of_the_predictions_there_are_no_tests_by_example(tmp_path: Path) -> None:
    records, _ = compared(tmp_path)
    (tmp_path / records[-1]["key"] / "predictions.npz").unlink()
    table = summarise(records, read_answers(records, Artefacts(tmp_path)))
    assert table.rows[1].difference is not None
    assert table.rows[1].difference.by_example is None
    assert table.rows[1].difference.wilcoxon_p is not None
    assert table.rows[1].calibration_error is None
    assert table.rows[0].calibration_error is not None


def test_the_calibration_error_is_of_each_domain_and_seed_by_itself(tmp_path: Path) -> None:
    records, right = compared(tmp_path)
    row = summarise(records, read_answers(records, Artefacts(tmp_path))).rows[0]
    of_domain = [
        np.mean([expected_calibration_error(np.full(N_EXAMPLES, 0.9), right["erm", d, s]) for s in range(2)])
        for d in ANGLES
    ]
    assert row.calibration_error is not None
    assert row.calibration_error.value == pytest.approx(np.mean(of_domain), abs=1e-6)
    assert row.calibration_error.n == len(ANGLES)


def test_the_spread_is_the_standard_deviation_over_domains(tmp_path: Path) -> None:
    records, right = compared(tmp_path)
    row = summarise(records).rows[0]
    means = [np.mean([right["erm", d, s].mean() for s in range(2)]) for d in ANGLES]
    assert row.spread == pytest.approx(np.std(means, ddof=1))
    alone = summarise([r for r in records if r["held_out"] == ["0"]])
    assert alone.rows[0].spread is None
    assert grids.tests(alone) is None


def test_every_cell_of_the_further_tables_is_there_with_predictions(tmp_path: Path) -> None:
    records, _ = compared(tmp_path)
    table = summarise(records, read_answers(records, Artefacts(tmp_path)))
    for grid in (grids.tests(table), grids.spread(table)):
        assert grid is not None
        assert all(len(cells) == len(grid.header) and "—" not in cells for cells in grid.rows)
    further = grids.tests(table)
    assert further is not None
    assert "(seed 0)" in further.caption


def test_predictions_of_other_examples_are_refused(tmp_path: Path) -> None:
    records, right = compared(tmp_path)
    (tmp_path / records[-1]["key"] / "predictions.npz").unlink()
    (tmp_path / records[-1]["key"]).rmdir()
    write_predictions(tmp_path, records[-1], right["crossgrad", "75", 1][:-1])
    with pytest.raises(RecordError, match="predictions on domain 75 are of different examples"):
        summarise(records, read_answers(records, Artefacts(tmp_path)))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_a_file_that_holds_no_predictions_is_named(tmp_path: Path, content: bytes) -> None:
    records, _ = compared(tmp_path, seeds=1)
    path = tmp_path / records[0]["key"] / "predictions.npz"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"predictions\.npz: not the predictions of a run.*; take the file away"):
        read_answers(records, Artefacts(tmp_path))
    path.unlink()
    assert set(read_answers(records, Artefacts(tmp_path))) == {record["key"] for record in records[1:]}


@pytest.mark.parametrize("bad", [np.nan, -0.1, 2.0])
def test_predictions_that_are_no_probabilities_are_refused(tmp_path: Path, bad: float) -> None:
    records, right = compared(tmp_path, seeds=1)
    (tmp_path / records[0]["key"] / "predictions.npz").unlink()
    (tmp_path / records[0]["key"]).rmdir()
    write_predictions(tmp_path, records[0], right["erm", ANGLES[0], 0], confidence=bad)
    with pytest.raises(RecordError, match="its probabilities are not all between 0 and 1"):
        read_answers(records, Artefacts(tmp_path))


def test_predictions_without_a_domain_of_their_record_are_refused(tmp_path: Path) -> None:
    records, _ = compared(tmp_path, seeds=1)
    for record in records:
        record["domains"].append("another")
        record["out_of_domain"]["by_domain"]["another"] = 0.5
    with pytest.raises(RecordError, match="have no examples of domain another"):
        summarise(records, read_answers(records, Artefacts(tmp_path)))


def test_pickled_predictions_are_not_read(tmp_path: Path) -> None:
    records, _ = compared(tmp_path, seeds=1)
    np.savez(tmp_path / records[0]["key"] / "predictions.npz", probabilities=np.array([{}], dtype=object))
    with pytest.raises(RecordError, match="not the predictions of a run"):
        read_answers(records, Artefacts(tmp_path))
