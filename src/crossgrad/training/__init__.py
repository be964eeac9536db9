"""Training: the loop (fit), and what it is made of, one idea a file."""

from crossgrad.training.fit import fit
from crossgrad.training.history import History, Watch, watch_nothing
from crossgrad.training.sampling import batches

__all__ = ["History", "Watch", "batches", "fit", "watch_nothing"]
