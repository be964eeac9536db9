"""Time of a CrossGrad step with nets in channels_last, and with compiled nets, over that of an eager one.

    python benchmarks/layouts.py --json results/benchmarks/layouts.json

Batches of 64 in float32, one thread. The ways take turns, step by step; times are medians of the processor's seconds,
which other work on the machine changes less than a clock's. The first step, with what compiling takes, is told apart.
"""

import argparse
import json
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from crossgrad import Batch
from crossgrad.building import build_method
from crossgrad.methods import Method
from machine import machine

SHAPES = {"lenet": (1, 32, 32), "resnet": (1, 32, 32), "keyword": (1, 40, 98)}
"""Nets and their inputs."""
N_LABELS, N_DOMAINS, BATCH_SIZE = 36, 12, 64
WAYS = ("eager", "channels_last", "compiled")


def build(net: str, way: str) -> Method:
    method = build_method(
        "crossgrad", net=net, input_shape=SHAPES[net], n_labels=N_LABELS, n_domains=N_DOMAINS, fields={}
    )
    if way == "channels_last":
        method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if way == "compiled":
        for part in method.children():
            part.compile()
    return method


def measure(net: str, *, repeats: int, ways: Sequence[str]) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    batch = Batch(
        torch.rand(BATCH_SIZE, *SHAPES[net], generator=generator),
        torch.randint(N_LABELS, (BATCH_SIZE,), generator=generator),
        torch.randint(N_DOMAINS, (BATCH_SIZE,), generator=generator),
    )
    torch.compiler.reset()  # it counts how often it compiled a function, those of other nets included
    methods = {way: build(net, way) for way in ways}
    optimizers = {way: torch.optim.SGD(method.parameters(), lr=0.001) for way, method in methods.items()}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats + 1):
        for way, method in methods.items():
            started = time.process_time()
            optimizers[way].zero_grad()
            method.backward(batch)
            optimizers[way].step()
            seconds[way].append(time.process_time() - started)
    medians = {way: statistics.median(times[1:]) for way, times in seconds.items()}
    return {
        "net": net,
        "milliseconds": {way: 1000 * median for way, median in medians.items()},
        "over_eager": {way: median / medians["eager"] for way, median in medians.items()},
        "first_step_seconds": {way: times[0] for way, times in seconds.items()},
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--repeats", type=int, default=8, help="turns of one step each (default 8)")
    parser.add_argument("--nets", nargs="+", default=list(SHAPES), choices=SHAPES, help="which (default all)")
    parser.add_argument(
        "--ways", nargs="+", default=list(WAYS[1:]), choices=WAYS[1:], help="beside eager (default both)"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    ways = ("eager", *options.ways)
    print(f"{'net':8}" + "".join(f"{way:>15}" for way in ways) + "   ms a step, over eager's")
    results = []
    for net in options.nets:
        found = measure(net, repeats=options.repeats, ways=ways)
        results.append(found)
        cells = [f"{found['milliseconds'][way]:.1f} ({found['over_eager'][way]:.2f})" for way in ways]
        print(f"{net:8}" + "".join(f"{cell:>15}" for cell in cells), flush=True)
    if options.json:
        record = {
            "nets": results,
            "batch_size": BATCH_SIZE,
            "repeats": options.repeats,
            "machine": machine(),
            "command": shlex.join(["python", "benchmarks/layouts.py", *arguments]),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
