"""What trained nets have learnt of domains and labels."""

from crossgrad.analysis.betweenness import Betweenness, betweenness
from crossgrad.analysis.domain_features import domain_features
from crossgrad.analysis.probes import probe

__all__ = ["Betweenness", "betweenness", "domain_features", "probe"]
