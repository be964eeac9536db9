"""The ways to train: one file each, listed once."""

from crossgrad.methods.base import Method
from crossgrad.methods.ccsa import CCSA
from crossgrad.methods.crossgrad import PRESETS, CrossGrad
from crossgrad.methods.crossgrad_separate import CrossGradSeparate
from crossgrad.methods.dann import DANN
from crossgrad.methods.erm import ERM
from crossgrad.methods.hybrid import Hybrid
from crossgrad.methods.label_grad import LabelGrad
from crossgrad.methods.mtae import MTAE
from crossgrad.methods.random_direction import RandomDirection
from crossgrad.methods.repeat import Repeat

METHODS: dict[str, type[Method]] = {
    "erm": ERM,
    "label_grad": LabelGrad,
    "dann": DANN,
    "ccsa": CCSA,
    "mtae": MTAE,
    "crossgrad": CrossGrad,
    "crossgrad_separate": CrossGradSeparate,
    "hybrid": Hybrid,
    "random": RandomDirection,
    "repeat": Repeat,
    "erm_matched": ERM,
}
"""Names on the command line and in records, in the order of tables. "erm_matched" is ERM with as many steps as make it
cost what the costliest method of a comparison does."""

__all__ = [
    "CCSA",
    "DANN",
    "ERM",
    "METHODS",
    "MTAE",
    "PRESETS",
    "CrossGrad",
    "CrossGradSeparate",
    "Hybrid",
    "LabelGrad",
    "Method",
    "RandomDirection",
    "Repeat",
]
