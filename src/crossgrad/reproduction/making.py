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
from crossgrad.reproduction.fewer_domains import fewer_domains
from crossgrad.reproduction.figures import FIGURES
from crossgrad.reproduction.gallery import draw_gallery
from crossgrad.reproduction.made import Made
from crossgrad.reproduction.moves import measured_moves, tasks_to_train
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.sizes import SIZES, sizes_of_moves
from crossgrad.reproduction.studies import Study
from crossgrad.reproduction.summary import summary_table
from crossgrad.reproduction.targets import TARGETS
from crossgrad.reproduction.trials import Trials

_MAKE: Mapping[str, Callable[[Scale, Path], Made | None]] = {
    "table3": lambda scale, folder: Made(table3()),
    **{name: partial(lambda name, *where: Made(accuracy_table(TARGETS[name], *where)), name) for name in TARGETS},
    "table8": fewer_domains,  # with a picture
    **FIGURES,
    "gallery": draw_gallery,
    "ablations": lambda *where: Made(ablation_table(*where)),
    "conditions": lambda *where: Made(condition_table(*where)),
    "sizes": sizes_of_moves,
    "summary": lambda *where: Made(summary_table(*where)),
}
NAMES = tuple(_MAKE)
"""In the order in which all are made."""

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
    """What a picture still lacks; nothing of a table.

    Args:
        name: one of NAMES.
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
        for net, seed in (to_measure(name, scale, folder) if name in FIGURES else [])
    ]


def make(name: str, scale: Scale, folder: Path) -> Made | None:
    """Make a table or a picture from what is there, without training anything.

    Args:
        name: one of NAMES.
        scale: of the records.
        folder: of the scale.

    Returns:
        None for a picture whose models are not trained yet; the gallery is drawn of any of its tasks.

    Raises:
        RecordError: what is there cannot be read.
    """
    return _MAKE[name](scale, folder)
