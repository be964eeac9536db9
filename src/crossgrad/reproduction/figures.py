"""Figures 6 and 7: what the domain features hold, drawn, and the numbers that say what the drawing shows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossgrad.report.scatter import scatter
from crossgrad.reproduction.domain_nets import COMPARED, NETS, TRIPLES, measured, to_measure
from crossgrad.reproduction.made import Made
from crossgrad.reproduction.paper_table import Cell, PaperTable
from crossgrad.reproduction.scales import Scale
from crossgrad.significance import Estimate, estimate


def figure6(scale: Scale, folder: Path) -> Made | None:
    """Domain features of three neighbouring angles, and of the middle one moved along the domain loss's gradient.

    Returns:
        None while a model is not trained yet.

    Reference:
        Shankar et al., ICLR 2018, section 4.2 and figure 6. The paper shows one training, numbers are ours.
    """
    if to_measure("figure6", scale, folder):
        return None
    found = {net: [measured(net, seed, scale, folder) for seed in range(scale.n_seeds)] for net in COMPARED["figure6"]}
    rows: list[dict[str, Cell]] = []
    for net, of_net in found.items():
        for triple in map(", ".join, TRIPLES):
            of_triple = [each["betweenness"][triple] for each in of_net]
            rows.append(
                {
                    "data": NETS[net].study.name,
                    "angles": triple,
                    "position": _number([each["position"] for each in of_triple]),
                    "distance": _number([each["distance"] for each in of_triple]),
                    "nearer": _percent([each["nearer"] for each in of_triple]),
                    "nearer_moved": _percent([each["nearer_moved"] for each in of_triple]),
                }
            )
    first, other = (NETS[net].study for net in found)
    panels = next(iter(found.values()))[0]["panels"]["figure6"]
    picture = _drawn(
        panels, description="Principal components of domain features by angle; the middle angle also moved"
    )
    return Made(
        PaperTable(
            "Figure 6: does the middle angle lie between its neighbours, and where does it go when it is moved?",
            {
                "data": "Data",
                "angles": "Angles",
                "position": "Place of the middle's mean, 0 to 1",
                "distance": "Off the line",
                "nearer": "Nearer to a neighbour, %",
                "nearer_moved": "The same, moved, %",
            },
            tuple(rows),
            (
                f"Means and standard errors over {scale.n_seeds} trainings on all six angles; the picture is of "
                f"{first.name}, seed 0. Off the line in units of the distance between the neighbours' means.",
                *(f"{study.name}: {study.what.rstrip('.')}." for study in (first, other)),
            ),
        ),
        {"figure6.svg": picture},
    )


def figure7(scale: Scale, folder: Path) -> Made | None:
    """Domain features coloured by label, and how well a linear probe reads labels and domains off them.

    Returns:
        None while a model is not trained yet.

    Reference:
        Shankar et al., ICLR 2018, section 4.2 and figure 7: label information is mostly absent from g, "a consequence
        of CrossGrad's symmetric training of the domain classifier via label-loss perturbed images".
    """
    if to_measure("figure7", scale, folder):
        return None
    found = {net: [measured(net, seed, scale, folder) for seed in range(scale.n_seeds)] for net in COMPARED["figure7"]}
    rows: list[dict[str, Cell]] = [
        {
            "net": net,
            "labels": _percent([each["labels"] for each in of_net]),
            "domains": _percent([each["domains"] for each in of_net]),
        }
        for net, of_net in found.items()
    ]
    panels = next(iter(found.values()))[0]["panels"]["figure7"]
    picture = _drawn(panels, description="Principal components of domain features of two angles, coloured by label")
    return Made(
        PaperTable(
            "Figure 7: what a linear probe reads off domain features",
            {"net": "Features of", "labels": "Labels, % right", "domains": "Domains, % right"},
            tuple(rows),
            (
                f"Means and standard errors over {scale.n_seeds} trainings on all six angles. Labels are probed within "
                "each angle and averaged; guessing gives 10 % of labels and 17 % of domains. The file has the same "
                "digits at every angle, so that the probe for domains has seen most digits at other angles.",
            ),
        ),
        {"figure7.svg": picture},
    )


FIGURES = {"figure6": figure6, "figure7": figure7}
"""By the names that `crossgrad reproduce` takes."""


def _drawn(panels: Mapping[str, Mapping[str, Any]], *, description: str) -> bytes:
    arrays: dict[str, dict[str, NDArray[np.float64]]] = {
        title: {group: np.array(points, dtype=np.float64).reshape(-1, 2) for group, points in groups.items()}
        for title, groups in panels.items()
    }
    return scatter(arrays, description=description).encode()


def _number(values: list[float]) -> str:
    return _with_error(estimate(values), 2)


def _percent(values: list[float]) -> str:
    return _with_error(estimate([100 * value for value in values]), 1)


def _with_error(value: Estimate, decimals: int) -> str:
    error = "" if value.standard_error is None else f" ± {value.standard_error:.{decimals}f}"
    return f"{value.value:.{decimals}f}{error}"
