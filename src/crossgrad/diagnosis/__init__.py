"""Whether training across domains is for some data: plan, train briefly, tell."""

from crossgrad.diagnosis.carrying_out import Diagnosis, carry_out_diagnosis
from crossgrad.diagnosis.diagnosing import diagnose
from crossgrad.diagnosis.planning import MOST_FOLDS, MOST_STEPS, plan_diagnosis, run_seconds

__all__ = [
    "MOST_FOLDS",
    "MOST_STEPS",
    "Diagnosis",
    "carry_out_diagnosis",
    "diagnose",
    "plan_diagnosis",
    "run_seconds",
]
