"""The notebook runs from start to end, in less time than it takes to lose patience, and is stored with its outputs."""

import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parents[1] / "docs" / "first-look.ipynb"
CELLS: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


def test_every_cell_runs_in_order_in_less_than_two_minutes_of_a_processor(tmp_path: Path) -> None:
    code = "\n".join("".join(cell["source"]) for cell in CODE)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert "Accuracy by held-out domain" in done.stdout
    assert list(tmp_path.iterdir()) == []
    # The processor's seconds, since a clock's tell of what else the machine does.
    assert after.ru_utime - before.ru_utime < 120


def test_it_is_stored_with_pictures_and_tables_of_one_run_from_top_to_bottom_and_is_small() -> None:
    assert NOTEBOOK.stat().st_size < 300_000
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    kinds = [{kind for output in cell["outputs"] for kind in output.get("data", {})} for cell in CODE]
    assert sum("image/png" in found for found in kinds) >= 2
    assert sum("text/html" in found for found in kinds) >= 2
    outputs = [output for cell in CODE for output in cell["outputs"]]
    assert not any(output["output_type"] == "error" or output.get("name") == "stderr" for output in outputs)


def test_nothing_in_it_speaks_of_the_machine_that_made_it() -> None:
    assert re.search(r"(?<![\w<.])/(tmp|root|home|work|usr)/", NOTEBOOK.read_text(encoding="utf-8")) is None
