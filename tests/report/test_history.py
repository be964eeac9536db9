import json

import numpy as np
import pytest

from crossgrad.errors import RecordError
from crossgrad.records import Record
from crossgrad.report.artefacts import Artefacts
from crossgrad.report.history import MOST_POINTS, curves

from .conftest import make_record


def logged(folder, histories: list[dict]) -> list[Record]:
    records = [make_record("erm", "0", seed, 0.8) for seed in range(len(histories))]
    for record, history in zip(records, histories, strict=True):
        (folder / record["key"]).mkdir()
        (folder / record["key"] / "history.json").write_text(json.dumps(history))
    return records


def test_a_curve_is_the_mean_over_runs(tmp_path):
    histories = [{"steps": [0, 10, 20], "label_loss": [2, 1, 0]}, {"steps": [0, 10, 20], "label_loss": [4, 2, 1]}]
    (curve,) = curves(logged(tmp_path, histories), Artefacts(tmp_path), "label_loss")
    assert curve.steps == (0, 10, 20)
    assert curve.values == (3, 1.5, 0.5)
    assert curve.n_runs == 2


def test_only_steps_that_all_runs_logged_are_averaged(tmp_path):
    histories = [{"steps": [0, 10, 20], "label_loss": [2, 1, 0]}, {"steps": [0, 20, 30], "label_loss": [4, 1, 9]}]
    (curve,) = curves(logged(tmp_path, histories), Artefacts(tmp_path), "label_loss")
    assert curve.steps == (0, 20)
    assert curve.values == (3, 0.5)


def test_failed_runs_and_missing_values_are_left_out(tmp_path):
    histories = [{"steps": [0, 10], "label_loss": [2, 1]}, {"steps": [0, 10], "label_loss": [9, float("nan")]}]
    records = logged(tmp_path, histories)
    records[1]["error"] = {"message": "loss became NaN", "step": 10}
    (curve,) = curves(records, Artefacts(tmp_path), "label_loss")
    assert curve.values == (2, 1)
    assert curves(records, Artefacts(tmp_path), "domain_loss") == ()
    assert curves(records, Artefacts(tmp_path / "elsewhere"), "label_loss") == ()


def test_a_long_curve_is_averaged_to_fewer_points(tmp_path):
    steps = list(range(5000))
    (curve,) = curves(logged(tmp_path, [{"steps": steps, "label_loss": steps}]), Artefacts(tmp_path), "label_loss")
    assert len(curve.steps) == MOST_POINTS
    assert np.mean(curve.values) == pytest.approx(np.mean(steps))


@pytest.mark.parametrize("text", ["{", "[]", '{"label_loss": [1]}', '{"steps": 3, "label_loss": [1]}'])
def test_a_damaged_history_is_refused_by_name(tmp_path, text):
    records = logged(tmp_path, [{}])
    path = tmp_path / records[0]["key"] / "history.json"
    path.write_text(text)
    with pytest.raises(RecordError, match=r"history.json: not a training history"):
        curves(records, Artefacts(tmp_path), "label_loss")
