"""What inputs of the new domain itself are worth: unlabelled ones, a few labelled ones, or both.

Two tasks. In each a third or a half of the new domain's examples is never trained on by any way, and is what all ways
are measured on; the rest is what there is of the new domain beforehand.

- rotated_mnist: each of the six angles in turn is the new domain. The file has the same digits at every angle, so they
  are dealt out: of each class 40 train at the five other angles, 30 are at the new angle beforehand, and 30 are
  measured on there. No digit has two parts. They are dealt anew for each seed.
- fonts: the benchmark's 27 test fonts together are the new domain; of each font's characters half, drawn anew for each
  seed, are there beforehand. Accuracy is measured for each font. The 71 training fonts train, validation fonts do not.

A few labelled ones are two of each class (digits) or one (characters), drawn from what is there beforehand; the rest of
that is what is unlabelled. All ways have as many labelled examples a step, 32, and unlabelled ones come on top of them,
in the proportion in which there are some. Settings are the same for all ways and chosen by nothing; DANN has its
default strength and a tenth of it.

Differences are paired over angles, seeds averaged, and over seeds, angles averaged: with one seed all angles begin with
the same weights. On fonts, which one model labels all, they are paired over seeds.
Records are appended as runs end; what they have already is not run again.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad import DomainDataset, open_dataset, train
from crossgrad.errors import TrainingWarning
from crossgrad.evaluation import accuracies
from crossgrad.experiments.performing import versions
from crossgrad.records import RECORD_VERSION, Record, append_record, read_records, run_key
from crossgrad.significance import holm, paired_t

CALIBRATED = {"domain_gradient_step": "calibrated:0.1", "label_gradient_step": "calibrated:0.1"}
WEAK = {"reversal": 0.1}
"""Of DANN's gradient, beside its default of 1."""
BATCH_SIZE = 32
"""Of labelled examples."""
SEEDS = range(5)


class Way(NamedTuple):
    """A method, and what it has of the new domain."""

    method: str
    fields: Mapping[str, Any] = {}
    few: bool = False
    unlabelled: bool = False


WAYS = {
    "ERM": Way("erm"),
    "CrossGrad": Way("crossgrad", CALIBRATED),
    "DANN": Way("dann"),
    "DANN, 0.1": Way("dann", WEAK),
    "CrossGrad + unlabelled": Way("crossgrad", CALIBRATED, unlabelled=True),
    "DANN + unlabelled": Way("dann", unlabelled=True),
    "DANN, 0.1 + unlabelled": Way("dann", WEAK, unlabelled=True),
    "ERM + few": Way("erm", few=True),
    "CrossGrad + few": Way("crossgrad", CALIBRATED, few=True),
    "CrossGrad + few + unlabelled": Way("crossgrad", CALIBRATED, few=True, unlabelled=True),
}

QUESTIONS = (
    ("CrossGrad", "ERM"),
    ("CrossGrad + unlabelled", "CrossGrad"),
    ("DANN + unlabelled", "DANN"),
    ("DANN, 0.1 + unlabelled", "DANN, 0.1"),
    ("CrossGrad + unlabelled", "DANN, 0.1 + unlabelled"),
    ("ERM + few", "ERM"),
    ("CrossGrad + few", "ERM + few"),
    ("CrossGrad + few + unlabelled", "CrossGrad + few"),
)
"""Which differences are tested: a way, and the one that it adds one thing to or competes with."""


@dataclass(frozen=True, eq=False)
class Dealt:
    """Examples of one seed and new domain: for training, there beforehand, and to measure on."""

    known: DomainDataset
    beforehand: DomainDataset
    test: DomainDataset
    few: NDArray[np.int64]
    """Indices of the labelled ones among those that are there beforehand."""


class Task(NamedTuple):
    net: str
    max_steps: int
    domains: tuple[str, ...]
    deal: Callable[[str, int], Dealt]


@cache
def opened(name: str) -> DomainDataset:
    return open_dataset(name)


def deal_digits(angle: str, seed: int) -> Dealt:
    data = opened("rotated_mnist")
    n_digits = len(data) // len(data.domain_names)
    labels = data.labels[:n_digits].numpy()
    parts: list[list[int]] = [[], [], []]
    for members in in_classes(labels, seed):
        for part, some in zip(parts, np.split(members, [40, 70]), strict=True):
            part.extend(some)
    new = data.domain_names.index(angle)
    digit, domain = torch.arange(len(data)) % n_digits, data.domains
    trains, there, measured = (torch.isin(digit, torch.tensor(sorted(part))) for part in parts)
    beforehand = data.subset(there & (domain == new))
    return Dealt(
        data.subset(trains & (domain != new)),
        beforehand,
        data.subset(measured & (domain == new)),
        first_of_classes(beforehand, 2, seed),
    )


