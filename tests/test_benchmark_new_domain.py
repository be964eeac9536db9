"""The page on new domains shows what the records hold, and no way was measured on what it was trained on."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from crossgrad.data import BENCHMARKS
from crossgrad.records import read_records

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "results" / "new-domain"


def test_the_page_shows_the_tables_of_the_committed_records() -> None:
    script = [sys.executable, str(ROOT / "benchmarks" / "new_domain.py"), "--show", "--output", str(RECORDS)]
    shown = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs" / "new-domain.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(rows) == 2 * (10 + 8 + 4)
    assert [row for row in rows if row not in page] == []


def test_every_way_has_five_seeds_of_every_new_domain_and_as_many_labelled_examples_as_it_says() -> None:
    records = read_records(RECORDS)
    assert len(records) == 5 * 10 * (6 + 1)
    assert len({(r["task"], r["domain"], r["way"], r["seed"]) for r in records}) == len(records)
    for record in records:
        few, hidden = ("few" in record["way"], "unlabelled" in record["way"])
        sizes = {"rotated_mnist": (2000, 20, 300), "fonts": (8888, 36, record["n_unlabelled"] + 36 * few)}
        n, n_few, beforehand = sizes[record["task"]]
        assert record["n_labelled"] == n + few * n_few
        assert record["n_unlabelled"] == hidden * (beforehand - few * n_few)


def test_no_digit_is_in_two_parts_whatever_its_angle(monkeypatch: pytest.MonkeyPatch) -> None:
    if not BENCHMARKS["rotated_mnist"].is_here:
        pytest.skip("the file of rotated MNIST is not here")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from new_domain import WAYS, deal_digits, opened, training_data

    data = opened("rotated_mnist")
    number = {picture.numpy().tobytes(): index % 1000 for index, picture in enumerate(data.inputs)}
    dealt = deal_digits("30", 3)
    parts = [
        {number[picture.numpy().tobytes()] for picture in part.inputs}
        for part in (dealt.known, dealt.beforehand, dealt.test)
    ]
    assert [len(part) for part in parts] == [400, 300, 300]
    assert len(set.union(*parts)) == 1000
    assert dealt.known.labels.bincount().tolist() == [200] * 10
    assert dealt.beforehand.labels[dealt.few].bincount().tolist() == [2] * 10
    known, hidden = training_data(dealt, WAYS["CrossGrad + few + unlabelled"])
    assert hidden is not None
    together = torch.cat([known.inputs[2000:], hidden])
    assert {number[picture.numpy().tobytes()] for picture in together} == parts[1]
    assert len(together) == 300
