"""The paper's tables on the data that is here: planned, carried out, and set beside what was published."""

from crossgrad.reproduction.carrying_out import Cost, carry_out_study, cost_of
from crossgrad.reproduction.made import Made
from crossgrad.reproduction.making import NAMES, ModelToTrain, make, models_to_train, parts_of
from crossgrad.reproduction.paper_table import PaperTable
from crossgrad.reproduction.scales import SCALES, Scale
from crossgrad.reproduction.studies import Study
from crossgrad.reproduction.targets import TARGETS, Target
from crossgrad.reproduction.trials import Trials, carry_out_trials, cost_of_trials

__all__ = [
    "NAMES",
    "SCALES",
    "TARGETS",
    "Cost",
    "Made",
    "ModelToTrain",
    "PaperTable",
    "Scale",
    "Study",
    "Target",
    "Trials",
    "carry_out_study",
    "carry_out_trials",
    "cost_of",
    "cost_of_trials",
    "make",
    "models_to_train",
    "parts_of",
]
