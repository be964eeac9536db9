"""Conditions: when does moving inputs help? All methods with one thing changed about how all of them are trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossgrad.experiments.grids import CALIBRATED_BASE
from crossgrad.experiments.optimisations import OPTIMISATIONS
from crossgrad.methods import PRESETS
from crossgrad.report.names import display_name
from crossgrad.reproduction.accuracy_tables import with_error
from crossgrad.reproduction.found import LARGER_P
from crossgrad.reproduction.paper_table import Cell, PaperTable
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.studies import FONTS, ROTATED_MNIST, Study
from crossgrad.reproduction.trial_results import Results
from crossgrad.reproduction.trials import Trials, Variant

METHODS: Mapping[str, Mapping[str, Any]] = {
    "erm": {},
    "label_grad": {"label_gradient_step": f"calibrated:{CALIBRATED_BASE}"},
    "crossgrad": PRESETS["paper"],
    "random": {"domain_gradient_step": f"calibrated:{CALIBRATED_BASE}"},
    "repeat": {},
}
"""With their fields: perturbations of one size, CrossGrad with g."""

WITH_DROPOUT_ALONE = ("repeat",)
"""Without dropout the same batch twice gives the gradient that it gives once: ERM, to the bit, at twice the cost."""


def conditions_of(study: Study) -> dict[str, dict[str, Any]]:
    """What a variant changes, by the condition's name; the most telling first, since runs may be stopped."""
    net = "conv2" if study.trunk == "lenet" else "lenet"
    return {
        "as benchmarked": {},
        "four times the steps": {"steps": 4.0},
        "a quarter of the steps": {"steps": 0.25},
        "the paper's optimiser (RMSprop, 0.02)": {"settings": OPTIMISATIONS["paper"]},
        "dropout of 0.5": {"settings": {"dropout": 0.5}},
        "a fifth of the examples": {"settings": {"in_domain_fraction": 0.84}},
        f"the net {net}": {"net": net},
    }


def _trials(study: Study, most_seeds: int) -> Trials:
    variants = [
        Variant(name, display_name(method), method, fields, **change)
        for name, change in conditions_of(study).items()
        for method, fields in METHODS.items()
        if method not in WITH_DROPOUT_ALONE or change.get("settings", {}).get("dropout")
    ]
    return Trials("conditions", study, variants, most_seeds)


CONDITIONS = (_trials(ROTATED_MNIST, 1), _trials(FONTS, 3))
"""The ablations' data and numbers of seeds, and for their reasons."""


def condition_table(scale: Scale, folder: Path) -> PaperTable:
    """ERM's accuracy and what the others gain over it under each condition, from the records that are there.

    Args:
        scale: that the records are of.
        folder: of the studies at that scale.
    """
    columns = {"task": "Task", "condition": "Changed", "erm": "ERM, %"}
    columns |= {method: display_name(method) for method in METHODS if method != "erm"}
    rows: list[dict[str, Cell]] = []
    notes = [
        f"Scale: {scale.what}.",
        f"One thing is changed for all methods alike. Perturbations are calibrated to {CALIBRATED_BASE}, CrossGrad has "
        "g and weights of 0.5. Nothing was chosen.",
        "ERM: accuracy on unseen domains, the mean over seeds ± its standard error.",
        "Gains over ERM under the same condition in points, over the seeds that both have; in brackets p. " + LARGER_P,
    ]
    for trials in CONDITIONS:
        results = Results(trials, scale, folder)
        notes.append(trials.in_words(scale))
        notes += results.in_words()
        for condition in conditions_of(trials.study):
            erm, *others = [variant for variant in trials.variants if variant.question == condition]
            accuracy = results.of(erm)
            rows.append(
                dict.fromkeys(columns)
                | {
                    "task": trials.study.name,
                    "condition": condition,
                    "erm": None if accuracy is None else with_error(accuracy),
                    **{other.method: results.gain_in_words(other, erm) for other in others},
                }
            )
    return PaperTable("Conditions: gains over ERM, with one thing changed for all", columns, tuple(rows), tuple(notes))
