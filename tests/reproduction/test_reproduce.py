"""crossgrad reproduce: a table of the paper from small studies, planned, trained, resumed, and set beside numbers."""

import json
import re
from dataclasses import replace
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

import pytest

from commands import Command
from crossgrad.building import build_method
from crossgrad.cli import reproduce
from crossgrad.data import BENCHMARKS, DomainDataset, held_out_folds, with_training_domains
from crossgrad.data.domain_split import DomainSplit
from crossgrad.errors import SettingsError
from crossgrad.experiments.grids import Dimension, check_grid, points
from crossgrad.experiments.settings import Settings
from crossgrad.records import read_records
from crossgrad.report.differences import Cell
from crossgrad.reproduction import NAMES, SCALES, TARGETS, PaperTable, Target
from crossgrad.reproduction.accuracy_tables import accuracy_table
from crossgrad.reproduction.carrying_out import cost_of
from crossgrad.reproduction.found import Found
from crossgrad.reproduction.studies import Study
from crossgrad.reproduction.targets import Column
from small import vectors

DIGITS = Study(
    "digits", "digits", "real digits at six angles", hold_out="3", methods=("erm", "label_grad", "crossgrad")
)
FOLD = ("0", "30")
"""One of the three folds of angles."""
OTHER = ("15",)
FOLDS = (FOLD, OTHER, ("45",))
ABSENT = Study("absent", "lipitk", "the paper's own")
PUBLISHED = {"erm": 50.0, "crossgrad": 60.0}


@pytest.fixture
def command(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """In an empty folder, without raw data."""
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path / "data"))
    return command


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Target:
    """Table 4 of one study at hand and one that is not, and a quick scale that chooses LabelGrad's step of two."""
    target = Target(
        "Table 4: small",
        (
            Column("Fold", (DIGITS,), PUBLISHED, held_out=FOLD),
            Column("All", (DIGITS,), {}, gains={"crossgrad": 2.0}),
            Column("Absent", (ABSENT,), PUBLISHED),
        ),
    )
    monkeypatch.setitem(TARGETS, "table4", target)
    grids = {"label_grad": [Dimension(("label_gradient_step",), (0.1, 0.3))]}
    scale = replace(SCALES["quick"], settings={"max_steps": 3, "batch_size": 8}, grids=grids)
    monkeypatch.setitem(SCALES, "quick", scale)
    return target


def test_a_table_is_planned_trained_once_and_set_beside_the_published_numbers(command: Command, small: Target) -> None:
    done = command("reproduce", "table4", "--scale", "quick", "--output", "out", "--jobs", "1")
    assert done.code == 0
    n_sweep = 2 * 3  # two candidates, every pair of three folds
    n_comparison = (3 + 1) * 3 * 2  # three methods and matched ERM, three folds, two seeds
    assert f"digits: {n_sweep + n_comparison} runs, about" in done.err
    assert "absent: left out. lipitk is not here." in " ".join(done.err.split())
    folder = Path("out/quick/digits")
    assert len(read_records(folder / "comparison")) == n_comparison
    assert len(read_records(folder / "sweeps/label_grad")) == n_sweep

    table = json.loads(Path("out/quick/table4.json").read_text())
    row = next(row for row in table["rows"] if (row["column"], row["method"]) == ("Fold", "CrossGrad"))
    ours = [
        100 * record["out_of_domain"]["accuracy"]
        for record in read_records(folder / "comparison")
        if record["method"] == "crossgrad" and record["held_out"] == list(FOLD)
    ]
    assert row["ours"] == f"{fmean(ours):.1f} ± {stdev(ours) / sqrt(2):.1f}"
    assert row["published"] == "60.0"
    assert row["minus_published"] == f"{fmean(ours) - 60:+.1f}"
    absent = [row["ours"] for row in table["rows"] if row["column"] == "Absent"]
    assert absent == [None] * len(absent)
    assert "Absent: Not run." in table["notes"]

    records = read_records(folder / "comparison")
    assert {record["select"] for record in records if record["method"] == "label_grad"} == {"held-out"}
    assert {record["select"] for record in records if record["method"] != "label_grad"} == {"none"}

    before = (folder / "comparison/records.jsonl").read_bytes()
    again = command("reproduce", "table4", "--scale", "quick", "--output", "out", "--jobs", "1")
    assert f"{n_sweep + n_comparison} are done, about 0 s to go" in " ".join(again.err.split())
    assert (folder / "comparison/records.jsonl").read_bytes() == before
    shown = command("reproduce", "table4", "--scale", "quick", "--output", "out", "--no-training", "--json")
    assert json.loads(shown.out) == table
    assert "runs" not in shown.err


