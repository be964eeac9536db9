"""What data itself says about whether training across domains may help: counts, dependence, and a verdict. No torch."""

from crossgrad.advice.composition import Composition, compose
from crossgrad.advice.confounding import Confounding, confounding
from crossgrad.advice.findings import DomainGap, Findings, Move, MovedExamples, ToldApart
from crossgrad.advice.verdict import Advice, advise, honesty
from crossgrad.advice.within import WithinLabels, within_labels

__all__ = [
    "Composition",
    "compose",
    "Confounding",
    "confounding",
    "WithinLabels",
    "within_labels",
    "Findings",
    "ToldApart",
    "DomainGap",
    "Move",
    "MovedExamples",
    "Advice",
    "advise",
    "honesty",
]
