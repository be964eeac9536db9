"""What benchmarks cost: making each from its raw files, loading it when it is made, memory for both.

Every measurement is a process of its own, so that its peak memory is its own, with a cache folder that is new.
Benchmarks whose raw files are not here are left out and named.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from crossgrad.data import BENCHMARKS
from machine import machine

IN_A_PROCESS = """
import json, resource, sys, time, warnings
from crossgrad.data import BENCHMARKS
from crossgrad.errors import DataWarning
warnings.simplefilter("ignore", DataWarning)
imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.perf_counter()
dataset = BENCHMARKS[sys.argv[1]].open()
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
bytes_of = dataset.inputs.nbytes + (dataset.variants.nbytes if dataset.variants is not None else 0)
print(json.dumps({"examples": len(dataset), "seconds": seconds, "peak_mb": (peak - imported) / 1024,
                  "inputs_mb": bytes_of / 2**20}))
"""


def measure(name: str) -> dict[str, Any]:
    """Make a benchmark, then load it three times; the fastest load counts."""
    with tempfile.TemporaryDirectory() as cache:

        def once() -> dict[str, Any]:
            done = subprocess.run(
                [sys.executable, "-c", IN_A_PROCESS, name],
                env=os.environ | {"CROSSGRAD_CACHE": cache},
                capture_output=True,
                text=True,
                check=True,
            )
            result: dict[str, Any] = json.loads(done.stdout)
            return result

        made = once()
        loaded = min((once() for _ in range(3)), key=lambda result: float(result["seconds"]))
        kept = sum(file.stat().st_size for file in Path(cache).iterdir())
    return {
        "examples": made["examples"],
        "inputs_mb": made["inputs_mb"],
        "kept_mb": kept / 2**20,
        "make_seconds": made["seconds"],
        "made_per_second": made["examples"] / made["seconds"],
        "make_peak_mb": made["peak_mb"],
        "load_seconds": loaded["seconds"],
        "loaded_per_second": loaded["examples"] / loaded["seconds"],
        "load_peak_mb": loaded["peak_mb"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the results here")
    arguments = parser.parse_args()
    absent = [name for name, benchmark in BENCHMARKS.items() if not benchmark.is_here]
    results = {name: measure(name) for name in BENCHMARKS if name not in absent}
    table = Table(title="Making and loading benchmarks")
    table.add_column("benchmark")
    for column in ("examples", "made in s", "a second", "peak MB", "loaded in s", "peak MB", "kept MB"):
        table.add_column(column, justify="right")
    for name, found in results.items():
        table.add_row(
            name,
            str(found["examples"]),
            f"{found['make_seconds']:.1f}",
            f"{found['made_per_second']:.0f}",
            f"{found['make_peak_mb']:.0f}",
            f"{found['load_seconds']:.2f}",
            f"{found['load_peak_mb']:.0f}",
            f"{found['kept_mb']:.1f}",
        )
    Console().print(table)
    if absent:
        print(f"Raw files are not here: {', '.join(absent)}")
    if arguments.json:
        content = {"machine": machine(), "command": "benchmarks/data.py", "benchmarks": results, "absent": absent}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
