"""Time of fit() over the bare step loop that it stands for: what comfort costs.

    python benchmarks/fit.py --json results/benchmarks/fit.json

LeNet on 1x32x32, Adam, random data. The bare loop takes batches that were made before it starts, by the same indexing:
zero_grad, backward, optimizer.step, nothing else. fit() makes its batches, checks every loss and keeps a history at a
hundred places. "Watched" also writes each of those places to a log and looks for what goes wrong, as the commands
always do; "with TensorBoard" writes its event files besides, with pictures, which is an option; "with evaluation" is
"watched", and measures at the end the accuracy on a tenth as many examples as were trained on. The forms take turns, so
that whatever else the machine does meets all of them alike; times are medians over `--repeats` turns, a ratio is the
median of the turns' own ratios.
"""

import argparse
import json
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from crossgrad.building import build_method
from crossgrad.data import DomainDataset
from crossgrad.evaluation import accuracies, probabilities
from crossgrad.experiments.settings import Settings
from crossgrad.experiments.watched import watched
from crossgrad.methods import Method
from crossgrad.training import Watch, batches, fit, watch_nothing
from machine import machine

INPUT_SHAPE = (1, 32, 32)
N_LABELS = N_DOMAINS = 10
METHODS = ("erm", "crossgrad")
WARM_UP = 1
FORMS = {
    "fit": "fit",
    "fit_watched": "watched",
    "fit_with_tensorboard": "with TensorBoard",
    "fit_with_evaluation": "with evaluation",
}
"""What is set against the bare loop, and its heading."""


def random_dataset(n: int, *, seed: int) -> DomainDataset:
    generator = torch.Generator().manual_seed(seed)
    names = tuple(str(index) for index in range(N_LABELS))
    return DomainDataset(
        torch.rand(n, *INPUT_SHAPE, generator=generator),
        torch.randint(N_LABELS, (n,), generator=generator),
        torch.randint(N_DOMAINS, (n,), generator=generator),
        names,
        names,
        "random",
    )


def build(name: str) -> tuple[Method, torch.optim.Optimizer]:
    method = build_method(
        name, net="lenet", input_shape=INPUT_SHAPE, n_labels=N_LABELS, n_domains=N_DOMAINS, fields={}
    ).train()
    return method, torch.optim.Adam(method.parameters(), lr=1e-3)


class Forms:
    """The same training in several forms: each method trains from the same weights and gives its seconds."""

    def __init__(self, name: str, *, steps: int, batch_size: int) -> None:
        self.name, self.steps, self.batch_size = name, steps, batch_size
        self.train = random_dataset(20 * batch_size, seed=0)
        self.unseen = random_dataset(max(1, steps * batch_size // 10), seed=1)

    def loop(self) -> float:
        method, optimizer = build(self.name)
        prepared = list(islice(batches(self.train, batch_size=self.batch_size, seed=0), self.steps))
        started = time.perf_counter()
        for batch in prepared:
            optimizer.zero_grad()
            method.backward(batch)
            optimizer.step()
        return time.perf_counter() - started

    def fit(self) -> float:
        method, optimizer = build(self.name)
        started = time.perf_counter()
        self._fit(method, optimizer)
        return time.perf_counter() - started

    def fit_watched(self) -> float:
        return self._watched()

    def fit_with_tensorboard(self) -> float:
        return self._watched(tensorboard=True)

    def fit_with_evaluation(self) -> float:
        return self._watched(evaluate=True)

    def _watched(self, *, tensorboard: bool = False, evaluate: bool = False) -> float:
        method, optimizer = build(self.name)
        settings = Settings(max_steps=self.steps, batch_size=self.batch_size)
        with tempfile.TemporaryDirectory() as name:
            started = time.perf_counter()
            board = Path(name) / "board" if tensorboard else None
            with watched(
                method, self.train, settings, watch=watch_nothing, log=Path(name) / "log.jsonl", tensorboard=board
            ) as watch:
                self._fit(method, optimizer, watch)
            if evaluate:
                accuracies(probabilities(method, self.unseen.inputs), self.unseen)
            return time.perf_counter() - started

    def _fit(self, method: Method, optimizer: torch.optim.Optimizer, watch: Watch = watch_nothing) -> None:
        fit(
            method,
            self.train,
            optimizer=optimizer,
            max_steps=self.steps,
            batch_size=self.batch_size,
            seed=0,
            watch=watch,
        )


def seconds_of(name: str, *, steps: int, batch_size: int, repeats: int) -> dict[str, list[float]]:
    forms = Forms(name, steps=steps, batch_size=batch_size)
    seconds: dict[str, list[float]] = {form: [] for form in ("loop", *FORMS)}
    for turn in range(WARM_UP + repeats):
        for form, taken in seconds.items():
            value = getattr(forms, form)()
            if turn >= WARM_UP:
                taken.append(value)
    return seconds


def ratio(seconds: dict[str, list[float]], form: str) -> float:
    return statistics.median(a / b for a, b in zip(seconds[form], seconds["loop"], strict=True))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--steps", type=int, default=30, help="of one training (default 30)")
    parser.add_argument("--batch-size", type=int, default=64, help="examples a step (default 64)")
    parser.add_argument("--repeats", type=int, default=5, help="turns of one training each (default 5)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)

    methods: dict[str, Any] = {}
    print("over the bare loop:")
    print(f"{'method':<12} {'loop, ms a step':>16}" + "".join(f"{heading:>18}" for heading in FORMS.values()))
    for name in METHODS:
        seconds = seconds_of(name, steps=options.steps, batch_size=options.batch_size, repeats=options.repeats)
        methods[name] = {f"{form}_over_loop": ratio(seconds, form) for form in FORMS} | {
            "milliseconds_a_step": {
                form: 1000 * statistics.median(taken) / options.steps for form, taken in seconds.items()
            },
        }
        print(
            f"{name:<12} {methods[name]['milliseconds_a_step']['loop']:>16.2f}"
            + "".join(f"{methods[name][f'{form}_over_loop']:>18.3f}" for form in FORMS)
        )
    if options.json:
        # The worst method's are the ones that the budgets are for.
        result = {
            **{f"{form}_over_loop": max(each[f"{form}_over_loop"] for each in methods.values()) for form in FORMS},
            "methods": methods,
            "net": "lenet",
            "input_shape": INPUT_SHAPE,
            "optimizer": "Adam",
            "steps": options.steps,
            "batch_size": options.batch_size,
            "repeats": options.repeats,
            "threads": options.threads,
            "machine": machine(),
            "command": shlex.join(["python", "benchmarks/fit.py", *arguments]),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
