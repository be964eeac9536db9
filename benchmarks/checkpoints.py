"""What a checkpoint costs: seconds to write and to go on from, and megabytes on the disk.

    python benchmarks/checkpoints.py --json results/benchmarks/checkpoints.json

LeNet on 1x32x32, Adam, random data: everything that a step changes, after a few steps. Writing is with everything that
makes it safe: both files and their folders are forced to the disk (fsync), and what is no longer kept is deleted.
"Share" is of the time of a training that writes one a minute. Times are medians over `--repeats` checkpoints.
"""

import argparse
import json
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from crossgrad.methods import Method
from crossgrad.training import fit
from crossgrad.training.checkpoint_folder import name_of
from crossgrad.training.checkpoints import Checkpoints, Part
from fit import INPUT_SHAPE, build, random_dataset
from machine import machine

METHODS = ("erm", "crossgrad")
STEPS = 3
SECONDS_BETWEEN = 60.0


def trained(name: str, batch_size: int) -> tuple[Method, torch.optim.Optimizer]:
    method, optimizer = build(name)
    dataset = random_dataset(10 * batch_size, seed=0)
    fit(method, dataset, optimizer=optimizer, max_steps=STEPS, batch_size=batch_size, seed=0)
    return method, optimizer


def measure(name: str, folder: Path, *, batch_size: int, repeats: int) -> dict[str, float]:
    method, optimizer = trained(name, batch_size)
    parts: dict[str, Part] = {"method": method, "optimizer": optimizer}
    checkpoints = Checkpoints(folder, identity={"method": name})
    write, restore = [], []
    for step in range(1, repeats + 1):
        began = time.perf_counter()
        checkpoints.write(step, parts)
        write.append(time.perf_counter() - began)
        began = time.perf_counter()
        checkpoints.restore(parts)
        restore.append(time.perf_counter() - began)
    size = sum(file.stat().st_size for file in (folder / name_of(repeats)).iterdir())
    seconds = statistics.median(write)
    return {
        "write_seconds": seconds,
        "slowest_write_seconds": max(write),
        "restore_seconds": statistics.median(restore),
        "megabytes": size / 1e6,
        "share_of_time": seconds / SECONDS_BETWEEN,
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--folder", type=Path, help="where checkpoints are written (default: of temporary files)")
    parser.add_argument("--batch-size", type=int, default=64, help="examples a step (default 64)")
    parser.add_argument("--repeats", type=int, default=30, help="checkpoints written (default 30)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)

    methods: dict[str, Any] = {}
    print(f"{'method':<12} {'MB':>6} {'write, ms':>10} {'slowest, ms':>12} {'restore, ms':>12} {'share, %':>9}")
    for name in METHODS:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            found = measure(name, Path(folder), batch_size=options.batch_size, repeats=options.repeats)
        methods[name] = found
        print(
            f"{name:<12} {found['megabytes']:>6.1f} {1000 * found['write_seconds']:>10.1f} "
            f"{1000 * found['slowest_write_seconds']:>12.1f} {1000 * found['restore_seconds']:>12.1f} "
            f"{100 * found['share_of_time']:>9.3f}"
        )
    if options.json:
        result = {
            "methods": methods,
            "net": "lenet",
            "input_shape": INPUT_SHAPE,
            "optimizer": "Adam",
            "repeats": options.repeats,
            "threads": options.threads,
            "machine": machine(),
            "command": shlex.join(["python", "benchmarks/checkpoints.py", *arguments]),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
