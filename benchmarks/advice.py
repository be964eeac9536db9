"""Is the advice of `crossgrad diagnose` any good? What was advised for each task, beside what comparisons found.

Diagnoses lie in results/diagnoses/NAME.json (--diagnose NAME makes one), comparisons in results/reproduction/cpu/NAME
(chosen settings, five seeds) or, where there is none, in results/tasks/NAME-methods or results/NAME. Advice to try it
is right where CrossGrad came out better than ERM (p < 0.05), any other advice where it did not; "cannot tell" is
neither. Tasks without a diagnosis or without a comparison are shown and not counted.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from crossgrad.data import BENCHMARKS
from crossgrad.diagnosis import diagnose
from crossgrad.experiments.performing import versions
from crossgrad.records import read_records
from crossgrad.report import summarise
from crossgrad.significance import SIGNIFICANCE_LEVEL
from machine import machine

RESULTS = Path(__file__).parent.parent / "results"
METHOD = "crossgrad"


def make_diagnosis(name: str) -> None:
    diagnosis = diagnose(BENCHMARKS[name].open())
    content = {
        "findings": diagnosis.findings.to_json(),
        "advice": asdict(diagnosis.advice) | {"expects_gain": diagnosis.advice.expects_gain},
        "versions": versions(),
        "command": f"python benchmarks/advice.py --diagnose {name}",
    }
    path = RESULTS / "diagnoses" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def found(name: str) -> dict[str, Any] | None:
    """CrossGrad against ERM on held-out domains, in points; None where nobody compared them on this task."""
    places = [
        folder
        for folder in (
            RESULTS / "reproduction" / "cpu" / name / "comparison",
            RESULTS / "tasks" / f"{name}-methods",
            RESULTS / name,
        )
        if (folder / "records.jsonl").exists()
    ]
    if not places:
        return None
    records = [record for record in read_records(places[0]) if record["method"] in ("erm", METHOD)]
    rows = [row for row in summarise(records).rows if row.method == METHOD and row.difference]
    if not rows or rows[0].difference is None:
        return None
    return asdict(rows[0].difference.comparison) | {"records": str(places[0].relative_to(RESULTS.parent))}


def judged(expects_gain: bool | None, comparison: dict[str, Any] | None) -> bool | None:
    """Whether advice was right; None where it said nothing, or the comparison did."""
    if expects_gain is None or comparison is None or comparison["p_value"] is None:
        return None
    is_better = bool(comparison["mean"] > 0 and comparison["p_value"] < SIGNIFICANCE_LEVEL)
    return expects_gain == is_better


def task(name: str) -> dict[str, Any] | None:
    path = RESULTS / "diagnoses" / f"{name}.json"
    diagnosis = json.loads(path.read_text()) if path.exists() else None
    comparison = found(name)
    if diagnosis is None and comparison is None:
        return None
    advice = diagnosis["advice"] if diagnosis else None
    gap = diagnosis["findings"]["gap"] if diagnosis else None
    return {
        "advised": advice["verdict"] if advice else None,
        "gap_points": 100 * gap["comparison"]["mean"] if gap else None,
        "found": comparison,
        "right": judged(advice["expects_gain"], comparison) if advice else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--diagnose", nargs="*", default=[], metavar="NAME", help="make the diagnosis of a benchmark")
    parser.add_argument("--json", type=Path, help="write the results here")
    arguments = parser.parse_args()
    for name in arguments.diagnose:
        make_diagnosis(name)
    tasks = {name: result for name in BENCHMARKS if (result := task(name)) is not None}
    checked = [result["right"] for result in tasks.values() if result["right"] is not None]
    table = Table(title="Advice and what was found")
    for column in ("task", "advised", "gap", "CrossGrad - ERM", "p", "right"):
        table.add_column(column)
    for name, result in tasks.items():
        gap, comparison = result["gap_points"], result["found"]
        p = comparison["p_value"] if comparison else None
        table.add_row(
            name,
            result["advised"] or "not diagnosed",
            "" if gap is None else f"{gap:.1f}",
            f"{comparison['mean']:+.1f}" if comparison else "not compared",
            "" if p is None else f"{p:.2g}",
            {None: "", True: "yes", False: "no"}[result["right"]],
        )
    Console().print(table)
    print(f"Right on {sum(checked)} of {len(checked)} tasks: as few as that say little of the next one.")
    print("RIGHT and CHECKED in src/crossgrad/advice/verdict.py are to say the same.")
    if arguments.json:
        content = {
            "machine": machine(),
            "command": "benchmarks/advice.py",
            "right": sum(checked),
            "checked": len(checked),
            "tasks": tasks,
        }
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
