"""Do batch normalisation's running statistics fit the weights at the end of a short training?

Trains the residual net by ERM on all drawings of the handwriting task's training writers (table 5 keeps a fifth of them
back), with and without an average of the weights, and measures it on the writers held out three times: with the
statistics that the training left, with such that are measured anew on the training drawings under the final weights
(Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021, call them precise), and with each test batch's own. If the
first is far below the second, the running statistics lag behind.

    CROSSGRAD_DATA=... python benchmarks/batch_statistics.py --json results/benchmarks/batch_statistics.json
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from crossgrad import Model, train
from crossgrad.data import BENCHMARKS
from machine import machine

BATCH = 32
SEEDS = range(3)
AVERAGES = (None, 0.99)
N_EPOCHS = 8
"""Passes over the training drawings by which statistics are measured anew."""


def shuffled(inputs: Tensor, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(0))
    return [(inputs[part], labels[part]) for part in torch.split(order, BATCH)]


@torch.no_grad()
def accuracy(model: Model, batches: list[tuple[Tensor, Tensor]], *, own_statistics: bool = False) -> float:
    model.method.train(own_statistics)
    right = sum(int((model.method(inputs).argmax(1) == labels).sum()) for inputs, labels in batches)
    return 100 * right / sum(len(labels) for _, labels in batches)


@torch.no_grad()
def measure_anew(model: Model, batches: list[tuple[Tensor, Tensor]]) -> None:
    for layer in model.method.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None  # the plain mean over all batches
    model.method.train()
    for inputs, _ in batches * N_EPOCHS:
        model.method(inputs)


def measured(seed: int, average: float | None) -> dict[str, Any]:
    benchmark = BENCHMARKS["handwriting"]
    dataset = benchmark.open()
    split = dataset.domain_split
    assert split is not None
    tested = torch.tensor([dataset.domain_names[domain] in split.test for domain in dataset.domains])
    chosen_on = torch.tensor([dataset.domain_names[domain] in split.validation for domain in dataset.domains])
    training = replace(dataset.subset(torch.where(~tested & ~chosen_on)[0]), domain_split=None)
    settings = {**benchmark.settings, "batch_size": BATCH, "in_domain_fraction": 0.0} | (
        {"average": average} if average else {}
    )
    model = train(training, method="erm", net="resnet/2", seed=seed, **settings)
    held_out = dataset.subset(torch.where(tested)[0])
    on_training, on_test = (shuffled(model.scaling.apply(part.inputs[:]), part.labels) for part in (training, held_out))
    running = accuracy(model, on_test)
    running_on_training = accuracy(model, on_training)
    measure_anew(model, on_training)
    return {
        "seed": seed,
        "average": average,
        "running": running,
        "running_on_training": running_on_training,
        "anew": accuracy(model, on_test),
        "anew_on_training": accuracy(model, on_training),
        "own": accuracy(model, on_test, own_statistics=True),  # last: it changes the running ones
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the results here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = [measured(seed, average) for average in AVERAGES for seed in SEEDS]
    table = Table(title="Accuracy on unseen writers by the statistics of batch normalisation, %")
    for column in ("average", "seed", "running", "anew", "the batch's own", "training: running", "training: anew"):
        table.add_column(column)
    for row in results:
        numbers = (row[name] for name in ("running", "anew", "own", "running_on_training", "anew_on_training"))
        table.add_row(str(row["average"]), str(row["seed"]), *(f"{number:.1f}" for number in numbers))
    Console().print(table)
    if arguments.json:
        content = {"machine": machine(), "command": "benchmarks/batch_statistics.py", "results": results}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