def test_a_long_comparison_is_not_told_to_be_made_shorter_by_what_other_commands_take(
    command: Command, small: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("cli.progress", "sweeping.planning"):
        monkeypatch.setattr(f"crossgrad.{place}.step_seconds", lambda runs, _: {run.method: 3600.0 for run in runs})
    reproduced = command("reproduce", "table4", "--scale", "quick", "--output", "out", "--jobs", "1")
    assert " h to go" in reproduced.err
    assert "For a first look" not in reproduced.err
    assert not re.search("--methods|--budget", reproduced.err)
    compared = command(
        "compare", "digits", "--methods", "erm", "--hold-out", "3", "--seeds", "2", "--max-steps", "3", "--output", "c"
    )
    assert "fewer --methods are faster" in compared.err


def test_all_tables_are_made_of_what_is_there_and_printed_as_one_document(command: Command, small: Target) -> None:
    done = command("reproduce", "all", "--scale", "quick", "--output", "out", "--no-training", "--json")
    assert done.code == 0
    tables = json.loads(done.out)
    assert {"table3", "table4", "table9", "ablations", "conditions", "sizes", "summary"} <= set(tables)
    assert not {"figure6", "figure7", "gallery"} & set(tables)  # they are of models, and there are none
    assert "Fold: Not run." in tables["table4"]["notes"]
    for name, table in tables.items():
        place = Path("out") if name == "table3" else Path("out/quick")
        assert json.loads((place / f"{name}.json").read_text()) == table
        assert (place / f"{name}.md").read_text().startswith(f"# {table['title']}")


def test_the_command_takes_the_names_of_all_that_can_be_made() -> None:
    assert sorted({*reproduce.NAMES} - {"all"}) == sorted(NAMES)


def test_a_figure_that_cannot_be_drawn_prints_no_document_and_fails(command: Command) -> None:
    done = command("reproduce", "figure6", "--scale", "quick", "--output", "out", "--no-training", "--json")
    assert (done.code, done.out) == (1, "")
    assert "not trained yet, so it is not drawn" in " ".join(done.err.split())


def test_failed_runs_are_told_and_the_command_fails(
    command: Command, small: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    scale = SCALES["quick"]
    diverging = {**scale.settings, "learning_rate": 1e30, "optimizer": "sgd"}
    monkeypatch.setitem(SCALES, "quick", replace(scale, settings=diverging, grids={}))
    done = command("reproduce", "table4", "--scale", "quick", "--output", "out", "--jobs", "1", "--study", "digits")
    assert done.code == 1
    assert re.search(r"\d+ runs failed; the table's notes say how", " ".join(done.err.split()))
    assert "Failed runs of digits, which are in no number: ERM (seed 0: " in " ".join(done.out.split())


def test_one_study_of_a_table_is_trained_alone(command: Command, small: Target) -> None:
    arguments = ("reproduce", "table4", "--scale", "quick", "--output", "out", "--jobs", "1")
    done = command(*arguments, "--study", "absent")
    assert done.code == 0
    assert "digits" not in done.err
    assert "absent: left out." in done.err
    wrong = command(*arguments, "--study", "digit")
    assert wrong.code == 2
    assert "no study 'digit' in table4; did you mean 'digits'?" in " ".join(wrong.err.split())


def test_records_that_cannot_be_gone_on_from_leave_other_studies_and_tables_as_they_are(
    command: Command, small: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("reproduce", "table4", "--scale", "quick", "--output", "out", "--jobs", "1")
    another = replace(DIGITS, name="another", methods=("erm",), matched=False)
    both = replace(small, columns=(small.columns[1], Column("Another", (another,), {})))
    monkeypatch.setitem(TARGETS, "table4", both)
    scale = replace(SCALES["quick"], grids={})
    monkeypatch.setitem(SCALES, "quick", scale)
    assert command(*arguments, "--study", "digits").code == 0
    before = Path("out/quick/digits/comparison/records.jsonl").read_bytes()
    monkeypatch.setitem(SCALES, "quick", replace(scale, settings={"max_steps": 4, "batch_size": 8}))
    done = command(*arguments)
    assert done.code == 1
    assert "digits: left out. 'out/quick/digits/comparison' holds" in " ".join(done.err.split())
    assert Path("out/quick/digits/comparison/records.jsonl").read_bytes() == before
    assert len(read_records(Path("out/quick/another/comparison"))) == 6

    records = Path("out/quick/digits/comparison/records.jsonl")
    records.write_bytes(b"no record\n" + before)
    done = command(*arguments)
    assert done.code == 1
    assert "digits: left out. " in " ".join(done.err.split())
    assert "table4: not made. " in " ".join(done.err.split())
    assert "Traceback" not in done.err

    records.write_text('{"version": 1, "key": "a"}\n')
    done = command("reproduce", "all", "--scale", "quick", "--output", "out", "--no-training", "--json")
    assert done.code == 1
    assert "table4: not made. record 'a' has no dataset" in " ".join(done.err.split())
    assert {"table3", "table9", "summary"} <= set(json.loads(done.out))
    assert "table4" not in json.loads(done.out)


def table_of(small: Target, folder: Path) -> PaperTable:
    return accuracy_table(small, SCALES["quick"], folder)


def record(method: str, angles: tuple[str, ...], seed: int, accuracy: float) -> str:
    by_domain = dict.fromkeys(angles, accuracy)
    return json.dumps(
        {
            "version": 1, "key": f"{method}{angles}{seed}", "dataset": "digits", "method": method, "seed": seed,
            "held_out": angles, "domains": ["0", "15", "30", "45"], "error": None,
            "fingerprint": "f", "n_examples": 10, "labels": ["x", "y"], "net": "mlp",
            "select": "none", "settings": {}, "max_steps": 3, "in_domain": None, "perturbation": None,
            "out_of_domain": {"accuracy": accuracy, "n": 10, "by_domain": by_domain},
        }
    )  # fmt: skip


def write(folder: Path, *lines: str) -> None:
    place = folder / "digits" / "comparison"
    place.mkdir(parents=True)
    (place / "records.jsonl").write_text("\n".join(lines) + "\n")


def test_missing_runs_are_named_and_half_seeds_are_not_averaged(small: Target, tmp_path: Path) -> None:
    whole = [record("erm", angles, seed, 0.5) for angles in FOLDS for seed in (0, 1)]
    half = [record("crossgrad", angles, 0, accuracy) for angles, accuracy in zip(FOLDS, (0.9, 0.7, 0.8), strict=True)]
    half += [record("crossgrad", FOLD, 1, 0.9), record("crossgrad", OTHER, 1, 0.9)]
    write(tmp_path, *whole, *half)
    table = table_of(small, tmp_path)
    ours = {(row["column"], row["method"]): row["ours"] for row in table.rows}
    assert ours["Fold", "CrossGrad"] == "90.0 ± 0.0"
    assert ours["All", "CrossGrad"] == "80.0"  # its second seed has two folds of three
    assert ours["Fold", "LabelGrad"] is None
    missing = [note for note in table.notes if "Missing runs" in note]
    assert missing == [
        "Fold: Missing runs: LabelGrad (seeds 0, 1); Matched ERM (seeds 0, 1).",
        "All: Missing runs: LabelGrad (seeds 0, 1); CrossGrad (seeds 1); Matched ERM (seeds 0, 1).",
    ]


def test_a_published_gain_is_set_beside_our_gain(small: Target, tmp_path: Path) -> None:
    write(
        tmp_path,
        *(record("erm", angles, 0, 0.5) for angles in FOLDS),
        *(record("crossgrad", angles, 0, 0.53) for angles in FOLDS),
    )
    (row,) = [row for row in table_of(small, tmp_path).rows if (row["column"], row["method"]) == ("All", "CrossGrad")]
    assert (row["published"], row["gain"], row["minus_published"]) == ("+2.0 on ERM", "+3.0", "+1.0")


def test_domains_of_unequal_sizes_have_two_mean_gains_and_the_published_one_is_of_examples() -> None:
    """Nine examples in one domain, one in the other; a published gain is a difference of accuracies over examples."""
    cells = {"erm": {("a", 0): Cell(0.0, None), ("b", 0): Cell(0.0, None)},
             "crossgrad": {("a", 0): Cell(1.0, None), ("b", 0): Cell(0.0, None)}}  # fmt: skip
    found = Found({"erm": {0: 0.0}, "crossgrad": {0: 90.0, 1: 10.0}}, cells, ["a", "b"])
    assert found.gain_in_accuracy("crossgrad") == 90.0  # of the seed that both have
    against = found.against("crossgrad", "erm")
    assert against is not None
    assert against.comparison.mean == 50.0
    assert found.gain_in_accuracy("dann") is None


def test_a_study_that_is_begun_is_not_called_not_run(small: Target, tmp_path: Path) -> None:
    write(tmp_path, record("erm", FOLD, 0, 0.5))  # one fold of three
    notes = table_of(small, tmp_path).notes
    assert "All: Not run." not in notes
    assert any(note.startswith("All: Missing runs: ERM (seeds 0, 1)") for note in notes)


def test_what_is_left_of_a_study_is_what_has_no_record_whatever_else_has_one(tmp_path: Path) -> None:
    scale = replace(SCALES["quick"], settings={"max_steps": 2, "batch_size": 8})
    study, dataset = replace(DIGITS, matched=False), DIGITS.open()
    folds = held_out_folds(dataset, "3")
    lines = [record(method, fold, seed, 0.5) for method in ("erm", "crossgrad") for fold in folds for seed in (0, 1)]
    write(tmp_path, *lines, record("random", folds[0], 0, 0.5), record("erm", ("0",), 0, 0.5))
    cost = cost_of(study, scale, tmp_path, dataset)
    assert (cost.n_runs, cost.n_done) == (18, 12)  # LabelGrad is left
    assert cost.seconds > 0


def test_the_published_file_shows_the_same_digits_in_the_same_order_at_every_angle() -> None:
    assert [study.name for target in TARGETS.values() for study in target.studies if study.repeats] == [
        "rotated_mnist"
    ] * 2
    if not BENCHMARKS["rotated_mnist"].is_here:
        pytest.skip("the published file is not here")
    dataset = BENCHMARKS["rotated_mnist"].open()
    labels = [dataset.labels[dataset.domains == domain].tolist() for domain in range(len(dataset.domain_names))]
    assert all(each == labels[0] for each in labels)
    assert len(labels[0]) == 1000


@pytest.mark.parametrize("name", list(TARGETS))
def test_every_table_names_benchmarks_and_methods_that_there_are_and_studies_with_names_of_their_own(name: str) -> None:
    target = TARGETS[name]
    assert {study.benchmark for study in target.studies} <= set(BENCHMARKS)
    for study in target.studies:
        assert set(study.options) <= set(BENCHMARKS[study.benchmark].options)
        of_its_name = [each for column in target.columns for each in column.studies if each.name == study.name]
        assert of_its_name == [study] * len(of_its_name)
    for column in target.columns:
        assert len({(study.methods, study.matched) for study in column.studies}) == 1
        assert set(column.published) <= set(column.methods)
        assert set(column.gains or {}) <= set(column.methods)


def test_studies_of_one_name_are_one_study_in_all_tables() -> None:
    by_name: dict[str, Study] = {}
    for target in TARGETS.values():
        for study in target.studies:
            assert by_name.setdefault(study.name, study) == study


@pytest.mark.parametrize("name", list(SCALES))
def test_a_scale_has_settings_and_grids_that_there_are_for_every_study(name: str) -> None:
    scale = SCALES[name]
    for study in [study for target in TARGETS.values() for study in target.studies]:
        Settings.of(scale.settings_for(study.benchmark, study.trunk))
        for method in study.methods:
            Settings().for_method(method, scale.fields.get(method, {}))
            if method in scale.grids:
                check_grid(method, scale.grids[method])
                for point in points(scale.grids[method]):
                    build_method(
                        method, net="mlp", input_shape=(4,), n_labels=2, n_domains=2,
                        fields={**scale.fields.get(method, {}), **point},
                    )  # fmt: skip


def test_a_scale_s_settings_of_a_net_go_with_that_net_and_before_those_of_the_benchmark() -> None:
    cpu = SCALES["cpu"]
    assert cpu.settings_for("fonts", "resnet") == {**cpu.settings_for("fonts", "lenet"), "average": 0.99}
    assert replace(cpu, by_net={"lenet": {"max_steps": 7}}).settings_for("fonts", "lenet")["max_steps"] == 7


def test_an_unknown_scale_is_told_with_the_nearest(command: Command) -> None:
    done = command("reproduce", "table4", "--scale", "qick")
    assert (done.code, done.out) == (2, "")
    assert re.search(r"no scale 'qick'; did you mean 'quick'\?", done.err)


def own_split(n: int) -> DomainDataset:
    names = tuple(f"domain {index}" for index in range(n))
    dataset = vectors(6 * n)
    return replace(
        dataset,
        domains=dataset.domains.new_tensor([index % n for index in range(6 * n)]),
        domain_names=names,
        domain_split=DomainSplit(validation=names[:1], test=names[-2:]),
    )


def test_fewer_training_domains_are_nested_and_leave_validation_and_test_as_they_are() -> None:
    dataset = own_split(12)
    kept = {n: with_training_domains(dataset, n) for n in (2, 5, 9)}
    assert set(kept[2].domain_names) < set(kept[5].domain_names) < set(kept[9].domain_names)
    for n, fewer in kept.items():
        assert len(fewer.domain_names) == n + 3
        assert fewer.domain_split == dataset.domain_split
        for name in fewer.domain_names:
            here, there = fewer.domain_names.index(name), dataset.domain_names.index(name)
            assert (fewer.inputs[fewer.domains == here] == dataset.inputs[dataset.domains == there]).all()
    assert kept[9].domain_names == dataset.domain_names


@pytest.mark.parametrize("n", [1, 10])
def test_more_training_domains_than_there_are_or_fewer_than_two_are_refused(n: int) -> None:
    with pytest.raises(SettingsError, match=rf"has 9 training domains; keep 2 to all of them, not {n}"):
        with_training_domains(own_split(12), n)


def test_data_without_a_split_of_its_own_has_no_training_domains_to_leave_out() -> None:
    with pytest.raises(SettingsError, match="has no split of its own"):
        with_training_domains(vectors(20), 2)
