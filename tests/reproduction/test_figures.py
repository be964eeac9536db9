"""Figures 6 and 7: measured once, made anew from what was measured."""

import json
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from crossgrad.reproduction import FIGURES, SCALES, domain_nets, measured, to_measure
from crossgrad.reproduction.domain_nets import NETS, TRIPLES
from crossgrad.reproduction.studies import Study

SCALE = replace(SCALES["quick"], settings={"max_steps": 30, "batch_size": 32})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the figures need, of real digits at the same six angles; then without the models."""
    place = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain_nets, "ROTATED_MNIST", Study("digits", "digits", "real digits", hold_out="each"))
        for net, seed in to_measure("figure7", SCALE, place):
            measured(net, seed, SCALE, place)
    for model in [path for path in (place / "figures").iterdir() if path.is_dir()]:
        shutil.rmtree(model)
    return place


def test_nothing_is_left_to_measure_and_no_model_is_needed_again(folder: Path) -> None:
    assert [to_measure(name, SCALE, folder) for name in FIGURES] == [[], []]
    assert len(list((folder / "figures").iterdir())) == len(NETS) * SCALE.n_seeds


@pytest.mark.parametrize(("name", "n_panels"), [("figure6", 4), ("figure7", 2)])
def test_a_picture_has_its_panels_and_the_same_points_each_time(folder: Path, name: str, n_panels: int) -> None:
    figure = FIGURES[name](SCALE, folder)
    root = ElementTree.fromstring(figure.svg)
    assert len(root.findall("{*}rect")) == 1 + n_panels
    assert len(root.findall(".//{*}circle")) > 200
    assert figure.svg == FIGURES[name](SCALE, folder).svg


def test_figure_6_has_the_means_of_what_was_measured(folder: Path) -> None:
    kept = [json.loads((folder / "figures" / f"crossgrad-{seed}.json").read_text()) for seed in range(2)]
    for row, triple in zip(FIGURES["figure6"](SCALE, folder).table.rows, TRIPLES, strict=True):
        found = [each["betweenness"][", ".join(triple)]["position"] for each in kept]
        assert str(row["position"]).startswith(f"{sum(found) / 2:.2f} ± ")


def test_the_domain_net_that_saw_label_perturbations_is_told_from_the_other(folder: Path) -> None:
    one, other = FIGURES["figure7"](SCALE, folder).table.rows
    assert (one["labels"], one["domains"]) != (other["labels"], other["domains"])
