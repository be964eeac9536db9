"""What figures 6 and 7 are made of: domain nets trained on all angles, and what their features hold, measured once."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad._types import Batch
from crossgrad.analysis import betweenness, domain_features, probe
from crossgrad.data import DomainDataset
from crossgrad.deployment import train
from crossgrad.folders import write_whole
from crossgrad.methods import PRESETS
from crossgrad.model import Model
from crossgrad.model_folder import DESCRIPTION, load, save
from crossgrad.report.archives import damaged
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.studies import MNIST_ANGLES, ROTATED_MNIST, Study
from crossgrad.training import Watch, watch_nothing

TRIPLES = (("30", "45", "60"), ("0", "15", "30"))
"""Angles of figure 6; the middle one is moved."""

SHOWN = ("30", "45")
"""Angles of figure 7."""

POINTS = 250
"""Examples of a domain in a picture; numbers are of all."""


@dataclass(frozen=True)
class DomainNet:
    """One of CrossGrad's domain nets, trained on all angles.

    Args:
        file: that its measurements lie in, without the seed.
        study: whose data it is trained on.
        fields: of CrossGrad, in which it differs from the paper's preset.
    """

    file: str
    study: Study
    fields: Mapping[str, Any] = field(default_factory=dict)


NETS: Mapping[str, DomainNet] = {
    "CrossGrad's domain net": DomainNet("crossgrad", ROTATED_MNIST),
    "domain net trained without label perturbations": DomainNet("without", ROTATED_MNIST, {"domain_weight": 0.0}),
    "CrossGrad's domain net, digits turned alike": DomainNet("mnist_angles", MNIST_ANGLES),
}
"""By what they are called."""

COMPARED: Mapping[str, tuple[str, ...]] = {
    "figure6": ("CrossGrad's domain net", "CrossGrad's domain net, digits turned alike"),
    "figure7": ("CrossGrad's domain net", "domain net trained without label perturbations"),
}
"""By figure: which nets; the picture is of the first."""


def measured(name: str, seed: int, scale: Scale, folder: Path, *, watch: Watch = watch_nothing) -> dict[str, Any]:
    """What the domain features of one training hold; from its file, where it was measured before.

    Args:
        name: key of NETS.
        seed: of the training.
        scale: of the training.
        folder: of the scale; models and measurements lie in its folder figures.
        watch: follows the training.

    Returns:
        "betweenness" by the triple's angles; "labels" and "domains", the shares that a linear probe gets right, of
        labels within each angle; of the first seed "panels" too, the points of the pictures by figure, title and group.
    """
    file = _place(name, seed, folder).with_suffix(".json")
    if file.exists():
        return _read(file)
    model = _trained(name, seed, scale, folder, watch)
    found = _measure(model, NETS[name].study.open(), with_panels=seed == 0)
    write_whole(file, json.dumps(found).encode(), overwrite=False)
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(kept, dict) or not {"betweenness", "labels", "domains"} <= kept.keys():
            raise ValueError("it lacks betweenness, labels or domains")
    except ValueError as error:
        raise damaged(file, "what was measured for a figure", error) from error
    return kept


def to_measure(name: str, scale: Scale, folder: Path) -> list[tuple[str, int]]:
    """What a figure still lacks: nets and seeds, as `measured` takes them."""
    wanted = [(net, seed) for seed in range(scale.n_seeds) for net in COMPARED[name]]
    return [(net, seed) for net, seed in wanted if not _place(net, seed, folder).with_suffix(".json").exists()]


def _place(name: str, seed: int, folder: Path) -> Path:
    return folder / "figures" / f"{NETS[name].file}-{seed}"


def _trained(name: str, seed: int, scale: Scale, folder: Path, watch: Watch) -> Model:
    place, net = _place(name, seed, folder), NETS[name]
    if not (place / DESCRIPTION).exists():
        settings = scale.settings_for(net.study.benchmark, net.study.trunk)
        fields = {**PRESETS["paper"], **net.fields}
        save(train(net.study.open(), method="crossgrad", seed=seed, fields=fields, watch=watch, **settings), place)
    return load(place)


def _measure(model: Model, dataset: DomainDataset, *, with_panels: bool) -> dict[str, Any]:
    features = {angle: _features(model, dataset, angle) for angle in dataset.domain_names}
    moved = {middle: _features(model, dataset, middle, moved=True) for _, middle, _ in TRIPLES}
    labels = {angle: dataset.labels[_of(dataset, angle)].numpy() for angle in dataset.domain_names}
    found: dict[str, Any] = {
        "betweenness": {
            ", ".join(triple): asdict(betweenness(*[features[angle] for angle in triple], moved=moved[triple[1]]))
            for triple in TRIPLES
        },
        "labels": float(np.mean([probe(g, labels[angle]).value for angle, g in features.items()])),
        "domains": probe(
            np.concatenate(list(features.values())),
            np.repeat(np.arange(len(features)), [len(g) for g in features.values()]),
        ).value,
    }
    if with_panels:
        by_angle: dict[str, dict[str, NDArray[Any]]] = {}
        for triple in TRIPLES:
            by_angle |= _panels(triple, features, moved[triple[1]])
        by_label = {
            f"{angle} degrees": _by_label(features[angle], labels[angle], dataset.label_names) for angle in SHOWN
        }
        found["panels"] = {
            figure: {
                title: {group: points.round(3).tolist() for group, points in groups.items()}
                for title, groups in panels.items()
            }
            for figure, panels in (("figure6", by_angle), ("figure7", by_label))
        }
    return found


def _of(dataset: DomainDataset, angle: str) -> torch.Tensor:
    return torch.where(dataset.domains == dataset.domain_names.index(angle))[0]


def _features(model: Model, dataset: DomainDataset, angle: str, *, moved: bool = False) -> NDArray[Any]:
    subset = dataset.subset(_of(dataset, angle))
    inputs = model.scaling.apply(subset.inputs[:])
    if moved:
        inputs = model.method.perturbed(Batch(inputs, subset.labels, subset.domains))["domain_perturbed"]
    features: NDArray[Any] = domain_features(model.method, inputs).numpy()
    return features


def _panels(
    triple: tuple[str, ...], features: Mapping[str, NDArray[Any]], moved: NDArray[Any]
) -> dict[str, dict[str, NDArray[Any]]]:
    from sklearn.decomposition import PCA

    components = PCA(2).fit(np.concatenate([features[angle] for angle in triple]))
    shown = {angle: components.transform(_some(features[angle], POINTS)) for angle in triple}
    title = f"{', '.join(triple)} degrees"
    with_moved = {**shown, f"{triple[1]}, moved": components.transform(_some(moved, POINTS))}
    return {title: shown, f"{title}; {triple[1]} moved": with_moved}


def _by_label(
    features: NDArray[Any], labels: NDArray[np.int64], label_names: tuple[str, ...]
) -> dict[str, NDArray[Any]]:
    from sklearn.decomposition import PCA

    points, shown = _some(PCA(2).fit_transform(features), 2 * POINTS), _some(labels, 2 * POINTS)
    return {name: points[shown == index] for index, name in enumerate(label_names)}


def _some(values: NDArray[Any], n: int) -> NDArray[Any]:
    """So many of an angle's examples, evenly spaced: the file has them in the order of their labels."""
    chosen: NDArray[Any] = values[np.linspace(0, len(values) - 1, n).astype(np.int64)] if len(values) > n else values
    return chosen
