"""How often each test finds a difference between two methods that is not there, and how often one that is.

    python benchmarks/paired_tests.py --json results/benchmarks/paired_tests.json
    python benchmarks/paired_tests.py --json results/benchmarks/paired_tests.json --add
    python benchmarks/paired_tests.py --show results/benchmarks/paired_tests.json

Accuracies are drawn as those of a comparison: held-out domains differ in difficulty, in what the second method changes
there (its effect), and in the luck of each trained model (seed); examples differ in difficulty, which both methods and
all seeds meet. "No difference" is one over all domains there could be. Where it is "the same on every domain" it is one
on each domain as well, and seeds have no luck; where it "varies by domain" the method helps on some and harms on
others, as much. Domains that are "held out together", as by a benchmark's own split, are all measured with the same
models, one a seed: a part of each model's luck is the same on all of them.
"""

import argparse
import json
import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from crossgrad.significance import SIGNIFICANCE_LEVEL, bootstrap, matched_pairs, mcnemar, paired_t, wilcoxon
from machine import machine

DRAWS_OF_BOOTSTRAP = 2000


@dataclass(frozen=True)
class Design:
    """A comparison's size."""

    domains: int
    examples: int
    """Of each domain."""
    seeds: int


@dataclass(frozen=True)
class World:
    """What the methods are like, on the scale of a probit: 0.1 is about 2.5 points at an accuracy of 85 %."""

    effect: float
    """Mean over all domains there could be."""
    effect_by_domain: float
    """Standard deviation of the effect over domains."""
    luck: float
    """Standard deviation of a trained model about its method, by domain and seed."""
    common_luck: float = 0.0
    """The same by seed alone: of models that all domains are measured with."""


DESIGNS = (Design(5, 300, 3), Design(6, 300, 3), Design(12, 150, 3), Design(30, 100, 3))
WORLDS = {
    "no difference, the same on every domain": World(0.0, 0.0, 0.0),
    "no difference, varies by domain": World(0.0, 0.15, 0.05),
    "a difference, varies by domain": World(0.2, 0.15, 0.05),
    "no difference, varies by domain, held out together": World(0.0, 0.15, 0.05, common_luck=0.05),
}
DIFFICULTY = (1.2, 0.35)
"""Mean and standard deviation over domains of the probit of accuracy: 88 %, most domains from 70 to 97 %."""
SHARED = 0.7
"""Share of the variance of an example's outcome that all models meet alike."""


def draw(design: Design, world: World, random: np.random.RandomState) -> NDArray[np.bool_]:
    """Right or wrong: method x seed x domain x example."""
    mean, spread = DIFFICULTY
    difficulty = random.normal(mean, spread, design.domains)
    effect = random.normal(world.effect, world.effect_by_domain, design.domains)
    # Half to each side, so that no difference on this scale is none in accuracy either.
    level = difficulty + np.stack([-effect / 2, effect / 2])[:, None]
    level = level + random.normal(0, world.luck, (2, design.seeds, design.domains))
    if world.common_luck:
        level = level + random.normal(0, world.common_luck, (2, design.seeds, 1))
    of_example = random.normal(0, math.sqrt(SHARED), (design.domains, design.examples))
    own = random.normal(0, math.sqrt(1 - SHARED), (2, design.seeds, design.domains, design.examples))
    return level[..., None] + of_example + own > 0


def p_values(right: NDArray[np.bool_]) -> dict[str, float]:
    """Of every test, as a report uses it: seeds averaged, except in McNemar's, which takes one seed."""
    by_example = right[1].mean(axis=0) - right[0].mean(axis=0)
    by_domain = by_example.mean(axis=1)
    domain = np.repeat(np.arange(len(by_domain)), by_example.shape[1])
    by_seed = (right[1].mean(axis=2) - right[0].mean(axis=2)).ravel()
    found = {
        "paired t over domains": paired_t(by_domain).p_value,
        "Wilcoxon over domains": wilcoxon(by_domain),
        "bootstrap of domains and examples": bootstrap(list(by_example), draws=DRAWS_OF_BOOTSTRAP).p_value,
        "MAPSSWE, domains as segments": matched_pairs(by_example.ravel(), domain).p_value,
        "MAPSSWE, examples as segments": matched_pairs(by_example.ravel()).p_value,
        "McNemar, one seed": mcnemar(right[1, 0].ravel(), right[0, 0].ravel()).p_value,
        "paired t, every seed as a domain": paired_t(by_seed).p_value,
    }
    return {name: 1.0 if p is None else p for name, p in found.items()}


