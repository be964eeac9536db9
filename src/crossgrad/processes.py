"""Several processes that train one model together: who this one is, and what all of them have in sum."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Processes:
    """The processes of one training; each has the same nets and takes its share of every batch.

    Args:
        rank: of this process, from 0.
        size: how many there are.

    Example:
        >>> Processes(rank=1, size=2).share(5)
        slice(3, 5, None)
    """

    rank: int = 0
    size: int = 1

    def share(self, n: int) -> slice:
        """Which of n examples are this process's: consecutive ones, the first processes have one more."""
        least, rest = divmod(n, self.size)
        start = self.rank * least + min(self.rank, rest)
        return slice(start, start + least + (self.rank < rest))

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, the same in each."""
        return values


ALONE = Processes()
"""One process, which needs nobody."""
