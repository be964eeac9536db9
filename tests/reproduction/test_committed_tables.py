"""Every committed table of the reproduction is what its committed records give, to the letter."""

import json
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

import pytest

from crossgrad.cli.paper_tables import as_markdown
from crossgrad.records import read_records
from crossgrad.report.names import display_name
from crossgrad.report.numbers import p_value, signed_points
from crossgrad.reproduction import SCALES, Made, make
from crossgrad.reproduction.conditions import condition_table
from crossgrad.reproduction.found import found_in
from crossgrad.reproduction.studies import FONTS, HANDWRITING, ROTATED_MNIST, Study
from crossgrad.significance import SIGNIFICANCE_LEVEL

RESULTS = Path(__file__).parents[2] / "results" / "reproduction"
TABLES = sorted(path for path in RESULTS.glob("*/*.json") if path.stem != "table3")


def made_anew(path: Path) -> Made:
    made = make(path.stem, SCALES[path.parent.name], path.parent)
    assert made is not None
    return made


def test_the_paper_s_own_data_is_among_them() -> None:
    assert RESULTS / "cpu" / "table9.json" in TABLES


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_table_comes_from_its_records(path: Path) -> None:
    table = made_anew(path).table
    assert json.loads(json.dumps(asdict(table))) == json.loads(path.read_text(encoding="utf-8"))
    assert path.with_suffix(".md").read_text(encoding="utf-8") == as_markdown(table)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_drawings_come_from_their_records(path: Path) -> None:
    drawings = {name: drawn for name, drawn in made_anew(path).pictures.items() if name.endswith(".svg")}
    assert len(drawings) == (path.stem in ("figure6", "figure7", "sizes"))
    for name, drawn in drawings.items():
        assert (path.parent / name).read_bytes() == drawn
        if path.parent.name == "cpu":
            assert (RESULTS.parents[1] / "docs" / "images" / name).read_bytes() == drawn


@pytest.mark.parametrize(
    ("study", "shown"), [("fonts", "fonts"), ("handwriting", "handwriting"), ("rotated_mnist", "rotated MNIST")]
)
def test_the_page_says_how_much_harder_moved_inputs_were(study: str, shown: str) -> None:
    page = (RESULTS.parents[1] / "docs" / "reproduction.md").read_text(encoding="utf-8")
    records = read_records(RESULTS / "cpu" / study / "comparison")
    for method in ("label_grad", "crossgrad", "random"):
        runs = [record for record in records if record["method"] == method and record["error"] is None]
        length = fmean(100 * run["perturbation"]["l2"] / run["perturbation"]["input_l2"] for run in runs)
        unmoved, moved = (
            fmean(run["losses"]["last"][name] for run in runs) for name in ("label_loss", "perturbed_label_loss")
        )
        assert f"| {shown} | {display_name(method)} | {length:.1f} | {unmoved:.4f} | {moved:.4f} |" in page


def test_the_page_tells_the_longer_trainings_that_are_on_record() -> None:
    page = " ".join((RESULTS.parents[1] / "docs" / "reproduction.md").read_text(encoding="utf-8").split())
    records = read_records(RESULTS / "cpu" / "conditions" / "rotated_mnist")
    long = {(record["method"], record["held_out"][0]): record for record in records if record["max_steps"] == 4000}
    at_15 = {method: 100 * long[method, "15"]["out_of_domain"]["accuracy"] for method in ("erm", "label_grad")}
    assert f"at 15 degrees ERM has {at_15['erm']:.1f} % and LabelGrad {at_15['label_grad']:.1f}" in page
    rows = condition_table(SCALES["cpu"], RESULTS / "cpu").rows
    short, longer = rows[0]["erm"], rows[1]["erm"]
    assert f"with 4,000 steps ERM has {longer} % over the angles where it had {short}," in page
    gain, _, p = str(rows[1]["label_grad"]).partition(" ")
    assert f"LabelGrad is {gain.removeprefix('+')} points above it as before (p {p.strip('()')})" in page


@pytest.mark.parametrize(
    ("study", "shown"),
    [(FONTS, "fonts"), (HANDWRITING, "handwriting (Sanskrit)"), (ROTATED_MNIST, "rotated MNIST")],
    ids=lambda given: getattr(given, "name", None),
)
def test_the_page_answers_by_the_records_whether_the_domain_s_gradient_helps(study: Study, shown: str) -> None:
    found = found_in(study, RESULTS / "cpu")
    cells = []
    for control in ("random", "erm_matched"):
        against, over_seeds = found.against("crossgrad", control), found.over_seeds("crossgrad", control)
        assert against is not None
        assert over_seeds is not None
        assert against.comparison.p_value is not None
        assert over_seeds.p_value is not None
        p = max(against.comparison.p_value, over_seeds.p_value)
        gain = against.comparison.mean
        helps = gain > 0 and p < SIGNIFICANCE_LEVEL
        cells.append(f"{'yes' if helps else 'no'}: {signed_points(gain)} points (p {p_value(p)})")
    page = (RESULTS.parents[1] / "docs" / "reproduction.md").read_text(encoding="utf-8")
    assert f"| {shown} | {' | '.join(cells)} |" in page


def test_the_main_table_of_the_readme_is_the_committed_one() -> None:
    rows = [line for line in (RESULTS / "cpu" / "summary.md").read_text(encoding="utf-8").splitlines() if "|" in line]
    readme = (RESULTS.parents[1] / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) > 5
    assert not set(rows) - set(readme)
