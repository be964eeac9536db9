"""Comparing methods on unseen domains: plan, train, report."""

from crossgrad.comparison.carrying_out import Follower, carry_out
from crossgrad.comparison.comparing import compare
from crossgrad.comparison.planning import DEFAULT_METHODS, Comparison, plan

__all__ = ["DEFAULT_METHODS", "Comparison", "Follower", "carry_out", "compare", "plan"]
