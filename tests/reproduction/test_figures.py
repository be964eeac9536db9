"""Figures 6 and 7: measured once, made anew from what was measured."""

import json
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from crossgrad.errors import RecordError
from crossgrad.reproduction import SCALES, domain_nets
from crossgrad.reproduction.domain_nets import NETS, TRIPLES, measured, to_measure
from crossgrad.reproduction.figures import FIGURES
from crossgrad.reproduction.studies import Study

SCALE = replace(SCALES["quick"], settings={"max_steps": 30, "batch_size": 32})
FEW_POINTS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the figures need, of real digits at the same six angles; then without the models."""
    place = tmp_path_factory.mktemp("figures")
    digits = Study("digits", "digits", "real digits").open()
    by_label = digits.subset(digits.labels.argsort())  # as the examples of rotated MNIST are
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain_nets, "POINTS", FEW_POINTS)
        patch.setattr(Study, "open", lambda self: by_label)
        for figure in FIGURES:
            for net, seed in to_measure(figure, SCALE, place):
                measured(net, seed, SCALE, place)
    for model in [path for path in (place / "figures").iterdir() if path.is_dir()]:
        shutil.rmtree(model)
    return place


def test_nothing_is_left_to_measure_and_no_model_is_needed_again(folder: Path) -> None:
    assert [to_measure(name, SCALE, folder) for name in FIGURES] == [[], []]
    assert len(list((folder / "figures").iterdir())) == len(NETS) * SCALE.n_seeds


@pytest.mark.parametrize(("name", "n_panels"), [("figure6", 4), ("figure7", 2)])
def test_a_picture_has_its_panels_and_the_same_points_each_time(folder: Path, name: str, n_panels: int) -> None:
    (svg,) = FIGURES[name](SCALE, folder).pictures.values()
    root = ElementTree.fromstring(svg)
    assert len(root.findall("{*}rect")) == 1 + n_panels
    assert len(root.findall(".//{*}circle")) > 3 * FEW_POINTS
    assert FIGURES[name](SCALE, folder).pictures == {f"{name}.svg": svg}


def test_a_picture_has_points_of_all_labels_though_examples_are_in_their_order(folder: Path) -> None:
    panels = json.loads((folder / "figures" / "crossgrad-0.json").read_text())["panels"]
    for groups in panels["figure7"].values():
        assert sum(map(len, groups.values())) == 2 * FEW_POINTS
        assert min(map(len, groups.values())) > FEW_POINTS / 10
    for groups in panels["figure6"].values():
        assert {len(points) for points in groups.values()} == {FEW_POINTS}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"betweenness": {}, "labels": 0.5'])
def test_damaged_measurements_are_refused_in_a_sentence(folder: Path, tmp_path: Path, content: str) -> None:
    copied = tmp_path / "figures"
    shutil.copytree(folder / "figures", copied)
    (copied / "crossgrad-0.json").write_text(content)
    with pytest.raises(RecordError, match=r"crossgrad-0\.json: not what was measured for a figure"):
        FIGURES["figure7"](SCALE, tmp_path)


def test_figure_6_has_the_means_of_what_was_measured(folder: Path) -> None:
    rows = FIGURES["figure6"](SCALE, folder).table.rows
    places = [(net, triple) for net in ("crossgrad", "mnist_angles") for triple in TRIPLES]
    for row, (net, triple) in zip(rows, places, strict=True):
        kept = [json.loads((folder / "figures" / f"{net}-{seed}.json").read_text()) for seed in range(2)]
        found = [each["betweenness"][", ".join(triple)]["position"] for each in kept]
        assert str(row["position"]).startswith(f"{sum(found) / 2:.2f} ± ")


def test_the_domain_net_that_saw_label_perturbations_is_told_from_the_other(folder: Path) -> None:
    one, other = FIGURES["figure7"](SCALE, folder).table.rows
    assert (one["labels"], one["domains"]) != (other["labels"], other["domains"])
