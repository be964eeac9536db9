"""crossgrad report as a process, and what it refuses."""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from crossgrad.cli import main
from crossgrad.comparison import compare
from processes import COMMAND
from small import save_arrays, vectors


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two comparisons of one dataset: ERM and CrossGrad, and Random, each in a folder of its own."""
    folder = tmp_path_factory.mktemp("results")
    for name, methods in (("one", ["erm", "crossgrad"]), ("two", ["random"])):
        compare(vectors(), output=folder / name, methods=methods, hold_out="each", seeds=[0], max_steps=2)
    return folder


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [*COMMAND, "report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    monkeypatch.setattr(sys, "argv", ["crossgrad", "report", *map(str, arguments)])
    with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (2, "")
    return captured.err


def test_a_comparisons_own_report_is_made_again_byte_for_byte(compared: Path) -> None:
    folder = compared / "one"
    before = {name: (folder / name).read_bytes() for name in ("report.html", "report.md", "report.tex")}
    for name in before:
        (folder / name).unlink()
    done = run(folder)
    assert done.returncode == 0, done.stderr
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert "Difference from ERM" in done.stdout
    assert str(folder / "report.html") in done.stdout


def test_several_places_become_one_report_with_the_controls_of_another_place(compared: Path, tmp_path: Path) -> None:
    done = run(compared / "one", compared / "two" / "records.jsonl", "--output", tmp_path / "both", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["method"]: row for row in json.loads(done.stdout)["rows"]}
    assert set(rows["crossgrad"]["controls"]) == {"random"}
    assert rows["random"]["calibration_error"]["value"] >= 0
    assert rows["crossgrad"]["difference"]["by_example"]["mcnemar_seed"] == 0
    assert "Difference from Random" in (tmp_path / "both" / "report.md").read_text()
    assert {path.name for path in (tmp_path / "both").iterdir()} == {"report.html", "report.md", "report.tex"}


WITHOUT_TORCH = """
import sys
sys.argv = ["crossgrad", "report", *sys.argv[1:]]
from crossgrad.cli import main
try:
    main()
finally:
    assert "torch" not in sys.modules
"""


def test_reports_are_made_without_torch(compared: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(compared / "one")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Difference from ERM" in done.stdout


def test_several_places_need_an_output(
    compared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--output FOLDER" in refused(monkeypatch, capsys, compared / "one", compared / "two")


def test_a_report_that_lies_elsewhere_is_replaced_only_when_asked(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.md").write_text("mine")
    assert "is there already" in refused(monkeypatch, capsys, compared / "one", "--output", tmp_path)
    assert (tmp_path / "report.md").read_text() == "mine"
    assert run(compared / "one", "--output", tmp_path, "--overwrite").returncode == 0
    assert (tmp_path / "report.md").read_text() != "mine"


def test_reports_beside_records_are_replaced_however_the_folder_is_spelled(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(compared / "one", tmp_path / "one")
    monkeypatch.chdir(tmp_path)
    for records, output in ((Path("one/records.jsonl"), Path("one")), (Path("one"), tmp_path / "one")):
        assert run(records, "--output", output).returncode == 0


def test_a_file_in_the_place_of_the_folder_is_told(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("mine")
    told = refused(monkeypatch, capsys, compared / "one", "--output", tmp_path / "mine")
    assert "cannot write" in " ".join(told.split())
    assert (tmp_path / "mine").read_text() == "mine"


def test_contradictory_records_end_with_a_sentence(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (compared / "one" / "records.jsonl").read_text().splitlines()
    other = json.loads(lines[0])
    other["in_domain"] = None
    (tmp_path / "records.jsonl").write_text(json.dumps(other) + "\n")
    error = refused(monkeypatch, capsys, compared / "one", tmp_path, "--output", tmp_path / "both")
    assert "say different things of one run" in error
    assert "(in_domain)" in error
    assert not (tmp_path / "both").exists()


def test_a_folder_without_records_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = refused(monkeypatch, capsys, tmp_path)
    assert "no records at" in error
    assert str(tmp_path) in error


# A sweep's folder

GRID = ["--grid", "learning_rate=0.001,0.1", "--grid", "label_weight=0.1,0.5"]
SWEEPS = {
    "each": [],
    "one": ["--hold-out", "den"],
    "training": ["--select", "training"],
    "oracle": ["--select", "oracle", "--seeds", "2"],
    "halving": ["--search", "halving", "--hold-out", "den"],
}


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    monkeypatch.setattr(sys, "argv", ["crossgrad", *map(str, arguments)])
    with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert not ended.value.code, captured.err
    return captured.out


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweeps_table_and_choice_come_again_from_its_records_which_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    save_arrays(vectors(), tmp_path / "vectors.npz")
    monkeypatch.chdir(tmp_path)
    command = ["sweep", "vectors.npz", "--method", "label_grad", *GRID, *SWEEPS[name], "--max-steps", "9"]
    command += ["--jobs", "1", "--output", "found"]
    swept, as_json = (shown(monkeypatch, capsys, *command, *more) for more in ([], ["--json"]))
    before = state(tmp_path)
    assert shown(monkeypatch, capsys, "report", "found") in swept
    assert shown(monkeypatch, capsys, "report", Path("found", "records.jsonl"), "--json") == as_json
    assert state(tmp_path) == before


@pytest.mark.parametrize("name", ["hybrid-digits", "calibrated-handwriting"])
def test_committed_sweeps_are_shown_again_without_torch(name: str) -> None:
    folder = Path(__file__).parents[1] / "results" / "sweeps" / name
    command = [sys.executable, "-c", WITHOUT_TORCH, str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    candidates = json.loads(done.stdout)["candidates"]
    assert len(candidates) == len(json.loads((folder / "plan.json").read_bytes())["points"])
    (best,) = [each for each in candidates if each["accuracies"][0]["chosen"]]
    assert best["accuracies"][0]["accuracy"] == max(each["accuracies"][0]["accuracy"] for each in candidates)
    choice = json.loads((folder / "chosen.json").read_bytes())["choices"][0]
    assert best["accuracies"][0]["accuracy"] == pytest.approx(choice["accuracy"])


def test_a_sweep_that_has_not_ended_or_was_changed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], compared: Path
) -> None:
    committed = Path(__file__).parents[1] / "results" / "sweeps" / "hybrid-digits"
    folder = tmp_path / "found"
    shutil.copytree(committed, folder)
    told = refused(monkeypatch, capsys, folder, "--output", tmp_path / "page")
    assert "is a sweep's: its candidates are printed alone, without --output" in " ".join(told.split())
    told = refused(monkeypatch, capsys, folder, compared / "one", "--output", tmp_path / "page")
    assert "is a sweep's" in " ".join(told.split())

    choice = json.loads((folder / "chosen.json").read_bytes())
    choice["choices"][0]["accuracy"] += 0.01
    (folder / "chosen.json").write_text(json.dumps(choice))
    assert "is not what the records beside it give for 15" in " ".join(refused(monkeypatch, capsys, folder).split())
    choice["choices"] = [{}]
    (folder / "chosen.json").write_text(json.dumps(choice))
    assert "holds no sweep that can be read" in " ".join(refused(monkeypatch, capsys, folder).split())
    (folder / "chosen.json").write_text("[]")
    assert "is nothing that `crossgrad sweep` wrote" in " ".join(refused(monkeypatch, capsys, folder).split())
    (folder / "chosen.json").unlink()
    assert "has not ended: there is no chosen.json" in " ".join(refused(monkeypatch, capsys, folder).split())
