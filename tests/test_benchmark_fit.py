"""The script runs and writes what it says; times are not judged here."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "fit.py"


def test_fit_writes_its_time_over_the_bare_loops_with_the_machine_and_the_command(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "fit.json"
    command = [sys.executable, str(SCRIPT), "--steps", "3", "--batch-size", "4", "--repeats", "2"]
    done = subprocess.run([*command, "--json", str(output)], check=True, capture_output=True, text=True)
    assert re.search(r"method .* fit +watched +with TensorBoard +with evaluation\n", done.stdout)

    result = json.loads(output.read_text())
    assert set(result["methods"]) == {"erm", "crossgrad"}
    forms = ("fit", "fit_watched", "fit_with_tensorboard", "fit_with_evaluation")
    for key in (f"{form}_over_loop" for form in forms):
        assert result[key] == pytest.approx(max(each[key] for each in result["methods"].values()))
        assert result[key] > 0
    for each in result["methods"].values():
        assert set(each["milliseconds_a_step"]) == {"loop", *forms}
    assert (result["steps"], result["batch_size"], result["repeats"], result["threads"]) == (3, 4, 2, 1)
    assert result["machine"]["torch"] == torch.__version__
    assert result["command"].startswith("python benchmarks/fit.py --steps 3")
