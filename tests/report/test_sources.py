"""Records from several places, put together."""

import json
from pathlib import Path

import pytest

from crossgrad.errors import RecordError
from crossgrad.records import Record
from crossgrad.report import collect, write_report

from .conftest import MakeFolder, make_record


def saved(folder: Path, *records: Record) -> Path:
    folder.mkdir()
    (folder / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def test_methods_compared_in_two_places_stand_in_one_table_whatever_their_order(make_folder: MakeFolder) -> None:
    first, second = make_folder(name="one", methods=["erm"]), make_folder(name="two", methods=["crossgrad"])
    together = collect([first, second / "records.jsonl"])
    assert [row.method for row in together.table.rows] == ["erm", "crossgrad"]
    assert together.table.rows[1].difference is not None
    assert together.table.rows == collect([second, first]).table.rows
    galleries = [together.artefacts.find(r["key"], "gallery.npz") for r in together.records if r["perturbation"]]
    assert all(galleries)


def test_a_run_that_two_places_hold_counts_once(tmp_path: Path) -> None:
    record = make_record("erm", "0", 0, 0.8)
    elsewhere = record | {"seconds": 99.0, "versions": {"torch": "3"}, "command": "another"}
    source = collect([saved(tmp_path / "a", record), saved(tmp_path / "b", elsewhere)])
    assert source.records == (record,)


def test_one_run_with_two_results_is_refused_with_both_places_and_what_differs(tmp_path: Path) -> None:
    record = make_record("erm", "0", 0, 0.8)
    other = record | {"out_of_domain": {"accuracy": 0.9, "n": 300, "by_domain": {"0": 0.9}}}
    with pytest.raises(RecordError, match=r"a' and '.*b' say different .* erm, held out 0, seed 0 \(out_of_domain\)"):
        collect([saved(tmp_path / "a", record), saved(tmp_path / "b", other)])


def test_one_method_trained_in_two_ways_is_refused_with_what_differs(tmp_path: Path) -> None:
    record = make_record("erm", "0", 0, 0.8)
    other = record | {"key": "0123456789abcdef", "max_steps": 9}
    with pytest.raises(RecordError, match=r"both have erm, held out 0, seed 0, trained differently \(max_steps\)"):
        collect([saved(tmp_path / "a", record), saved(tmp_path / "b", other)])


def test_two_datasets_are_refused_by_name(make_folder: MakeFolder) -> None:
    folders = [make_folder(name=name, dataset=name, artefacts=False) for name in ("one", "two")]
    with pytest.raises(RecordError, match=r"2 datasets, one \(5a1d0c44\), two \(5a1d0c44\)|more than one record"):
        assert collect(folders).table


def test_a_report_of_several_places_has_curves_and_pictures_of_all(make_folder: MakeFolder, tmp_path: Path) -> None:
    folders = [make_folder(name="one", methods=["erm"]), make_folder(name="two", methods=["crossgrad"])]
    page = write_report(collect(folders), tmp_path).html.read_text()
    assert page.count('<polyline class="curve m0 ') == 1
    assert "<img" in page
    assert not (folders[0] / "report.html").exists()


def test_runs_without_a_held_out_domain_have_no_table(tmp_path: Path) -> None:
    record = make_record("erm", "0", 0, 0.8) | {"held_out": [], "out_of_domain": None}
    with pytest.raises(RecordError, match="held no domain out"):
        assert collect([saved(tmp_path / "a", record)]).table
