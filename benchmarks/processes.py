"""Steps a second of one process and of several, and what they send each other.

    python benchmarks/processes.py --json results/benchmarks/processes.json

LeNet on 1x32x32, 10 labels, 10 domains, Adam; the processes share batches of 16 or 64, one thread each. One process and
two take turns in being measured, and the fastest of the repeats counts: what else the machine does makes steps slower,
never faster. Bytes are those that every process adds to the sums of a step, and what goes over the loopback device for
it, everything else on the device included.
"""

import argparse
import json
import multiprocessing
import os
import shlex
import socket
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from crossgrad.building import build_method
from crossgrad.data import DomainDataset
from crossgrad.processes import Processes, joined
from crossgrad.training import fit
from machine import machine
from step import INPUT_SHAPE, N_DOMAINS, N_LABELS

METHODS: dict[str, dict[str, Any]] = {
    "erm": {},
    "crossgrad": {},
    "crossgrad, calibrated": {"domain_gradient_step": "calibrated:0.1", "label_gradient_step": "calibrated:0.1"},
}
BATCH_SIZES = (16, 64)
SIZES = (1, 2)
WARM_UP = 3


class SummedBytes:
    """Counts what this process adds to sums."""

    def __init__(self) -> None:
        self.total = 0
        self._all_reduce = dist.all_reduce

    def __enter__(self) -> "SummedBytes":
        def counted(values: torch.Tensor) -> None:
            self.total += values.numel() * values.element_size()
            self._all_reduce(values)

        dist.all_reduce = counted  # type: ignore[assignment]
        return self

    def __exit__(self, *_: object) -> None:
        dist.all_reduce = self._all_reduce


def examples(n: int = 2048) -> DomainDataset:
    generator = torch.Generator().manual_seed(0)
    return DomainDataset(
        torch.rand(n, *INPUT_SHAPE, generator=generator),
        torch.arange(n) % N_LABELS,
        torch.arange(n) // N_LABELS % N_DOMAINS,
        tuple(map(str, range(N_LABELS))),
        tuple(map(str, range(N_DOMAINS))),
        "noise",
    )


def measure(name: str, batch_size: int, *, steps: int, processes: Processes) -> dict[str, float]:
    torch.set_num_threads(1)
    method = build_method(
        name.partition(",")[0],
        net="lenet",
        input_shape=INPUT_SHAPE,
        n_labels=N_LABELS,
        n_domains=N_DOMAINS,
        fields=METHODS[name],
    )
    optimizer = torch.optim.Adam(method.parameters(), lr=1e-3)
    dataset = examples()

    def train(n: int) -> None:
        fit(method, dataset, optimizer=optimizer, max_steps=n, batch_size=batch_size, seed=0, processes=processes)

    train(WARM_UP)
    # Parameters are sent once at the start of a training, and not by sums.
    loopback, start = loopback_bytes(), time.perf_counter()
    with SummedBytes() as summed:
        train(steps)
    seconds = time.perf_counter() - start
    return {
        "steps_per_second": steps / seconds,
        "summed_bytes_per_step": summed.total / steps,
        "loopback_bytes_per_step": (loopback_bytes() - loopback) / steps,
    }


def loopback_bytes() -> int:
    """Sent over the loopback device since the machine started; 0 where the system does not tell."""
    devices = Path("/proc/net/dev")
    lines = devices.read_text().splitlines() if devices.exists() else []
    return sum(int(line.split(":")[1].split()[8]) for line in lines if line.strip().startswith("lo:"))


def work(sending: Connection, rank: int, size: int, port: int, cases: list[tuple[str, int, int]]) -> None:
    """Every case in one of several processes."""
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    with joined() as processes:
        sending.send([measure(name, batch_size, steps=steps, processes=processes) for name, batch_size, steps in cases])


def measure_together(size: int, cases: list[tuple[str, int, int]]) -> list[dict[str, float]]:
    """What the first of so many processes measures in each case."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    children = []
    for rank in range(size):
        receiving, sending = context.Pipe(duplex=False)
        child = context.Process(target=work, args=(sending, rank, size, port, cases))
        child.start()
        sending.close()
        children.append((child, receiving))
    found: list[dict[str, float]] = children[0][1].recv()
    for child, _ in children:
        child.join()
    return found


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--repeats", type=int, default=3, help="of everything (default 3)")
    parser.add_argument("--steps", type=int, default=20, help="in a measurement (default 20)")
    options = parser.parse_args(arguments)
    load_before = os.getloadavg()[0]
    cases = [(name, batch_size, options.steps) for batch_size in BATCH_SIZES for name in METHODS]
    best: dict[tuple[str, int, int], dict[str, float]] = {}
    for _ in range(options.repeats):
        for size in SIZES:
            for (name, batch_size, _), found in zip(cases, measure_together(size, cases), strict=True):
                case = (name, batch_size, size)
                if case not in best or found["steps_per_second"] > best[case]["steps_per_second"]:
                    best[case] = found
    print(f"{'method':<24} {'batch':>6} {'processes':>10} {'steps/s':>8} {'x one':>6} {'summed bytes/step':>18}")
    rows = []
    for (name, batch_size, size), found in sorted(best.items(), key=lambda item: (item[0][1], item[0][0], item[0][2])):
        speed_up = found["steps_per_second"] / best[name, batch_size, 1]["steps_per_second"]
        rows.append({"method": name, "batch": batch_size, "processes": size, **found, "speed_up": speed_up})
        print(
            f"{name:<24} {batch_size:>6} {size:>10} {found['steps_per_second']:>8.2f} {speed_up:>6.2f} "
            f"{found['summed_bytes_per_step']:>18,.0f}"
        )
    if options.json:
        result = {
            "rows": rows,
            "net": "lenet",
            "input_shape": INPUT_SHAPE,
            "optimizer": "Adam",
            "threads": 1,
            "repeats": options.repeats,
            "steps": options.steps,
            "load_before": load_before,
            "load_after": os.getloadavg()[0],
            "machine": machine(),
            "command": shlex.join(["python", "benchmarks/processes.py", *arguments]),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
