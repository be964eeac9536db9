"""Is a difference between two methods more than chance? On new domains, or on these. No torch."""

from crossgrad.significance.bootstrap import bootstrap
from crossgrad.significance.correction import holm
from crossgrad.significance.estimates import CONFIDENCE, SIGNIFICANCE_LEVEL, Comparison, Estimate, estimate
from crossgrad.significance.examples import Discordance, matched_pairs, mcnemar
from crossgrad.significance.paired import paired_t, wilcoxon

__all__ = [
    "CONFIDENCE",
    "SIGNIFICANCE_LEVEL",
    "Comparison",
    "Discordance",
    "Estimate",
    "bootstrap",
    "estimate",
    "holm",
    "matched_pairs",
    "mcnemar",
    "paired_t",
    "wilcoxon",
]
