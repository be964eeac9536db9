"""From the sampler's choices to the batches of this process, on its device."""

import copy
from collections.abc import Generator, Iterator
from typing import Any

import torch
from torch import Tensor

from crossgrad._types import Batch
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.data.reading import read_ahead
from crossgrad.processes import Processes
from crossgrad.training.sampling import Choice, Sampler, batch_of, load


class Loader:
    """The batches of one process.

    Lazy inputs are read ahead by as many workers as they have, until `close`. Workers change no batch.

    Args:
        dataset: training examples.
        sampler: of the whole batches; the same in every process.
        processes: each takes its share of every batch.
        device: where batches go.
    """

    def __init__(self, dataset: DomainDataset, sampler: Sampler, *, processes: Processes, device: torch.device) -> None:
        self.dataset, self.sampler, self.processes, self.device = dataset, sampler, processes, device
        self._ahead: Generator[Tensor, None, None] | None = None

    def next(self) -> Batch:
        """The next batch, or this process's share of it."""
        if isinstance(self.dataset.inputs, LazyInputs):
            if self._ahead is None:
                # Whoever reads ahead draws ahead: from a copy, so that the sampler itself stays where training is.
                self._ahead = read_ahead(self.dataset.inputs, self._examples_from(copy.deepcopy(self.sampler)))
            inputs = next(self._ahead)
            batch = batch_of(self.dataset, self._share(self.sampler.draw()), inputs)
        else:
            batch = load(self.dataset, self._share(self.sampler.draw()))
        return Batch(*(tensor.to(self.device) for tensor in batch))

    def close(self) -> None:
        """End the workers; the next batch would start others."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def state_dict(self) -> dict[str, Any]:
        """The position behind the last batch that `next` gave, however far is read ahead."""
        return self.sampler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on behind that batch."""
        self.close()
        self.sampler.load_state_dict(state)

    def _share(self, choice: Choice) -> Choice:
        part = self.processes.share(len(choice.examples))
        return Choice(choice.examples[part], None if choice.variants is None else choice.variants[part])

    def _examples_from(self, sampler: Sampler) -> Iterator[Tensor]:
        while True:
            yield self._share(sampler.draw()).examples
