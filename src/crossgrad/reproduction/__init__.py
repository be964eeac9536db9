"""The paper's tables on the data that is here: planned, carried out, and set beside what was published."""

from crossgrad.reproduction.ablations import ABLATIONS, ablation_table
from crossgrad.reproduction.accuracy_tables import accuracy_table
from crossgrad.reproduction.carrying_out import Cost, carry_out_study, cost_of
from crossgrad.reproduction.conditions import CONDITIONS, condition_table
from crossgrad.reproduction.datasets import table3
from crossgrad.reproduction.domain_nets import measured, to_measure
from crossgrad.reproduction.figures import FIGURES, Figure
from crossgrad.reproduction.gallery import Gallery, draw_gallery
from crossgrad.reproduction.moves import TASKS, measured_moves, tasks_to_train
from crossgrad.reproduction.paper_table import PaperTable
from crossgrad.reproduction.scales import SCALES, Scale
from crossgrad.reproduction.studies import Study
from crossgrad.reproduction.summary import summary_table
from crossgrad.reproduction.targets import TARGETS, Target
from crossgrad.reproduction.trials import Trials, carry_out_trials, cost_of_trials

__all__ = [
    "ABLATIONS",
    "CONDITIONS",
    "FIGURES",
    "SCALES",
    "TARGETS",
    "TASKS",
    "Cost",
    "Figure",
    "Gallery",
    "PaperTable",
    "Scale",
    "Study",
    "Target",
    "Trials",
    "ablation_table",
    "accuracy_table",
    "carry_out_study",
    "carry_out_trials",
    "condition_table",
    "cost_of",
    "cost_of_trials",
    "draw_gallery",
    "measured",
    "measured_moves",
    "summary_table",
    "table3",
    "tasks_to_train",
    "to_measure",
]
