"""From the sampler's choices to the batches of this process, on its device."""

from typing import Any

import torch

from crossgrad._types import Batch
from crossgrad.data.dataset import DomainDataset
from crossgrad.processes import Processes
from crossgrad.training.sampling import Choice, Sampler, load


class Loader:
    """The batches of one process.

    Args:
        dataset: training examples.
        sampler: of the whole batches; the same in every process.
        processes: each takes its share of every batch.
        device: where batches go.
    """

    def __init__(self, dataset: DomainDataset, sampler: Sampler, *, processes: Processes, device: torch.device) -> None:
        self.dataset, self.sampler, self.processes, self.device = dataset, sampler, processes, device

    def next(self) -> Batch:
        """The next batch, or this process's share of it."""
        choice = self.sampler.draw()
        part = self.processes.share(len(choice.examples))
        own = Choice(choice.examples[part], None if choice.variants is None else choice.variants[part])
        return Batch(*(tensor.to(self.device) for tensor in load(self.dataset, own)))

    def state_dict(self) -> dict[str, Any]:
        """The position behind the last batch that `next` gave."""
        return self.sampler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on behind that batch."""
        self.sampler.load_state_dict(state)
