"""Time and memory of one training step of every method, over ERM's.

    python benchmarks/methods.py --json results/benchmarks/methods.json

LeNet on 1x32x32, 10 labels, 10 domains, batches of 64, Adam. Methods take turns, one step each; times are medians.
Memory is the peak of saved activations as in benchmarks/step.py, beside the parameters. D-MTAE is timed in both phases.
"""

import argparse
import json
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from crossgrad._types import Batch
from crossgrad.building import build_method
from crossgrad.methods import METHODS, Method
from machine import machine
from step import INPUT_SHAPE, N_DOMAINS, N_LABELS, SavedBytes, random_batch

WARM_UP = 2


@dataclass(frozen=True)
class Form:
    """A method with the fields and in the phase that are measured."""

    method: str
    fields: dict[str, Any]
    phase: int

    @property
    def name(self) -> str:
        options = [f"{name}={value}" for name, value in self.fields.items()]
        phases = [f"phase {self.phase + 1}"] if METHODS[self.method].N_PHASES > 1 else []
        return ", ".join([self.method, *options, *phases])

    def build(self) -> Method:
        method = build_method(
            self.method,
            net="lenet",
            input_shape=INPUT_SHAPE,
            n_labels=N_LABELS,
            n_domains=N_DOMAINS,
            fields=self.fields,
        )
        method.phase = self.phase
        return method


def forms() -> list[Form]:
    plain = [
        Form(name, {}, phase)
        for name, method in METHODS.items()
        for phase in range(method.N_PHASES)
        if name != "erm_matched"  # whose step is ERM's
    ]
    return [
        *plain,
        Form("crossgrad", {"condition": True}, 0),
        Form("hybrid", {"design": "sum"}, 0),
        Form("hybrid", {"design": "both"}, 0),
    ]


def median_milliseconds(batch: Batch, *, repeats: int) -> dict[str, float]:
    methods = {form.name: form.build() for form in forms()}
    optimizers = {name: torch.optim.Adam(method.parameters(), lr=1e-3) for name, method in methods.items()}
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for turn in range(WARM_UP + repeats):
        for name, method in methods.items():
            start = time.perf_counter()
            optimizers[name].zero_grad()
            method.backward(batch)
            optimizers[name].step()
            if turn >= WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * statistics.median(values) for name, values in seconds.items()}


def peak_saved_bytes(form: Form, batch: Batch) -> int:
    method = form.build()
    count = SavedBytes({p.untyped_storage().data_ptr() for p in method.parameters()})
    with torch.autograd.graph.saved_tensors_hooks(count.pack, count.unpack):
        method.backward(batch)
    return count.peak


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--repeats", type=int, default=20, help="turns of one step each (default 20)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    batch = random_batch(64)
    milliseconds = median_milliseconds(batch, repeats=options.repeats)
    measured: dict[str, dict[str, float]] = {}
    for form in forms():
        method = form.build()
        measured[form.name] = {
            "milliseconds": milliseconds[form.name],
            "over_erm": milliseconds[form.name] / milliseconds["erm"],
            "passes": method.passes,
            "peak_saved_bytes": peak_saved_bytes(form, batch),
            "parameters": sum(p.numel() for p in method.parameters()),
        }
    saved = measured["erm"]["peak_saved_bytes"]
    print(f"{'method':<24} {'ms a step':>10} {'x ERM':>7} {'passes':>7} {'saved x ERM':>12} {'parameters':>11}")
    for name, found in measured.items():
        found["saved_over_erm"] = found["peak_saved_bytes"] / saved
        print(
            f"{name:<24} {found['milliseconds']:>10.1f} {found['over_erm']:>7.2f} {found['passes']:>7.2f} "
            f"{found['saved_over_erm']:>12.2f} {found['parameters']:>11,}"
        )
    if options.json:
        result = {
            "methods": measured,
            "net": "lenet",
            "input_shape": INPUT_SHAPE,
            "batch": 64,
            "optimizer": "Adam",
            "repeats": options.repeats,
            "threads": options.threads,
            "machine": machine(),
            "command": shlex.join(["python", "benchmarks/methods.py", *arguments]),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
