"""Is it how loud the domain features g are that costs the residual net its accuracy?

The label net gets g beside what its own trunk makes of the input. Trains CrossGrad on all examples of a task's training
domains, as the scale `cpu` of `reproduce` does but for the fifth of them that it keeps back: with g silenced (times 0,
everything else alike, the initial weights too), as it is, about as loud as LeNet has it (times 1/16 in front of the
residual net), and far louder (times 16 in front of LeNet). On the handwriting inputs are moved as the paper has it, on
the fonts nothing is moved, so that g is all there is; and there two more tell what the first layer that takes g begins
with: a label net without g, whose layer has fewer inputs and so larger weights at first, and one that begins as that
one, its weights for g at zero. Each model then labels examples of the domains held out, with each example's own g and
with that of another: if the second is far below the first, the label net leans on g.

Trainings that the record has are not run again.

    CROSSGRAD_DATA=... python benchmarks/domain_features.py handwriting --json results/benchmarks/domain_features.json
    CROSSGRAD_DATA=... python benchmarks/domain_features.py fonts --json results/benchmarks/domain_features-fonts.json
"""

import argparse
import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from crossgrad.building import build_method
from crossgrad.data import BENCHMARKS, DomainDataset, split, training_set
from crossgrad.experiments.scaling import scaling_for
from crossgrad.experiments.settings import Settings
from crossgrad.methods import PRESETS
from crossgrad.reproduction.scales import SCALES
from crossgrad.significance import Comparison, estimate, paired_t
from crossgrad.training import fit
from machine import machine


@dataclass(frozen=True)
class Given:
    """What the label net is given: g times a factor, or no g at all (None)."""

    factor: float | None
    begins_without: bool = False
    """Whether it begins with the weights of the label net without g, those for g at zero."""

    @property
    def in_words(self) -> str:
        if self.factor is None:
            return "without g"
        return f"g times {self.factor:g}" + ", at first zero" * self.begins_without


@dataclass(frozen=True)
class Task:
    """What is trained: of each net, given g so, by each seed."""

    fields: Mapping[str, Any]
    given: Mapping[str, tuple[Given, ...]]
    seeds: range


WITHOUT, SILENCED, QUIET, AS_IT_IS, LOUD = (Given(factor) for factor in (None, 0.0, 1 / 16, 1.0, 16.0))
TASKS = {
    "handwriting": Task(
        PRESETS["paper"], {"lenet": (SILENCED, AS_IT_IS, LOUD), "resnet": (SILENCED, QUIET, AS_IT_IS)}, range(5)
    ),
    "fonts": Task(
        {"condition": True, "label_weight": 0.0, "domain_weight": 0.0},
        {
            "resnet": (
                SILENCED,
                QUIET,
                AS_IT_IS,
                WITHOUT,
                replace(AS_IT_IS, begins_without=True),
                replace(QUIET, begins_without=True),
            )
        },
        range(3),
    ),
}
N_ORDERS = 20
"""Random orders in which examples are given another's g; accuracies are means over them."""


class Louder(nn.Module):
    """A label net that is given g times a factor."""

    def __init__(self, net: Any, factor: float) -> None:
        super().__init__()
        self.net, self.factor = net, factor

    def forward(self, inputs: Tensor, domain_features: Tensor) -> Tensor:
        logits: Tensor = self.net(inputs, self.factor * domain_features)
        return logits


def parts(task: str) -> tuple[DomainDataset, DomainDataset]:
    """All examples of the training domains, and those of the test domains."""
    dataset = BENCHMARKS[task].open()
    of = dataset.domain_split
    assert of is not None
    training = training_set(dataset, split(dataset, (*of.validation, *of.test), in_domain_fraction=0.0, seed=0))
    tested = torch.tensor([dataset.domain_names[domain] in of.test for domain in dataset.domains])
    return training, dataset.subset(torch.where(tested)[0])


@torch.no_grad()
def begin_without(net: Any, plain: Any) -> None:
    """Give a label net the weights of one without g, and zeros for g."""
    layer = net.hidden[0].weight
    weights = plain.state_dict()
    for_g = layer.new_zeros(len(layer), layer.shape[1] - weights["hidden.0.weight"].shape[1])
    net.load_state_dict({**weights, "hidden.0.weight": torch.cat([weights["hidden.0.weight"], for_g], dim=1)})


