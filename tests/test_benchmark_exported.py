"""The script runs and writes what it says, and the page quotes its record; times are not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "results" / "benchmarks" / "exported.json"


def test_exported_writes_differences_and_times_with_the_machine_and_the_command(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "exported.json"
    options = ["--nets", "mlp", "--steps", "2", "--examples", "70", "--repeats", "2"]
    command = [sys.executable, str(ROOT / "benchmarks" / "exported.py"), *options, "--json", str(output)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "largest difference" in done.stdout
    result = json.loads(output.read_text())
    found = [result["nets"]["mlp"][form] for form in ("plain", "condition")]
    differences = [value for each in found for value in each["largest_difference"].values()]
    assert result["largest_difference"] == max(differences) < 1e-5
    for each in found:
        assert set(each["milliseconds"]) == {"1", "64"}
        assert all(value > 0 for times in each["milliseconds"].values() for value in times.values())
    assert result["machine"]["torch"] == torch.__version__
    assert result["command"].startswith("python benchmarks/exported.py --nets mlp")


@pytest.mark.parametrize("net", ["lenet", "resnet", "conv2", "keyword", "mlp"])
def test_every_net_was_within_a_hundred_thousandth_of_torch_on_real_data(net: str) -> None:
    recorded = json.loads(RECORD.read_text())["nets"][net]
    for form in ("plain", "condition"):
        assert 0 <= max(recorded[form]["largest_difference"].values()) <= 1e-5


def test_the_page_says_what_the_record_says() -> None:
    record = json.loads(RECORD.read_text())
    page = (ROOT / "docs" / "deploying.md").read_text()
    for net, each in record["nets"].items():
        for form, g in (("plain", "no"), ("condition", "yes")):
            times = [f"{value:.2f}" for of_batch in each[form]["milliseconds"].values() for value in of_batch.values()]
            assert f"| {net} | {g} | {' | '.join(times)} |" in page
    assert f"Over {record['examples']} inputs each" in page
    assert record["largest_difference"] <= 1e-6
    assert "by more than a\nmillionth" in page or "by more than a millionth" in page
