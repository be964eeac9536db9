"""Conditions: when does moving inputs help? All methods with one thing changed about how all of them are trained."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from crossgrad.experiments.grids import CALIBRATED_BASE
from crossgrad.experiments.optimisations import OPTIMISATIONS
from crossgrad.methods import PRESETS
from crossgrad.reproduction.found import LARGER_P
from crossgrad.reproduction.paper_table import Cell, PaperTable
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.studies import FONTS, HANDWRITING, ROTATED_MNIST, SPEECH_LITHUANIAN, Study
from crossgrad.reproduction.trial_results import Results
from crossgrad.reproduction.trials import Trials, Variant

_STEP = f"calibrated:{CALIBRATED_BASE}"

METHODS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "ERM": ("erm", {}),
    "LabelGrad": ("label_grad", {"label_gradient_step": _STEP}),
    "CrossGrad": ("crossgrad", PRESETS["paper"]),
    "CrossGrad without g": ("crossgrad", {**PRESETS["paper"], "condition": False}),
    "Random": ("random", {"domain_gradient_step": _STEP}),
    "Repeat": ("repeat", {}),
}
"""By the heading of their column, with their fields: perturbations of one size; in "CrossGrad" alone g."""

WITH_DROPOUT_ALONE = ("repeat",)
"""Without dropout the same batch twice gives the gradient that it gives once: ERM, to the bit, at twice the cost."""

AS_BENCHMARKED: Mapping[str, dict[str, Any]] = {"as benchmarked": {}}
LONGER: Mapping[str, dict[str, Any]] = {"four times the steps": {"steps": 4.0}}
AVERAGED: Mapping[str, dict[str, Any]] = {
    "four times the steps, weights averaged": {"steps": 4.0, "settings": {"average": 0.99}}
}
"""The same training, to the bit: only the weights that are taken from it are others."""


def conditions_of(study: Study) -> dict[str, dict[str, Any]]:
    """What a variant changes, by the condition's name; the most telling first, since runs may be stopped."""
    net = "conv2" if study.trunk == "lenet" else "lenet"
    return {
        **AS_BENCHMARKED,
        **LONGER,
        "a quarter of the steps": {"steps": 0.25},
        "the paper's optimiser (RMSprop, 0.02)": {"settings": OPTIMISATIONS["paper"]},
        "dropout of 0.5": {"settings": {"dropout": 0.5}},
        "a fifth of the examples": {"settings": {"in_domain_fraction": 0.84}},
        f"the net {net}": {"net": net},
    }


def _trials(study: Study, most_seeds: int, conditions: Mapping[str, dict[str, Any]]) -> Trials:
    variants = [
        Variant(name, heading, method, fields, **change)
        for name, change in conditions.items()
        for heading, (method, fields) in METHODS.items()
        if method not in WITH_DROPOUT_ALONE or change.get("settings", {}).get("dropout")
    ]
    return Trials("conditions", study, variants, most_seeds)


M15 = replace(ROTATED_MNIST, name="rotated_mnist-15", hold_out="15")
"""The angle of the paper's table 4."""

CONDITIONS = (
    _trials(ROTATED_MNIST, 1, conditions_of(ROTATED_MNIST)),
    _trials(M15, 5, {**LONGER, **AVERAGED}),
    _trials(FONTS, 3, conditions_of(FONTS)),
    _trials(HANDWRITING, 5, AS_BENCHMARKED),
    _trials(SPEECH_LITHUANIAN, 5, AS_BENCHMARKED),
)
"""Rotated MNIST and the fonts with the ablations' numbers of seeds, and for their reasons; what the paper's table 4
says of a training that has converged, with the main table's five seeds; and the other tasks as they are benchmarked:
CrossGrad has g in the main table and Random has none, so that only here do the two differ in the direction alone."""


def condition_table(scale: Scale, folder: Path) -> PaperTable:
    """Accuracies under each condition and what is gained over ERM there, from the records that are there.

    Args:
        scale: that the records are of.
        folder: of the studies at that scale.
    """
    columns = {"task": "Task", "condition": "Changed"} | {heading: heading for heading in METHODS}
    columns["direction"] = "CrossGrad without g - Random (p)"
    rows: list[dict[str, Cell]] = []
    notes = [
        f"Scale: {scale.what}.",
        f"One thing is changed for all methods alike. Perturbations are calibrated to {CALIBRATED_BASE}, CrossGrad has "
        "weights of 0.5, and g where nothing else is said. Nothing was chosen.",
        "Accuracy in per cent on unseen domains, the mean over seeds ± its standard error; in brackets the gain over "
        "ERM under the same condition in points, over the seeds that both have, and p. The last column is what the "
        "domain's gradient is worth as a direction: neither has g, and the label net's inputs are moved as far. "
        + LARGER_P,
    ]
    for trials in CONDITIONS:
        results = Results(trials, scale, folder)
        notes.append(trials.in_words(scale))
        notes += results.in_words()
        for condition in dict.fromkeys(variant.question for variant in trials.variants):
            erm, *others = [variant for variant in trials.variants if variant.question == condition]
            by_name = {variant.name: variant for variant in others}
            rows.append(
                dict.fromkeys(columns)
                | {
                    "task": trials.study.name,
                    "condition": condition,
                    **{variant.name: results.with_gain(variant, erm) for variant in (erm, *others)},
                    "direction": results.gain_in_words(by_name["CrossGrad without g"], by_name["Random"]),
                }
            )
    return PaperTable("Conditions: all methods with one thing changed for all", columns, tuple(rows), tuple(notes))
