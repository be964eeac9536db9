"""The ways to train: one file each, listed once."""

from crossgrad.methods.base import Method
from crossgrad.methods.crossgrad import PRESETS, CrossGrad
from crossgrad.methods.dann import DANN
from crossgrad.methods.erm import ERM
from crossgrad.methods.label_grad import LabelGrad

METHODS: dict[str, type[Method]] = {
    "erm": ERM,
    "label_grad": LabelGrad,
    "dann": DANN,
    "crossgrad": CrossGrad,
}
"""Names on the command line and in records, in the order of tables."""

__all__ = ["DANN", "ERM", "METHODS", "PRESETS", "CrossGrad", "LabelGrad", "Method"]
