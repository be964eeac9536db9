"""Choosing a method's settings: plan, train, judge, choose."""

from crossgrad.selection import ALL_DOMAINS, Candidate
from crossgrad.sweeping.carrying_out import SweepFollower, carry_out_sweep
from crossgrad.sweeping.choosing import sweep
from crossgrad.sweeping.planning import FIRST_SEED, SEARCHES, plan_sweep
from crossgrad.sweeping.plans import Sweep

__all__ = [
    "ALL_DOMAINS",
    "FIRST_SEED",
    "SEARCHES",
    "Candidate",
    "Sweep",
    "SweepFollower",
    "carry_out_sweep",
    "plan_sweep",
    "sweep",
]
