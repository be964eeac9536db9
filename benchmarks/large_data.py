"""Data larger than memory: 200,000 small images, read while LeNet trains on them.

    python benchmarks/large_data.py --json results/benchmarks/large_data.json

Writes grey PNGs of 32x32 pixels into a temporary folder, 100 labels by 20 domains, and opens it as data that is not to
lie in memory: listed and dated alone, and once more with every header read, which tells grey from colour where channels
are not named. Then, for each number of workers in a process of its own: how many examples a second the loader gives to
somebody who does nothing else; and ERM at batch 64 for some hundred steps, with the memory of the process that trains
every 50 steps, how it grew from the first half of these looks to the second, its peak, and that of all workers (pages
that they share are counted in each). What the step alone takes is measured on some of the images in memory. The
machine's load at the start is part of the record: cores that others use are not there for workers.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image

from crossgrad.building import build_method
from crossgrad.data import DomainDataset, open_dataset
from crossgrad.processes import ALONE
from crossgrad.training import Stretch, fit
from crossgrad.training.loading import Loader
from crossgrad.training.sampling import Sampler
from machine import machine

N_DOMAINS, N_LABELS = 20, 100
SIZE = 32
BATCH_SIZE = 64
IN_MEMORY = 100 * BATCH_SIZE
LOOKS = 50
"""Steps between looks at memory, which is to be flat from the first on: by then everything has been allocated once."""


def write_images(folder: Path, n: int) -> None:
    """The files of a few dozen random images, again and again: what they show is no matter here."""
    random = np.random.RandomState(0)
    files = []
    for _ in range(61):
        file = BytesIO()
        Image.fromarray(random.randint(0, 256, (SIZE, SIZE)).astype(np.uint8)).save(file, "PNG")
        files.append(file.getvalue())
    for index in range(n):
        where = folder / f"domain {index % N_DOMAINS}" / f"label {index // N_DOMAINS % N_LABELS}"
        if index < N_DOMAINS * N_LABELS:
            where.mkdir(parents=True, exist_ok=True)
        (where / f"{index}.png").write_bytes(files[index % len(files)])


def open_lazily(folder: Path, *, channels: int | None, workers: int = 0) -> DomainDataset:
    return open_dataset(folder, image_size=SIZE, channels=channels, memory=0, workers=workers)


def seconds_of(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def resident(pid: int | str) -> int:
    """Bytes of memory that a process takes now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def below(pid: int) -> list[int]:
    """Processes that another one started, and those that they did."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (entry / "stat").exists():
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                found += [int(entry.name), *below(int(entry.name))]
    return found


def growth(looks: Sequence[float]) -> float:
    """How much the middle look of the second half is above that of the first.

    An allocator gives memory back, and takes it again, in pieces of some 20 MB, at moments of its own: two looks would
    measure that.
    """
    half = len(looks) // 2
    return median(looks[half:]) - median(looks[:half])


def train(dataset: DomainDataset, *, steps: int, watch: Callable[[Stretch], None]) -> None:
    method = build_method(
        "erm", net="lenet", input_shape=(1, SIZE, SIZE), n_labels=N_LABELS, n_domains=N_DOMAINS, fields={}
    )
    optimizer = torch.optim.Adam(method.parameters(), lr=1e-3)
    fit(
        method,
        dataset,
        optimizer=optimizer,
        max_steps=steps,
        batch_size=BATCH_SIZE,
        seed=0,
        watch=watch,
        watch_every=LOOKS,
    )


def measure(folder: Path, workers: int | None, steps: int, results: Any) -> None:
    """With so many workers, or in memory where that is None."""
    torch.set_num_threads(1)
    if workers is None:
        some = open_lazily(folder, channels=1).subset(range(IN_MEMORY))
        dataset = DomainDataset(some.inputs[:], some.labels, some.domains, some.label_names, some.domain_names, "some")
    else:
        dataset = open_lazily(folder, channels=1, workers=workers)
    sampler = Sampler(dataset, batch_size=BATCH_SIZE, seed=0)
    loader = Loader(dataset, sampler, processes=ALONE, device=torch.device("cpu"))
    for _ in range(10):
        loader.next()  # until workers have started
    loading = seconds_of(lambda: [loader.next() for _ in range(steps)])
    loader.close()
    seen: list[dict[str, float]] = []

    def look(stretch: Stretch) -> None:
        readers = below(os.getpid())
        seen.append(
            {
                "seconds": time.perf_counter(),
                "resident": resident("self"),
                "of_workers": sum(map(resident, readers)) if workers else 0,
            }
        )

    train(dataset, steps=steps, watch=look)
    results.put(
        {
            "loaded_a_second": steps * BATCH_SIZE / loading,
            "trained_a_second": (steps - LOOKS) * BATCH_SIZE / (seen[-1]["seconds"] - seen[0]["seconds"]),
            "resident": [look["resident"] for look in seen],
            "growth": growth([look["resident"] for look in seen]),
            "peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            "workers_at_the_end": seen[-1]["of_workers"],
        }
    )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--images", type=int, default=200_000, help="files, at least 6400 (default 200000)")
    parser.add_argument("--steps", type=int, default=400, help="of each training, at least 100 (default 400)")
    options = parser.parse_args(arguments)
    if options.images < IN_MEMORY or options.steps < 2 * LOOKS:
        parser.error(f"--images is at least {IN_MEMORY} and --steps at least {2 * LOOKS}")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "images"
        print(f"writing {options.images:,} images", file=sys.stderr)
        write_images(folder, options.images)
        opening = {
            "channels_named": seconds_of(lambda: open_lazily(folder, channels=1)),
            "channels_found": seconds_of(lambda: open_lazily(folder, channels=None)),
        }
        print(f"opened in {opening['channels_named']:.1f} s; with headers in {opening['channels_found']:.1f} s\n")
        context = multiprocessing.get_context("spawn")
        results = context.SimpleQueue()
        table: dict[str, Any] = {}
        print(
            f"{'workers':<10} {'loaded / s':>11} {'trained / s':>12} {'MB at step 50':>14} {'at the end':>11} "
            f"{'growth':>7} {'peak':>6} {'workers':>8}"
        )
        for workers in (None, 0, 1, 2):
            process = context.Process(target=measure, args=(folder, workers, options.steps, results))
            process.start()
            process.join()
            if process.exitcode:
                sys.exit(f"the process that measures ended with {process.exitcode}")
            found = results.get()
            table["in memory" if workers is None else str(workers)] = found
            megabytes = [
                value / 2**20
                for value in (
                    found["resident"][0],
                    found["resident"][-1],
                    found["growth"],
                    found["peak"],
                    found["workers_at_the_end"],
                )
            ]
            print(
                f"{'in memory' if workers is None else workers:<10} {found['loaded_a_second']:>11,.0f} "
                f"{found['trained_a_second']:>12,.0f} {megabytes[0]:>14,.1f} {megabytes[1]:>11,.1f} "
                f"{megabytes[2]:>+7,.1f} {megabytes[3]:>6,.0f} {megabytes[4]:>8,.0f}"
            )
    if options.json:
        result = {
            "images": options.images,
            "bytes_as_inputs": 4 * options.images * SIZE**2,
            "seconds_to_open": opening,
            "workers": table,
            # Above 1: the loader is never waited for.
            "loader_over_step": table["2"]["loaded_a_second"] / table["in memory"]["trained_a_second"],
            "net": "lenet",
            "method": "erm",
            "batch_size": BATCH_SIZE,
            "steps": options.steps,
            "threads": 1,
            "load_at_the_start": load,
            "machine": machine(),
            "command": shlex.join(["python", "benchmarks/large_data.py", *arguments]),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
