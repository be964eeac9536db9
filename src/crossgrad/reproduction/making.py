"""Everything `crossgrad reproduce` makes, by its name: what has to be trained for it, and what is made of that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from crossgrad.reproduction.ablations import ABLATIONS, ablation_table
from crossgrad.reproduction.accuracy_tables import accuracy_table
from crossgrad.reproduction.conditions import CONDITIONS, condition_table
from crossgrad.reproduction.datasets import table3
from crossgrad.reproduction.domain_nets import NETS, measured, to_measure
from crossgrad.reproduction.figures import FIGURES
from crossgrad.reproduction.gallery import draw_gallery
from crossgrad.reproduction.made import Made
from crossgrad.reproduction.moves import TASKS, measured_moves, tasks_to_train
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.sizes import SIZES, sizes_of_moves
from crossgrad.reproduction.studies import Study
from crossgrad.reproduction.summary import summary_table
from crossgrad.reproduction.targets import TARGETS
from crossgrad.reproduction.trials import Trials

PICTURES = (*FIGURES, "gallery")
"""Drawn of models that are trained for them one by one."""

_TRIALS: Mapping[str, tuple[Trials, ...]] = {"ablations": ABLATIONS, "conditions": CONDITIONS, "sizes": SIZES}


@dataclass(frozen=True)
class ModelToTrain:
    """One that a picture lacks.

    Args:
        what: it is, in words.
        study: whose data it is trained on.
        train: trains and measures it.
    """

    what: str
    study: Study
    train: Callable[[], object]


def parts_of(name: str) -> tuple[Study | Trials, ...]:
    """Studies and trials whose records a table is made of; none of a picture."""
    return TARGETS[name].studies if name in TARGETS else _TRIALS.get(name, ())


def models_to_train(name: str, scale: Scale, folder: Path) -> list[ModelToTrain]:
    """What one of PICTURES still lacks.

    Args:
        name: of the picture.
        scale: of the trainings.
        folder: of the scale.
    """
    if name == "gallery":
        return [
            ModelToTrain(study.name, study, partial(measured_moves, study, scale, folder))
            for study in tasks_to_train(folder)
        ]
    return [
        ModelToTrain(f"{net}, seed {seed}", NETS[net].study, partial(measured, net, seed, scale, folder))
        for net, seed in to_measure(name, scale, folder)
    ]


def make(name: str, scale: Scale, folder: Path) -> Made | None:
    """Make a table or a picture from what is there, without training anything.

    Args:
        name: of a table or a picture, as `crossgrad reproduce` takes it.
        scale: of the records.
        folder: of the scale.

    Returns:
        None for a picture whose models are not trained yet; the gallery is drawn of any of its tasks.

    Raises:
        RecordError: what is there cannot be read.
    """
    if name in PICTURES and len(models_to_train(name, scale, folder)) >= (len(TASKS) if name == "gallery" else 1):
        return None
    if name in TARGETS:
        return Made(accuracy_table(TARGETS[name], scale, folder))
    if name == "table3":
        return Made(table3())
    of_records: dict[str, Callable[[Scale, Path], Made]] = {
        **FIGURES,
        "gallery": draw_gallery,
        "ablations": lambda *where: Made(ablation_table(*where)),
        "conditions": lambda *where: Made(condition_table(*where)),
        "sizes": sizes_of_moves,
        "summary": lambda *where: Made(summary_table(*where)),
    }
    return of_records[name](scale, folder)
