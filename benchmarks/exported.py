"""Exported models beside torch: how far their probabilities differ on real data, and how long they take.

    python benchmarks/exported.py --json results/benchmarks/exported.json

Every net, without and with the domain features g, trained for a few steps: images of `digits`, spectrograms of
`speech_lithuanian` (raw data under CROSSGRAD_DATA). Differences are the largest over `--examples` inputs between a
probability of the file and the model's own. Times are of the same graph, scaling and softmax included, with one thread
each: medians of the processor's seconds, which other work on the machine changes less than a clock's. The three take
turns.
"""

import argparse
import json
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from torch import Tensor

import crossgrad
from crossgrad.integrations.graph import ProbabilityGraph
from crossgrad.integrations.onnx import onnx_bytes, open_onnx
from crossgrad.integrations.torch_export import open_pt2, pt2_bytes
from machine import machine

DATA = {
    "lenet": "digits",
    "resnet": "digits",
    "conv2": "digits",
    "keyword": "speech_lithuanian",
    "mlp": "digits",
}
BATCH_SIZES = (1, 64)


def measure(model: crossgrad.Model, inputs: Tensor, *, repeats: int) -> dict[str, Any]:
    files = {"onnxruntime": onnx_bytes(model), "torch.export": pt2_bytes(model)}
    runs = {"onnxruntime": open_onnx(files["onnxruntime"]), "torch.export": open_pt2(files["torch.export"])}
    expected = torch.from_numpy(model.predict(inputs).probabilities)
    return {
        "largest_difference": {name: float((run(inputs) - expected).abs().max()) for name, run in runs.items()},
        "megabytes": {name: len(content) / 1e6 for name, content in files.items()},
        "milliseconds": {
            str(n): times(
                {
                    "torch": partial(by_torch, ProbabilityGraph(model), inputs[:n]),
                    "onnxruntime": one_thread(files["onnxruntime"], inputs[:n]),
                    "torch.export": partial(runs["torch.export"], inputs[:n]),
                },
                repeats=repeats,
            )
            for n in BATCH_SIZES
        },
    }


@torch.inference_mode()
def by_torch(graph: ProbabilityGraph, inputs: Tensor) -> Any:
    return graph(inputs)


def one_thread(content: bytes, inputs: Tensor) -> Callable[[], Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return partial(session.run, None, {"inputs": inputs.numpy()})


def times(runs: dict[str, Callable[[], Any]], *, repeats: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats + 1):
        for name, run in runs.items():
            began = time.process_time()
            run()
            seconds[name].append(time.process_time() - began)
    return {name: 1000 * statistics.median(each[1:]) for name, each in seconds.items()}  # the first warms up


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--nets", default=",".join(DATA), help="of the five (default all)")
    parser.add_argument("--steps", type=int, default=50, help="of each training (default 50)")
    parser.add_argument("--examples", type=int, default=500, help="compared (default 500)")
    parser.add_argument("--repeats", type=int, default=50, help="of each batch (default 50)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)

    nets: dict[str, Any] = {}
    print(f"{'':>26} {'largest difference':^20} {'milliseconds, batch of 1':^30} {'of 64':^30}")
    heads = ("onnx", "export", *("torch", "onnx", "export") * 2)
    print(f"{'net':<8} {'g':<5} {'data':<11} {' '.join(f'{head:>9}' for head in heads)}")
    for net in options.nets.split(","):
        dataset = crossgrad.open_dataset(DATA[net])
        inputs = dataset.inputs[torch.linspace(0, len(dataset) - 1, options.examples).long()]
        nets[net] = {"data": DATA[net], "input_shape": list(inputs.shape[1:])}
        for form, condition in (("plain", False), ("condition", True)):
            model = crossgrad.train(dataset, net=net, fields={"condition": condition}, max_steps=options.steps)
            found = nets[net][form] = measure(model, inputs, repeats=options.repeats)
            differences = " ".join(f"{value:>9.1e}" for value in found["largest_difference"].values())
            shown = " ".join(f"{value:>9.2f}" for each in found["milliseconds"].values() for value in each.values())
            print(f"{net:<8} {'yes' if condition else 'no':<5} {DATA[net][:11]:<11} {differences} {shown}")
    if options.json:
        result = {
            "nets": nets,
            "largest_difference": max(
                value
                for each in nets.values()
                for form in ("plain", "condition")
                for value in each[form]["largest_difference"].values()
            ),
            "examples": options.examples,
            "steps": options.steps,
            "repeats": options.repeats,
            "threads": 1,
            "onnxruntime": onnxruntime.__version__,
            "machine": machine(),
            "command": shlex.join(["python", "benchmarks/exported.py", *arguments]),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
