"""Figures 6 and 7: what the domain features hold, drawn, and the numbers that say what the drawing shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad._types import Batch
from crossgrad.analysis import Betweenness, betweenness, domain_features, probe
from crossgrad.data import DomainDataset
from crossgrad.deployment import train
from crossgrad.methods import PRESETS
from crossgrad.model import Model
from crossgrad.model_folder import DESCRIPTION, load, save
from crossgrad.report.scatter import scatter
from crossgrad.reproduction.paper_table import Cell, PaperTable
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.studies import ROTATED_MNIST
from crossgrad.significance import Estimate, estimate
from crossgrad.training import Watch, watch_nothing

TRIPLES = (("30", "45", "60"), ("0", "15", "30"))
"""Angles of figure 6; the middle one is moved."""

SHOWN = ("30", "45")
"""Angles of figure 7."""

POINTS = 250
"""Examples of a domain in a picture; numbers are of all."""

NETS: Mapping[str, Mapping[str, Any]] = {
    "CrossGrad's domain net": {},
    "domain net trained without label perturbations": {"domain_weight": 0.0},
}
"""By what they are called, the fields in which they differ from the paper's preset."""


@dataclass(frozen=True)
class Figure:
    """A picture and its numbers.

    Args:
        svg: a document.
        table: of numbers.
    """

    svg: str
    table: PaperTable


def trained(name: str, seed: int, scale: Scale, folder: Path, *, watch: Watch = watch_nothing) -> Model:
    """CrossGrad on all six angles; from its folder, where it was trained before.

    Args:
        name: key of NETS.
        seed: of the training.
        scale: of the training.
        folder: of the scale; models lie in its folder figures.
        watch: follows the training.
    """
    place = _place(name, seed, folder)
    if not (place / DESCRIPTION).exists():
        fields = {**PRESETS["paper"], **NETS[name]}
        settings = scale.settings_for(ROTATED_MNIST.benchmark)
        save(train(ROTATED_MNIST.open(), method="crossgrad", seed=seed, fields=fields, watch=watch, **settings), place)
    return load(place)


def to_train(name: str, scale: Scale, folder: Path) -> list[tuple[str, int]]:
    """The models that a figure still lacks: nets and seeds, as `trained` takes them."""
    nets = list(NETS)[:1] if name == "figure6" else list(NETS)
    wanted = [(net, seed) for seed in range(scale.n_seeds) for net in nets]
    return [(net, seed) for net, seed in wanted if not (_place(net, seed, folder) / DESCRIPTION).exists()]


def _place(name: str, seed: int, folder: Path) -> Path:
    return folder / "figures" / f"{'crossgrad' if not NETS[name] else 'without'}-{seed}"


def figure6(scale: Scale, folder: Path) -> Figure:
    """Domain features of three neighbouring angles, and of the middle one moved along the domain loss's gradient.

    Reference:
        Shankar et al., ICLR 2018, section 4.2 and figure 6. The paper shows one training, numbers are ours.
    """
    dataset, (net, *_) = ROTATED_MNIST.open(), NETS
    panels: dict[str, dict[str, NDArray[Any]]] = {}
    rows: list[dict[str, Cell]] = []
    for triple in TRIPLES:
        found: list[Betweenness] = []
        for seed in range(scale.n_seeds):
            model = trained(net, seed, scale, folder)
            groups = {angle: _features(model, dataset, angle) for angle in triple}
            moved = _features(model, dataset, triple[1], moved=True)
            first, middle, last = groups.values()
            found.append(betweenness(first, middle, last, moved))
            if seed == 0:
                panels |= _panels(triple, groups, moved)
        rows.append(
            {
                "angles": ", ".join(triple),
                "position": _number([each.position for each in found]),
                "distance": _number([each.distance for each in found]),
                "nearer": _percent([each.nearer for each in found]),
                "nearer_moved": _percent([each.nearer_moved for each in found]),
            }
        )
    return Figure(
        scatter(panels, description="Principal components of domain features by angle; the middle angle also moved"),
        PaperTable(
            "Figure 6: does the middle angle lie between its neighbours, and where does it go when it is moved?",
            {
                "angles": "Angles",
                "position": "Place of the middle's mean, 0 to 1",
                "distance": "Off the line",
                "nearer": "Nearer to a neighbour, %",
                "nearer_moved": "The same, moved, %",
            },
            tuple(rows),
            (f"Means and standard errors over {scale.n_seeds} trainings on all six angles; the picture is of seed 0.",),
        ),
    )


