"""The paper's tables on the data that is here: planned, carried out, and set beside what was published."""

from crossgrad.reproduction.ablations import (
    ABLATIONS,
    Ablation,
    ablation_table,
    carry_out_ablation,
    cost_of_ablation,
)
from crossgrad.reproduction.accuracy_tables import accuracy_table
from crossgrad.reproduction.carrying_out import Cost, carry_out_study, cost_of
from crossgrad.reproduction.datasets import table3
from crossgrad.reproduction.domain_nets import measured, to_measure
from crossgrad.reproduction.figures import FIGURES, Figure
from crossgrad.reproduction.paper_table import PaperTable
from crossgrad.reproduction.scales import SCALES, Scale
from crossgrad.reproduction.studies import Study
from crossgrad.reproduction.targets import TARGETS, Target

__all__ = [
    "ABLATIONS",
    "Ablation",
    "ablation_table",
    "carry_out_ablation",
    "cost_of_ablation",
    "FIGURES",
    "SCALES",
    "TARGETS",
    "Cost",
    "Figure",
    "PaperTable",
    "Scale",
    "Study",
    "Target",
    "accuracy_table",
    "carry_out_study",
    "cost_of",
    "measured",
    "table3",
    "to_measure",
]
