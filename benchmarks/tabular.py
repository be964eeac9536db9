"""CrossGradClassifier beside logistic regression and gradient boosting, on held-out domains of tables and signals.

- populations: 333 penguins (Gorman, Williams and Fraser, 2014), male or female by bill, flipper and mass. Domains are
  the five populations that were measured: a species on an island. Of the Adelies on one island the other islands tell.
- species: the same, domains are the three species: the one held out is of another size than all others.
- pen: 17 Tagalog characters, each drawn once by each of 20 people (Omniglot), as pen movements (3, 64). Four people are
  held out at a time. The net is conv1d, the others see 192 numbers. Its raw file comes by `crossgrad data prepare
  handwriting`; where it is not there, this part is left out.

Everything is at its defaults but for the number of steps, and for boosting's features (a random square root of them at
each split: a tenth of the time on the pen). "calibrated" is CrossGrad with steps of a fixed size, which its own warning
advises where the domain net has learned the training domains by heart. Nothing is chosen by held-out domains.
An accuracy is the mean over seeds.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from palmerpenguins import load_penguins
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crossgrad import CrossGradClassifier
from crossgrad.data.benchmarks.handwriting import HANDWRITING, read_alphabet, read_omniglot_strokes
from crossgrad.experiments.performing import versions
from crossgrad.significance import paired_t
from machine import machine

MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
CALIBRATED = {"domain_gradient_step": "calibrated:0.5", "label_gradient_step": "calibrated:0.5"}
NETS: dict[str, dict[str, Any]] = {
    "erm": {"method": "erm"},
    "label_grad": {"method": "label_grad"},
    "crossgrad": {"method": "crossgrad"},
    "crossgrad, calibrated": {"method": "crossgrad", "fields": CALIBRATED},
}
METHODS = ("logistic regression", "gradient boosting", *NETS)
MOMENTS = 64


class Data(NamedTuple):
    X: NDArray[Any]
    y: NDArray[Any]
    domains: NDArray[Any]
    splitter: Any
    net: dict[str, Any]
    """Parameters of the classifier with a net."""
    seeds: int


def penguins(*, by: str) -> Data:
    table = load_penguins().dropna()
    species, island = table["species"].to_numpy(str), table["island"].to_numpy(str)
    domains = species if by == "species" else np.array([f"{s}, {i}" for s, i in zip(species, island, strict=True)])
    return Data(
        table[MEASURES].to_numpy(float),
        table["sex"].to_numpy(str),
        domains,
        LeaveOneGroupOut(),
        {"max_steps": 200},
        seeds=2,
    )


def pen_movement(strokes: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    """(3, MOMENTS): x and y within the drawing's box, and the number of the stroke, at equal distances of the way."""
    points = np.concatenate(strokes)
    stroke = np.repeat(np.arange(len(strokes)), [len(each) for each in strokes])
    low, high = points.min(0), points.max(0)
    points = (points - (low + high) / 2) / max((high - low).max(), 1.0)
    way = np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    at = np.linspace(0, way[-1], MOMENTS)
    return np.stack([np.interp(at, way, values) for values in (*points.T, stroke)]).astype(np.float32)


def pen() -> Data:
    files = read_alphabet("strokes", "Tagalog")
    return Data(
        np.stack([pen_movement(read_omniglot_strokes(content.decode())) for _, content in files]),
        np.array([path.parts[-2] for path, _ in files]),
        np.array([path.stem.rpartition("_")[2] for path, _ in files]),
        GroupKFold(5),
        {"max_steps": 150, "batch_size": 32, "net": "conv1d"},
        seeds=1,
    )


def predictions(data: Data, method: str) -> Iterator[NDArray[Any]]:
    """Of every sample by a classifier that saw nothing of its domain; once for each seed."""
    flat = data.X.reshape(len(data.X), -1)
    for seed in range(1 if method == "logistic regression" else data.seeds):
        inputs, params = flat, {}
        if method == "logistic regression":
            classifier: Any = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        elif method == "gradient boosting":
            classifier = GradientBoostingClassifier(max_features="sqrt", random_state=seed)
        else:
            classifier = CrossGradClassifier(**NETS[method], **data.net, random_state=seed)
            inputs, params = data.X, {"domains": data.domains}
        yield cross_val_predict(
            classifier, inputs, data.y, groups=data.domains, cv=data.splitter, params=params, method="predict"
        )


def measure(data: Data, method: str) -> dict[str, Any]:
    began = time.perf_counter()
    right = np.mean([found == data.y for found in predictions(data, method)], axis=0)
    by_domain = {str(name): float(right[data.domains == name].mean()) for name in np.unique(data.domains)}
    return {
        "mean": float(np.mean(list(by_domain.values()))),
        "worst": min(by_domain.values()),
        "by_domain": by_domain,
        "seconds": round(time.perf_counter() - began, 1),
    }


def compared(data: Data) -> dict[str, Any]:
    methods = {method: measure(data, method) for method in METHODS}
    own = list(methods["crossgrad"]["by_domain"].values())
    gains = {
        method: asdict(paired_t(100 * (np.array(own) - list(found["by_domain"].values()))))
        for method, found in methods.items()
        if method != "crossgrad"
    }
    return {
        "samples": len(data.X),
        "domains": len(np.unique(data.domains)),
        "seeds": data.seeds,
        "net": data.net,
        "methods": methods,
        "crossgrad_minus": gains,
    }


def rows(name: str, found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Cells of the table in docs/scikit-learn.md."""
    for method, measured in found["methods"].items():
        gain = found["crossgrad_minus"].get(method)
        p_value = f", p = {gain['p_value']:.2g}" if gain and gain["p_value"] is not None else ""
        yield (
            name,
            method,
            f"{100 * measured['mean']:.1f}",
            f"{100 * measured['worst']:.1f}",
            f"{gain['mean']:+.1f}{p_value}" if gain else "",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--show", type=Path, help="measure nothing: the table of a record, as Markdown")
    arguments = parser.parse_args()
    if arguments.show:
        for name, found in json.loads(arguments.show.read_text())["data"].items():
            print("\n".join(f"| {' | '.join(row)} |" for row in rows(name, found)))
        return
    parts = {"populations": penguins(by="population"), "species": penguins(by="species")}
    if HANDWRITING.is_here:
        parts["pen"] = pen()
    results = {name: compared(data) for name, data in parts.items()}
    table = Table(title="Accuracy on domains never seen, percent")
    for column in ("data", "method", "mean over domains", "worst domain", "CrossGrad minus it, points"):
        table.add_column(column)
    for name, found in results.items():
        for row in rows(name, found):
            table.add_row(*row)
    Console().print(table)
    if arguments.json:
        content = {"machine": machine(), "command": "benchmarks/tabular.py", "versions": versions(), "data": results}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