def figure7(scale: Scale, folder: Path) -> Figure:
    """Domain features coloured by label, and how well a linear probe reads labels and domains off them.

    Reference:
        Shankar et al., ICLR 2018, section 4.2 and figure 7: label information is mostly absent from g, "a consequence
        of CrossGrad's symmetric training of the domain classifier via label-loss perturbed images".
    """
    dataset = ROTATED_MNIST.open()
    panels: dict[str, dict[str, NDArray[Any]]] = {}
    rows: list[dict[str, Cell]] = []
    for net in NETS:
        labels, domains = [], []
        for seed in range(scale.n_seeds):
            model = trained(net, seed, scale, folder)
            by_angle = {angle: _features(model, dataset, angle) for angle in dataset.domain_names}
            of_angle = [probe(g, _labels(dataset, angle)).value for angle, g in by_angle.items()]
            labels.append(float(np.mean(of_angle)))
            place = np.repeat(np.arange(len(by_angle)), [len(g) for g in by_angle.values()])
            domains.append(probe(np.concatenate(list(by_angle.values())), place).value)
            if seed == 0 and not NETS[net]:
                panels = {f"{angle} degrees": _by_label(by_angle[angle], dataset, angle) for angle in SHOWN}
        rows.append({"net": net, "labels": _percent(labels), "domains": _percent(domains)})
    return Figure(
        scatter(panels, description="Principal components of domain features of two angles, coloured by label"),
        PaperTable(
            "Figure 7: what a linear probe reads off domain features",
            {"net": "Features of", "labels": "Labels, % right", "domains": "Domains, % right"},
            tuple(rows),
            (
                f"Means and standard errors over {scale.n_seeds} trainings on all six angles. Labels are probed within "
                "each angle and averaged; guessing gives 10 % of labels and 17 % of domains.",
            ),
        ),
    )


FIGURES = {"figure6": figure6, "figure7": figure7}
"""By the names that `crossgrad reproduce` takes."""


def _features(model: Model, dataset: DomainDataset, angle: str, *, moved: bool = False) -> NDArray[Any]:
    chosen = torch.where(dataset.domains == dataset.domain_names.index(angle))[0]
    subset = dataset.subset(chosen)
    inputs = model.scaling.apply(subset.inputs[:])
    if moved:
        inputs = model.method.perturbed(Batch(inputs, subset.labels, subset.domains))["domain_perturbed"]
    features: NDArray[Any] = domain_features(model.method, inputs).numpy()
    return features


def _labels(dataset: DomainDataset, angle: str) -> NDArray[np.int64]:
    labels: NDArray[np.int64] = dataset.labels[dataset.domains == dataset.domain_names.index(angle)].numpy()
    return labels


def _panels(
    triple: tuple[str, ...], groups: Mapping[str, NDArray[Any]], moved: NDArray[Any]
) -> dict[str, dict[str, NDArray[Any]]]:
    from sklearn.decomposition import PCA

    components = PCA(2).fit(np.concatenate(list(groups.values())))
    shown = {name: components.transform(points[:POINTS]) for name, points in groups.items()}
    title = f"{', '.join(triple)} degrees"
    with_moved = {**shown, f"{triple[1]}, moved": components.transform(moved[:POINTS])}
    return {title: shown, f"{title}; {triple[1]} moved": with_moved}


def _by_label(features: NDArray[Any], dataset: DomainDataset, angle: str) -> dict[str, NDArray[Any]]:
    from sklearn.decomposition import PCA

    points, labels = PCA(2).fit_transform(features)[: 2 * POINTS], _labels(dataset, angle)[: 2 * POINTS]
    return {name: points[labels == index] for index, name in enumerate(dataset.label_names)}


def _number(values: list[float]) -> str:
    return _with_error(estimate(values), 2)


def _percent(values: list[float]) -> str:
    return _with_error(estimate([100 * value for value in values]), 1)


def _with_error(value: Estimate, decimals: int) -> str:
    error = "" if value.standard_error is None else f" ± {value.standard_error:.{decimals}f}"
    return f"{value.value:.{decimals}f}{error}"
