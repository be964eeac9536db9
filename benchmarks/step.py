"""Time and memory of one training step: ERM, CrossGrad, CrossGrad with g, and the literal three-pass form.

    python benchmarks/step.py --json results/benchmarks/step.json

LeNet on 1x32x32, equal label and domain nets, the same optimiser (Adam) for all; a step is zero_grad, backward and
optimizer.step. The forms take turns, one step each, so that whatever else the machine does meets all of them alike;
times are medians over `--repeats` turns.

Memory is the peak of saved activations: the bytes of all tensors that autograd keeps for backward at any one moment,
parameters excluded. They are counted by `torch.autograd.graph.saved_tensors_hooks`: a storage counts once, from when
the first node saves it until the last node that does is freed. Gradients and an operator's scratch space are not in it.
"""

import argparse
import json
import shlex
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from crossgrad._types import Batch
from crossgrad.methods import ERM, CrossGrad
from crossgrad.nets import HeadedNet, LeNet, headed
from machine import machine

INPUT_SHAPE = (1, 32, 32)
N_LABELS = N_DOMAINS = 10
STEP = 0.3
FORMS = ("erm", "crossgrad", "crossgrad_with_features", "three_pass")
WARM_UP = 2


class ThreePass(nn.Module):
    """CrossGrad as Dassl writes it: input gradients in passes of their own, then each net's objective in two more."""

    def __init__(self, label_net: nn.Module, domain_net: nn.Module) -> None:
        super().__init__()
        self.label_net, self.domain_net = label_net, domain_net

    def backward(self, batch: Batch) -> None:
        inputs = batch.inputs.detach().requires_grad_()
        cross_entropy(self.domain_net(inputs), batch.domains, reduction="sum").backward()  # type: ignore[no-untyped-call]
        domain_perturbed = inputs.detach() + STEP * gradient_of(inputs)
        inputs.grad = None
        cross_entropy(self.label_net(inputs), batch.labels, reduction="sum").backward()  # type: ignore[no-untyped-call]
        label_perturbed = inputs.detach() + STEP * gradient_of(inputs)
        self.zero_grad()
        for net, classes, perturbed in (
            (self.label_net, batch.labels, domain_perturbed),
            (self.domain_net, batch.domains, label_perturbed),
        ):
            clean_loss = cross_entropy(net(batch.inputs), classes)
            perturbed_loss = cross_entropy(net(perturbed), classes)
            (0.5 * clean_loss + 0.5 * perturbed_loss).backward()  # type: ignore[no-untyped-call]


def gradient_of(leaf: Tensor) -> Tensor:
    assert leaf.grad is not None
    return leaf.grad


def net(n_classes: int, *, n_domain_features: int = 0) -> HeadedNet:
    return headed(
        LeNet(INPUT_SHAPE),
        input_shape=INPUT_SHAPE,
        n_classes=n_classes,
        hidden=LeNet.HIDDEN,
        n_domain_features=n_domain_features,
    )


def build(form: str) -> Any:
    """The form with freshly initialised nets; it has `backward(batch)`."""
    torch.manual_seed(0)
    steps: dict[str, Any] = {"domain_gradient_step": STEP, "label_gradient_step": STEP}
    if form == "erm":
        return ERM(net(N_LABELS))
    if form == "crossgrad":
        return CrossGrad(net(N_LABELS), net(N_DOMAINS), **steps)
    if form == "crossgrad_with_features":
        label_net = net(N_LABELS, n_domain_features=LeNet.HIDDEN[-1])
        return CrossGrad(label_net, net(N_DOMAINS), condition=True, **steps)
    return ThreePass(net(N_LABELS), net(N_DOMAINS))


def training_step(form: str, batch: Batch) -> Callable[[], None]:
    module = build(form)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        module.backward(batch)
        optimizer.step()

    return step


