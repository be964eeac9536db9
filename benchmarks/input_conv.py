"""Time of the input gradient of a net's first convolution: nn.Conv2d over InputConv2d.

    python benchmarks/input_conv.py --json results/benchmarks/input_conv.json

The gradient for the inputs alone, from a given gradient of the output. The two take turns; times are medians.
"""

import argparse
import json
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch

from crossgrad.nets import InputConv2d
from machine import machine

SHAPES = ((1, 32, 5, 2), (1, 28, 3, 0), (1, 16, 3, 0), (3, 32, 5, 2), (3, 28, 3, 0))
"""Input channels, height and width, kernel size, padding; 32 channels out."""


def measure(batch: int, channels: int, size: int, kernel_size: int, padding: int, *, repeats: int) -> dict[str, Any]:
    fast = InputConv2d(channels, 32, kernel_size, padding=padding)
    inputs = torch.rand(batch, channels, size, size, requires_grad=True)
    outputs = {"conv2d": fast.conv(inputs), "input_conv2d": fast(inputs)}
    gradient = torch.randn_like(outputs["conv2d"])
    seconds: dict[str, list[float]] = {name: [] for name in outputs}
    for _ in range(repeats + 1):
        for name, output in outputs.items():
            started = time.perf_counter()
            torch.autograd.grad(output, inputs, gradient, retain_graph=True)
            seconds[name].append(time.perf_counter() - started)
    milliseconds = {name: 1000 * statistics.median(times[1:]) for name, times in seconds.items()}
    return {
        "batch": batch,
        "channels": channels,
        "size": size,
        "kernel_size": kernel_size,
        "milliseconds": milliseconds,
        "conv2d_over_input_conv2d": milliseconds["conv2d"] / milliseconds["input_conv2d"],
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--repeats", type=int, default=20, help="turns of one gradient each (default 20)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(f"{'batch':>5} {'input':>10} {'kernel':>6} {'Conv2d ms':>10} {'InputConv2d ms':>14} {'ratio':>6}")
    results = []
    for batch, (channels, size, kernel_size, padding) in product((64, 256), SHAPES):
        found = measure(batch, channels, size, kernel_size, padding, repeats=options.repeats)
        results.append(found)
        times = found["milliseconds"]
        print(
            f"{batch:>5} {f'{channels}x{size}x{size}':>10} {f'{kernel_size}x{kernel_size}':>6} "
            f"{times['conv2d']:>10.2f} {times['input_conv2d']:>14.2f} {found['conv2d_over_input_conv2d']:>6.2f}"
        )
    if options.json:
        ratios = [found["conv2d_over_input_conv2d"] for found in results]
        record = {
            "smallest_ratio": min(ratios),
            "largest_ratio": max(ratios),
            "shapes": results,
            "repeats": options.repeats,
            "machine": machine(),
            "command": shlex.join(["python", "benchmarks/input_conv.py", *arguments]),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
