"""The benchmark scripts run and write what they say; times are not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_step_writes_ratios_of_time_and_memory_with_the_machine_and_the_command(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "step.json"
    command = [sys.executable, str(BENCHMARKS / "step.py"), "--repeats", "1", "--batch-sizes", "4", "8"]
    done = subprocess.run([*command, "--json", str(output)], check=True, capture_output=True, text=True)
    assert "three passes over crossgrad" in done.stdout

    result = json.loads(output.read_text())
    assert set(result) == {
        "crossgrad_over_erm",
        "crossgrad_with_features_over_erm",
        "three_pass_over_crossgrad",
        "crossgrad_memory_over_erm",
        "crossgrad_with_features_memory_over_erm",
        "three_pass_memory_over_erm",
        "batches",
        "net",
        "input_shape",
        "optimizer",
        "repeats",
        "threads",
        "machine",
        "command",
    }
    assert set(result["batches"]) == {"4", "8"}
    assert result["crossgrad_over_erm"] == result["batches"]["4"]["crossgrad_over_erm"]
    assert result["machine"]["torch"] == torch.__version__
    assert result["command"].startswith("python benchmarks/step.py --repeats 1")

    # Bytes, unlike seconds, are the same on every machine: one graph at a time, against the two of the three-pass form.
    for sizes in result["batches"].values():
        assert sizes["crossgrad_memory_over_erm"] == pytest.approx(1, abs=0.02)
        assert sizes["crossgrad_with_features_memory_over_erm"] < 1.25
        assert sizes["three_pass_memory_over_erm"] > 1.8
