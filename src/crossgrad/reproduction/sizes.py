"""Sizes: what is gained the farther inputs are moved, along each loss's gradient and in random directions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from crossgrad.methods import PRESETS
from crossgrad.records import Record
from crossgrad.report.lines import Level, Line, Point, line_chart
from crossgrad.report.names import display_name
from crossgrad.reproduction.accuracy_tables import with_error
from crossgrad.reproduction.found import LARGER_P
from crossgrad.reproduction.made import Made
from crossgrad.reproduction.paper_table import Cell, PaperTable
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.studies import FONTS, ROTATED_MNIST
from crossgrad.reproduction.trial_results import Results
from crossgrad.reproduction.trials import Trials, Variant

_ASKED = (1.0, 0.05, 0.5, 0.25, 2.0, 0.1, 0.02)
"""Mean L-infinity norms of moves along a gradient, in the units of the inputs; the most telling first, since runs may
be stopped. The paper's grid, as we read it, ends at 0.25."""

_MOVING: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "label_grad": ("label_gradient_step", {}),
    "crossgrad": ("domain_gradient_step", {**PRESETS["paper"], "condition": False}),
    "random": ("domain_gradient_step", {}),
}
"""What says how far a method moves the label net's inputs, and its other fields. CrossGrad is without g, as the other
two are, and moves the domain net's inputs by one size: so that how far and which way is all that differs."""

ERM = Variant("", "ERM", "erm")

VARIANTS = (
    ERM,
    *(
        Variant(f"size {size:g}", display_name(method), method, {**fields, name: f"calibrated:{size:g}"})
        for size in _ASKED
        for method, (name, fields) in _MOVING.items()
    ),
)

SIZES = (Trials("sizes", FONTS, VARIANTS, 3), Trials("sizes", ROTATED_MNIST, VARIANTS, 1))
"""With the ablations' numbers of seeds, and for their reasons."""

_SHOWN = 10.0
"""Points from ERM that the chart goes at most: a training that moves inputs too far may end at chance."""

_COLUMNS = {
    "task": "Task",
    "size": "Size asked for",
    "method": "Method",
    "moved": "Moved by, % of the input's length",
    "harder": "Label loss, moved / unmoved",
    "in_domain": "In-domain, %",
    "accuracy": "Accuracy, %",
    "gain": "Gain over ERM",
    "on_random": "Gain over Random as long",
}


def sizes_of_moves(scale: Scale, folder: Path) -> Made:
    """Accuracy by how far inputs are moved in training, from the records that are there.

    Args:
        scale: that the records are of.
        folder: of the studies at that scale.
    """
    rows: list[dict[str, Cell]] = []
    panels: dict[str, tuple[Level | None, list[Line]]] = {}
    notes = [
        f"Scale: {scale.what}.",
        "Size asked for: the largest value of a move along the gradient, the mean over examples, which calibrated "
        "steps aim at; a random move is as long (L2) as one along the domain loss's gradient would be. Moved by: the "
        "moves' L2 norm over the inputs', the mean over the course of the training and over runs. Label loss: of the "
        "label net at the end of the training, on its moved inputs over that on the same inputs unmoved.",
        "CrossGrad is without g, and the domain net's inputs are moved by the size of the paper's preset, whatever the "
        "label net's are. Nothing was chosen.",
        "In-domain: accuracy on unseen examples of training domains. Accuracy: on unseen domains, the mean over seeds "
        "± its standard error. Gains in points, over the seeds that both have; in brackets p. " + LARGER_P,
        f"In the picture bars, and ERM's band, are one standard error to either side, and what is more than {_SHOWN:g} "
        "points from ERM lies outside.",
    ]
    for trials in SIZES:
        study, results = trials.study, Results(trials, scale, folder)
        notes.append(trials.in_words(scale))
        notes += results.in_words()
        lines: dict[str, list[Point]] = {}
        for variant in sorted(trials.variants, key=_size):
            alike = {each.method: each for each in trials.variants if each.question == variant.question}
            records, accuracy = results.records(variant), results.of(variant)
            moved = _moved(records)
            rows.append(
                {
                    "task": study.name,
                    "size": None if variant is ERM else f"{_size(variant):g}",
                    "method": variant.name,
                    "moved": None if moved is None else f"{moved:.1f}",
                    "harder": _harder(records),
                    "in_domain": _in_domain(records),
                    "accuracy": None if accuracy is None else with_error(accuracy),
                    "gain": None if variant is ERM else results.gain_in_words(variant, ERM),
                    "on_random": results.gain_in_words(variant, alike["random"])
                    if variant.method == "crossgrad"
                    else None,
                }
            )
            if accuracy is not None and moved is not None:
                lines.setdefault(variant.name, []).append(Point(moved, accuracy.value, accuracy.standard_error))
        erm = results.of(ERM)
        if lines:
            level = None if erm is None else Level(ERM.name, erm.value, erm.standard_error)
            panels[study.name] = (level, [Line(name, tuple(points)) for name, points in lines.items()])
    table = PaperTable("Sizes: what is gained the farther inputs are moved", _COLUMNS, tuple(rows), tuple(notes))
    if not panels:
        return Made(table)
    chart = line_chart(
        panels,
        x="Moved by, % of the input's length",
        y="Accuracy on unseen domains, %",
        description="Accuracy by how far inputs are moved in training, along each gradient and in random directions, "
        "± one standard error over seeds",
        within=_SHOWN,
    )
    return Made(table, {"sizes.svg": chart.encode()})


def _size(variant: Variant) -> float:
    """That was asked for; of ERM none, and before all others."""
    return float(variant.question.removeprefix("size ") or 0)


def _moved(records: Sequence[Record]) -> float | None:
    """In per cent of the inputs' length; None where nothing is moved, or not trained yet."""
    sizes = [record["perturbation"] for record in records]
    return fmean(100 * size["l2"] / size["input_l2"] for size in sizes) if sizes and all(sizes) else None


def _harder(records: Sequence[Record]) -> str | None:
    told = [record["losses"]["last"] for record in records if record.get("losses")]
    last = [losses for losses in told if "perturbed_label_loss" in losses]
    if not last:
        return None
    moved, unmoved = (fmean(losses[name] for losses in last) for name in ("perturbed_label_loss", "label_loss"))
    return f"{moved / unmoved:.2f}"


def _in_domain(records: Sequence[Record]) -> str | None:
    found = [100 * record["in_domain"]["accuracy"] for record in records if record["in_domain"] is not None]
    return f"{fmean(found):.1f}" if found else None
