"""Training: the loop (fit), and what it is made of, one idea a file."""

from crossgrad.training.fit import fit
from crossgrad.training.history import History
from crossgrad.training.sampling import batches
from crossgrad.training.stretch import Stretch, Watch, watch_nothing

__all__ = ["History", "Stretch", "Watch", "batches", "fit", "watch_nothing"]