def random_batch(size: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(size, *INPUT_SHAPE, generator=generator)
    labels = torch.randint(N_LABELS, (size,), generator=generator)
    return Batch(inputs, labels, torch.randint(N_DOMAINS, (size,), generator=generator))


def median_milliseconds(batch: Batch, *, repeats: int) -> dict[str, float]:
    steps = {form: training_step(form, batch) for form in FORMS}
    seconds: dict[str, list[float]] = {form: [] for form in FORMS}
    for turn in range(WARM_UP + repeats):
        for form, step in steps.items():
            start = time.perf_counter()
            step()
            if turn >= WARM_UP:
                seconds[form].append(time.perf_counter() - start)
    return {form: 1000 * statistics.median(values) for form, values in seconds.items()}


class SavedBytes:
    """Counts what autograd keeps, and remembers the most it kept at once."""

    def __init__(self, excluded: set[int]) -> None:
        self.excluded = excluded
        self.holders: Counter[int] = Counter()
        self.live = 0
        self.peak = 0

    def pack(self, tensor: Tensor) -> "Tensor | Held":
        return tensor if tensor.untyped_storage().data_ptr() in self.excluded else Held(tensor.detach(), self)

    @staticmethod
    def unpack(kept: "Tensor | Held") -> Tensor:
        return kept.tensor if isinstance(kept, Held) else kept


class Held:
    """A saved tensor; its storage is counted while any node holds one of these on it."""

    def __init__(self, tensor: Tensor, count: SavedBytes) -> None:
        storage = tensor.untyped_storage()
        self.tensor, self.count = tensor, count
        self.key, self.size = storage.data_ptr(), storage.nbytes()
        if not count.holders[self.key]:
            count.live += self.size
            count.peak = max(count.peak, count.live)
        count.holders[self.key] += 1

    def __del__(self) -> None:
        self.count.holders[self.key] -= 1
        if not self.count.holders[self.key]:
            self.count.live -= self.size


def peak_saved_bytes(form: str, batch: Batch) -> int:
    module = build(form)
    count = SavedBytes({p.untyped_storage().data_ptr() for p in module.parameters()})
    with torch.autograd.graph.saved_tensors_hooks(count.pack, count.unpack):
        module.backward(batch)
    if count.live:
        raise RuntimeError(f"{form} still holds {count.live} bytes after its step")
    return count.peak


def ratios(milliseconds: dict[str, float], saved: dict[str, int]) -> dict[str, float]:
    return {
        "crossgrad_over_erm": milliseconds["crossgrad"] / milliseconds["erm"],
        "crossgrad_with_features_over_erm": milliseconds["crossgrad_with_features"] / milliseconds["erm"],
        "three_pass_over_crossgrad": milliseconds["three_pass"] / milliseconds["crossgrad"],
        "crossgrad_memory_over_erm": saved["crossgrad"] / saved["erm"],
        "crossgrad_with_features_memory_over_erm": saved["crossgrad_with_features"] / saved["erm"],
        "three_pass_memory_over_erm": saved["three_pass"] / saved["erm"],
    }


def print_table(size: int, milliseconds: dict[str, float], saved: dict[str, int]) -> None:
    print(f"\nbatch {size:<23} {'ms a step':>10} {'x ERM':>7} {'saved MiB':>10} {'x ERM':>7}")
    for form in FORMS:
        times, memory = milliseconds[form] / milliseconds["erm"], saved[form] / saved["erm"]
        print(f"{form:<29} {milliseconds[form]:>10.1f} {times:>7.2f} {saved[form] / 2**20:>10.1f} {memory:>7.2f}")
    print(f"three passes over crossgrad: {milliseconds['three_pass'] / milliseconds['crossgrad']:.2f}")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--repeats", type=int, default=30, help="turns of one step each (default 30)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1)")
    parser.add_argument(
        "--batch-sizes", type=int, nargs="+", default=[64, 256], help="the first gives the JSON's top-level ratios"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)

    batches: dict[str, Any] = {}
    for size in options.batch_sizes:
        batch = random_batch(size)
        milliseconds = median_milliseconds(batch, repeats=options.repeats)
        saved = {form: peak_saved_bytes(form, batch) for form in FORMS}
        print_table(size, milliseconds, saved)
        batches[str(size)] = {
            **ratios(milliseconds, saved),
            "milliseconds": milliseconds,
            "peak_saved_bytes": saved,
        }
    if options.json:
        first = batches[str(options.batch_sizes[0])]
        result = {name: value for name, value in first.items() if isinstance(value, float)} | {
            "batches": batches,
            "net": "lenet",
            "input_shape": INPUT_SHAPE,
            "optimizer": "Adam",
            "repeats": options.repeats,
            "threads": options.threads,
            "machine": machine(),
            "command": shlex.join(["python", "benchmarks/step.py", *arguments]),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
