"""Choose the settings of the digits benchmark on validation domains, and show the choice.

Trains every candidate with every pair of angles held out (results/digits-validation), chooses for each angle by the
other angle of its pairs, and writes src/crossgrad/data/benchmarks/digits_chosen.json. Runs that have a record are
not repeated, so that an interrupted choice goes on.
"""

import argparse
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crossgrad.data import BENCHMARKS
from crossgrad.experiments.engine import perform_all
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.records import Record, read_records
from crossgrad.selection import Validation, validation_accuracy, validations

ROOT = Path(__file__).parent.parent
RECORDS = ROOT / "results" / "digits-validation" / "records.jsonl"
CHOSEN = ROOT / "src" / "crossgrad" / "data" / "benchmarks" / "digits_chosen.json"
LEARNING_RATES = (0.001, 0.003)
SEED = 100  # none of those that a comparison counts from 0

FIELDS: dict[str, list[dict[str, Any]]] = {
    "erm": [{}],
    "label_grad": [{"label_gradient_step": step} for step in (0.1, 0.3, 1.0)],
    "dann": [{"reversal": reversal} for reversal in (0.1, 0.3, 1.0)],
    "crossgrad": [
        {"domain_gradient_step": step, "label_gradient_step": step, "condition": condition}
        for step, condition in itertools.product((0.3, 1.0), (False, True))
    ],
}


Accuracies = dict[str, dict[str, dict[str, float]]]
"""On validation domains, by the angle that is chosen for, by method, and by settings as JSON."""


def trainings() -> list[Validation]:
    """What is trained for each angle, and what of it counts: as `crossgrad sweep digits` does it."""
    angles = BENCHMARKS["digits"].load().domain_names
    return validations(angles, [(angle,) for angle in angles], "held-out")


def candidates() -> Iterator[Run]:
    digits = BENCHMARKS["digits"]
    for pair in dict.fromkeys(training.held_out for training in trainings()):
        for method, fields in FIELDS.items():
            for values, learning_rate in itertools.product(fields, LEARNING_RATES):
                settings = Settings(**dict(digits.settings) | {"learning_rate": learning_rate})
                yield Run(pair, method, digits.net, SEED, settings.for_method(method, values))


def varied(method: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What of a run's settings was up for choice."""
    fields = {name: settings["fields"][name] for name in FIELDS[method][0]}
    return {"learning_rate": settings["learning_rate"], "fields": fields}


def accuracies_of(records: list[Record]) -> Accuracies:
    """How every candidate does, of each method in the order of the records."""
    measured: dict[str, dict[str, dict[str, list[tuple[Validation, Record]]]]] = {}
    for training in trainings():
        (angle,) = training.fold
        for record in records:
            if tuple(record["held_out"]) == training.held_out:
                by_settings = measured.setdefault(angle, {}).setdefault(record["method"], {})
                by_settings.setdefault(json.dumps(record["settings"], sort_keys=True), []).append((training, record))
    return {
        angle: {
            method: {settings: validation_accuracy(each).value for settings, each in by_settings.items()}
            for method, by_settings in by_method.items()
        }
        for angle, by_method in measured.items()
    }


def best(by_settings: dict[str, float]) -> str:
    """Of equals the first."""
    return max(by_settings, key=lambda settings: by_settings[settings])


def table(accuracies: Accuracies) -> str:
    """Validation accuracy of every candidate, by the angle it would be chosen for; the chosen ones in bold."""
    angles = BENCHMARKS["digits"].load().domain_names
    lines = ["| method | settings | " + " | ".join(angles) + " |", "| --- " * (2 + len(angles)) + "|"]
    for method in FIELDS:
        for settings in accuracies[angles[0]][method]:
            chosen = varied(method, json.loads(settings))
            words = ", ".join(f"{k} {v}" for k, v in {"lr": chosen["learning_rate"], **chosen["fields"]}.items())
            cells = []
            for angle in angles:
                by_settings = accuracies[angle][method]
                cell = f"{100 * by_settings[settings]:.1f}"
                cells.append(f"**{cell}**" if settings == best(by_settings) else cell)
            lines.append(f"| {method} | {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def in_order(runs: list[Run], records: list[Record]) -> list[Record]:
    """Records in the order of the candidates: of equals the first is chosen, whichever ended first."""

    def place(held_out: list[str], method: str, settings: dict[str, Any]) -> str:
        return json.dumps([held_out, method, settings], sort_keys=True)

    order = {place(list(run.held_out), run.method, run.settings.to_json()): n for n, run in enumerate(runs)}
    return sorted(records, key=lambda r: order[place(r["held_out"], r["method"], r["settings"])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--show", action="store_true", help="print the choice from the records, train nothing")
    arguments = parser.parse_args()
    digits = BENCHMARKS["digits"].load()
    runs = list(candidates())
    if arguments.show:
        print(table(accuracies_of(in_order(runs, read_records(RECORDS)))))
        return
    done = {record["key"] for record in read_records(RECORDS)} if RECORDS.exists() else set()
    to_do = [run for run in runs if run.key(digits) not in done]
    RECORDS.parent.mkdir(parents=True, exist_ok=True)
    command = "python benchmarks/digits_settings.py"
    for n, record in enumerate(perform_all(to_do, digits, RECORDS.parent, jobs=arguments.jobs, command=command), 1):
        print(f"{n} of {len(to_do)}: {record['method']} {record['held_out']} {record['seconds']} s", flush=True)
    accuracies = accuracies_of(in_order(runs, read_records(RECORDS)))
    chosen = {
        angle: {method: varied(method, json.loads(best(found))) for method, found in by_method.items()}
        for angle, by_method in accuracies.items()
    }
    CHOSEN.write_text(json.dumps(chosen, indent=2) + "\n")
    print(table(accuracies))


if __name__ == "__main__":
    main()