def rates(design: Design, world: World, *, trials: int, seed: int) -> dict[str, float]:
    """Share of the trials in which each test has p < 0.05."""
    random = np.random.RandomState(seed)
    hits: dict[str, int] = {}
    for _ in range(trials):
        for name, p in p_values(draw(design, world, random)).items():
            hits[name] = hits.get(name, 0) + (p < SIGNIFICANCE_LEVEL)
    return {name: count / trials for name, count in hits.items()}


def points(design: Design, world: World, *, trials: int = 400) -> float:
    """The mean difference in percentage points that a world's effect is."""
    random = np.random.RandomState(0)
    rights = (draw(design, world, random) for _ in range(trials))
    return float(np.mean([100 * (right[1].mean() - right[0].mean()) for right in rights]))


def markdown(record: dict[str, Any]) -> str:
    """The rates as the documentation has them, in percent."""
    lines: list[str] = []
    for world in dict.fromkeys(setting["world"] for setting in record["settings"]):
        settings = [setting for setting in record["settings"] if setting["world"] == world]
        sizes = [f"{setting['domains']} x {setting['examples']}" for setting in settings]
        lines += [f"| {world} | {' | '.join(sizes)} |", f"| --- {'| ---: ' * len(sizes)}|"]
        for name in settings[0]["rates"]:
            rates_of_test = [f"{100 * setting['rates'][name]:.1f}" for setting in settings]
            lines.append(f"| {name} | {' | '.join(rates_of_test)} |")
        lines.append("")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--trials", type=int, default=2000, help="comparisons drawn in each setting (default 2000)")
    parser.add_argument("--add", action="store_true", help="with --json: draw only what FILE lacks")
    parser.add_argument("--show", type=Path, metavar="FILE", help="print the tables of results written before")
    options = parser.parse_args(arguments)
    if options.show:
        print(markdown(json.loads(options.show.read_text())))
        return
    before: dict[str, Any] = {"settings": [], "command": ""}
    if options.add:
        if not options.json:
            parser.error("--add goes with --json FILE")
        before = json.loads(options.json.read_text())
        options.trials = before["trials"]
    results: list[dict[str, Any]] = before["settings"]
    done = {setting["world"] for setting in results}
    for world_name, world in WORLDS.items():
        if world_name in done:
            continue
        print(f"\n{world_name}: share of {options.trials} comparisons with p < 0.05")
        print(f"{'':>34} {'  '.join(f'{d.domains:>3} x {d.examples:<3}' for d in DESIGNS)}   domains x examples")
        found = [rates(design, world, trials=options.trials, seed=number) for number, design in enumerate(DESIGNS)]
        for name in found[0]:
            print(f"{name:>34} {'  '.join(f'{each[name]:>9.3f}' for each in found)}")
        results += [
            {
                "world": world_name,
                "domains": design.domains,
                "examples": design.examples,
                "seeds": design.seeds,
                "points": points(design, world),
                "rates": each,
            }
            for design, each in zip(DESIGNS, found, strict=True)
        ]
    if options.json:
        command = shlex.join(["python", "benchmarks/paired_tests.py", *arguments])
        bound = stats.binom.ppf(0.999, options.trials, SIGNIFICANCE_LEVEL) / options.trials
        record = {
            "trials": options.trials,
            "highest_rate_by_chance": float(bound),
            "settings": results,
            "machine": machine(),
            "command": "; ".join(filter(None, (before["command"], command))),
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