def measured(
    task: str, training: DomainDataset, held_out: DomainDataset, trunk: str, given: Given, seed: int
) -> dict[str, Any]:
    scale = SCALES["cpu"]
    settings = Settings.of({**BENCHMARKS[task].settings, **scale.settings_for(task, trunk)})
    scaling = scaling_for(settings, training.inputs, training.weights)
    scaled = scaling.apply(training.inputs[:])

    def built(**fields: Any) -> Any:
        return build_method(
            "crossgrad",
            net=scale.net_for(trunk),
            input_shape=scaled.shape[1:],
            n_labels=len(training.label_names),
            n_domains=len(training.domain_names),
            fields={**TASKS[task].fields, **fields},
            seed=seed,
        )

    method = built(condition=given.factor is not None)
    net = method.label_net
    if given.begins_without:
        begin_without(net, built(condition=False).label_net)
    if given.factor is not None:
        method.label_net = Louder(net, given.factor)
    history = fit(
        method,
        replace(training, inputs=scaled),
        optimizer=settings.make_optimizer(method.parameters()),
        max_steps=settings.max_steps,
        batch_size=settings.batch_size,
        seed=seed,
        average=settings.make_average(),
    )
    method.eval()
    with torch.no_grad():
        inputs = scaling.apply(held_out.inputs[:])
        features = method.domain_net.features(inputs)
        of_trunk = net.trunk(inputs).flatten(1)

        def accuracy(features: Tensor) -> float:
            logits = method.label_net(inputs, *(() if given.factor is None else (features,)))
            return 100 * float((logits.argmax(1) == held_out.labels).float().mean())

        generator = torch.Generator().manual_seed(0)
        orders = [torch.randperm(len(features), generator=generator) for _ in range(N_ORDERS)]
        return {
            "net": scale.net_for(trunk),
            **asdict(given),
            "seed": seed,
            "own": accuracy(features),
            "another's": sum(accuracy(features[order]) for order in orders) / N_ORDERS,
            "label_loss": history.last["label_loss"],
            "machine": machine(),
            "values": {"g": features.shape[1], "trunk": of_trunk.shape[1]},
            "length": {
                "g": (given.factor or 0.0) * float(features.norm(dim=1).mean()),
                "trunk": float(of_trunk.norm(dim=1).mean()),
            },
        }


def given_in(row: Mapping[str, Any]) -> Given:
    return Given(row["factor"], row["begins_without"])


def against_silence(results: list[dict[str, Any]], net: str, given: Given) -> Comparison | None:
    """What is gained on g silenced, in points, paired by seed."""
    of = {(given_in(row), row["seed"]): row["own"] for row in results if row["net"] == net}
    seeds = sorted({seed for _, seed in of})
    return paired_t([of[given, seed] - of[SILENCED, seed] for seed in seeds]) if given != SILENCED else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--json", type=Path, help="the record: trainings that it has are kept, others added")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    training, held_out = parts(arguments.task)
    file = arguments.json
    kept = json.loads(file.read_text(encoding="utf-8"))["results"] if file and file.exists() else []
    known = {(row["net"], given_in(row), row["seed"]): row for row in kept}
    results = []
    for trunk, each in TASKS[arguments.task].given.items():
        for given, seed in itertools.product(each, TASKS[arguments.task].seeds):
            found = known.get((SCALES["cpu"].net_for(trunk), given, seed))
            results.append(found or measured(arguments.task, training, held_out, trunk, given, seed))
    table = Table(title=f"{arguments.task}, unseen domains, by how loud g is: accuracy in %, means over seeds")
    for column in ("net", "given", "|g| / |trunk|", "own g", "another's g", "label loss", "on silence", "p"):
        table.add_column(column)
    for net, given in dict.fromkeys((row["net"], given_in(row)) for row in results):
        rows = [row for row in results if (row["net"], given_in(row)) == (net, given)]
        ratio, own, others, loss = (
            estimate(values)
            for values in (
                [row["length"]["g"] / row["length"]["trunk"] for row in rows],
                [row["own"] for row in rows],
                [row["another's"] for row in rows],
                [row["label_loss"] for row in rows],
            )
        )
        gain = against_silence(results, net, given)
        table.add_row(
            net,
            given.in_words,
            f"{ratio.value:.2f}",
            f"{own.value:.1f} ± {own.standard_error:.1f}",
            f"{others.value:.1f}",
            f"{loss.value:.2f}",
            *(() if gain is None else (f"{gain.mean:+.1f}", f"{gain.p_value:.2g}")),
        )
    Console(width=120).print(table)
    if file:
        content = {"command": f"benchmarks/domain_features.py {arguments.task}", "results": results}
        file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