def deal_fonts(new: str, seed: int) -> Dealt:
    data = opened("fonts")
    own = data.domain_split
    assert own is not None
    test, validation = (
        torch.isin(data.domains, torch.tensor([data.domain_names.index(name) for name in names]))
        for names in (own.test, own.validation)
    )
    is_there = torch.zeros(len(data), dtype=torch.bool)
    for members in in_classes(torch.where(test, data.domains, -1).numpy(), seed):
        if test[members[0]]:
            is_there[members[: len(members) // 2]] = True
    # Beforehand they are of one domain: nobody says which character is of which font.
    renamed = replace(data, domain_split=None, domain_names=(*data.domain_names, new))
    beforehand = renamed.subset(is_there)
    beforehand = replace(beforehand, domains=torch.full_like(beforehand.domains, len(data.domain_names)))
    return Dealt(
        renamed.subset(~test & ~validation),
        beforehand,
        data.subset(test & ~is_there),
        first_of_classes(beforehand, 1, seed),
    )


TASKS = {
    "rotated_mnist": Task("conv2", 200, ("0", "15", "30", "45", "60", "75"), deal_digits),
    "fonts": Task("lenet/4", 400, ("new fonts",), deal_fonts),
}


def in_classes(classes: NDArray[np.int64], seed: int) -> Iterator[NDArray[np.int64]]:
    """Indices of each class, shuffled."""
    shuffled = np.random.RandomState(seed).permutation(len(classes))
    return (shuffled[classes[shuffled] == each] for each in np.unique(classes))


def first_of_classes(dataset: DomainDataset, n: int, seed: int) -> NDArray[np.int64]:
    return np.sort(np.concatenate([members[:n] for members in in_classes(dataset.labels.numpy(), seed)]))


def training_data(dealt: Dealt, way: Way) -> tuple[DomainDataset, torch.Tensor | None]:
    """The labelled examples of a way, and its unlabelled inputs."""
    known, there = dealt.known, dealt.beforehand
    is_few = torch.zeros(len(there), dtype=torch.bool)
    if way.few:
        is_few[dealt.few] = True
        few = there.subset(is_few)
        known = replace(
            known,
            inputs=torch.cat([known.inputs[:], few.inputs[:]]),
            labels=torch.cat([known.labels, few.labels]),
            domains=torch.cat([known.domains, few.domains]),
            files=None,
        )
    return known, there.inputs[:][~is_few] if way.unlabelled else None


def identity(task: str, domain: str, way: str, seed: int, max_steps: int | None) -> dict[str, Any]:
    return {
        "task": task,
        "domain": domain,
        "way": way,
        "seed": seed,
        "net": TASKS[task].net,
        "max_steps": max_steps or TASKS[task].max_steps,
        "batch_size": BATCH_SIZE,
        "fields": dict(WAYS[way].fields),
        **({"unlabelled": "on top"} if WAYS[way].unlabelled else {}),
    }


def run(task: str, domain: str, way: str, seed: int, max_steps: int | None) -> Record:
    """Train one way and measure it."""
    settings = identity(task, domain, way, seed, max_steps)
    dealt = TASKS[task].deal(domain, seed)
    known, unlabelled = training_data(dealt, WAYS[way])
    n_unlabelled = 0 if unlabelled is None else len(unlabelled)
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # of a short training; all ways have it
        model = train(
            known,
            method=WAYS[way].method,
            seed=seed,
            net=settings["net"],
            fields=settings["fields"],
            unlabelled=unlabelled,
            unlabelled_domain=domain,
            max_steps=settings["max_steps"],
            batch_size=round(BATCH_SIZE * (1 + n_unlabelled / len(known))),
            in_domain_fraction=0.0,
        )
    found = accuracies(torch.from_numpy(model.predict(dealt.test.inputs[:]).probabilities), dealt.test)
    return {
        "version": RECORD_VERSION,
        "key": run_key(settings),
        **settings,
        "n_labelled": len(known),
        "n_unlabelled": n_unlabelled,
        **found,
        "losses": model.card["losses"],
        "seconds": round(time.process_time() - began, 1),
        "versions": versions(),
    }


def missing(folder: Path, max_steps: int | None) -> list[tuple[str, str, str, int, int | None]]:
    """The runs that no record is there of; seeds outermost, so that a stop in between leaves whole comparisons."""
    done = {record["key"] for record in read_records(folder)} if (folder / "records.jsonl").exists() else set()
    return [
        (task, domain, way, seed, max_steps)
        for seed in SEEDS
        for task in TASKS
        for domain in TASKS[task].domains
        for way in WAYS
        if run_key(identity(task, domain, way, seed, max_steps)) not in done
    ]


def means(records: Iterable[Record], by: str) -> dict[str, dict[Any, float]]:
    """Accuracy in per cent of each way for each value of a field, over all others, where all ways have it."""
    found: dict[str, dict[Any, list[float]]] = {way: {} for way in WAYS}
    for record in records:
        found[record["way"]].setdefault(record[by], []).append(100 * record["accuracy"])
    full = {value for value in found["ERM"] if len({len(found[way].get(value, ())) for way in WAYS}) == 1}
    return {way: {value: fmean(of_way[value]) for value in sorted(full)} for way, of_way in found.items()}


def tables(records: list[Record]) -> Iterator[str]:
    """Lines of Markdown: accuracies of the seeds that are whole, and differences with their tests."""
    for name, task in TASKS.items():
        of_task = [record for record in records if record["task"] == name]
        whole = [
            record
            for seed in SEEDS
            if len(of_seed := [r for r in of_task if r["seed"] == seed]) == len(WAYS) * len(task.domains)
            for record in of_seed
        ]
        if not whole:
            continue
        by_domain, by_seed = means(whole, "domain"), means(whole, "seed")
        n_seeds = len(by_seed["ERM"])
        yield from (f"{name}, {task.net}, {whole[0]['max_steps']} steps, {n_seeds} seeds:", "")
        domains = task.domains if len(task.domains) > 1 else ()
        yield "| Way | " + " | ".join((*domains, "Mean")) + " |"
        yield "| --- |" + " ---: |" * (len(domains) + 1)
        for way in WAYS:
            error = f" ± {np.std(list(by_seed[way].values()), ddof=1) / n_seeds**0.5:.1f}" if n_seeds > 1 else ""
            of_domains = "".join(f"{by_domain[way][domain]:.1f} | " for domain in domains)
            yield f"| {way} | {of_domains}{fmean(by_seed[way].values()):.1f}{error} |"
        yield from ("", "| Way | minus | Points | 95 % interval | p | Holm's p | p over seeds |")
        yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
        tests, over_seeds = (
            [paired_t([units[way][each] - units[than][each] for each in units[than]]) for way, than in QUESTIONS]
            for units in (by_domain if domains else by_seed, by_seed)
        )
        corrected = holm([1.0 if test.p_value is None else test.p_value for test in tests])
        for (way, than), test, p_value, other in zip(QUESTIONS, tests, corrected, over_seeds, strict=True):
            interval = "" if test.low is None else f"{test.low:+.1f} to {test.high:+.1f}"
            p_values = ["" if each is None else f"{each:.2g}" for each in (test.p_value, p_value, other.p_value)]
            yield f"| {' | '.join((way, than, f'{test.mean:+.1f}', interval, *p_values))} |"
        yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("results/new-domain"), help="folder of records.jsonl")
    parser.add_argument("--max-steps", type=int, help="of every run, instead of a task's own")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once, a thread each")
    parser.add_argument("--show", action="store_true", help="run nothing: the tables of the records, as Markdown")
    arguments = parser.parse_args()
    if not arguments.show:
        arguments.output.mkdir(parents=True, exist_ok=True)
        wanted = missing(arguments.output, arguments.max_steps)
        print(f"{len(wanted)} runs are to be done", flush=True)
        with ProcessPoolExecutor(arguments.jobs, get_context("forkserver"), partial(torch.set_num_threads, 1)) as pool:
            for number, record in enumerate(pool.map(run, *zip(*wanted, strict=True)) if wanted else (), start=1):
                append_record(arguments.output / "records.jsonl", record)
                told = ", ".join(str(record[name]) for name in ("task", "domain", "way", "seed"))
                print(f"{number} of {len(wanted)}: {told}: {100 * record['accuracy']:.1f} %", flush=True)
    print("\n".join(tables(read_records(arguments.output))))


if __name__ == "__main__":
    main()
