"""The script runs and writes what it says, and the page quotes its record; times are not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]


def test_checkpoints_writes_seconds_and_megabytes_with_the_machine_and_the_command(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "checkpoints.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "checkpoints.py"), "--batch-size", "2", "--repeats", "2"]
    done = subprocess.run([*command, "--json", str(output)], check=True, capture_output=True, text=True)
    assert "write, ms" in done.stdout
    result = json.loads(output.read_text())
    assert set(result["methods"]) == {"erm", "crossgrad"}
    for each in result["methods"].values():
        assert 0 < each["write_seconds"] <= each["slowest_write_seconds"]
        assert each["restore_seconds"] > 0
    recorded = json.loads((ROOT / "results" / "benchmarks" / "checkpoints.json").read_text())["methods"]
    for name, each in result["methods"].items():
        assert round(each["megabytes"]) == round(recorded[name]["megabytes"])
    assert result["machine"]["torch"] == torch.__version__
    assert result["command"].startswith("python benchmarks/checkpoints.py --batch-size 2")


def test_the_page_says_what_the_record_says() -> None:
    recorded = json.loads((ROOT / "results" / "benchmarks" / "checkpoints.json").read_text())["methods"]
    costs = {name: f"{each['megabytes']:.0f} MB and {each['write_seconds']:.1f} s" for name, each in recorded.items()}
    page = (ROOT / "docs" / "running.md").read_text()
    assert f"{costs['erm']} for ERM, {costs['crossgrad']} for CrossGrad" in page
