"""Which examples make the next batch: an order that a seed determines and that can be taken up anywhere."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from crossgrad._types import Batch
from crossgrad.data.dataset import DomainDataset
from crossgrad.errors import DataError, SettingsError


class Choice(NamedTuple):
    """The examples of one batch.

    Args:
        examples: their indices, int64, (batch,).
        variants: of each, which version of its input: 0 is the input itself, v its variant v - 1; int64, (batch,).
            None where the dataset has no variants.
    """

    examples: Tensor
    variants: Tensor | None


class Sampler:
    """Endless shuffled batches of exactly `batch_size`; one pass over the data runs on into the next.

    Where the dataset has variants of its inputs, each input is itself or one of them, all equally likely. Where its
    examples have weights, a pass over n of them has an example of weight w about n w / sum(w) times: rounded up or down
    at random, so that the mean over passes is exact.

    Args:
        dataset: its domains are the training domains.
        batch_size: examples a batch, at least 1; more than there are repeats some.
        seed: of the order, which depends on nothing else.
        balanced: take one example of every domain, in an order drawn anew, then one of every domain again, and so on;
            each domain's examples are shuffled and run on by themselves. Small domains are seen more often then, and
            weights count within a domain.

    Raises:
        DataError: the dataset is empty.
        SettingsError: batch_size is below 1.

    Example:
        >>> dataset = DomainDataset.from_arrays([[1.0], [2.0], [3.0]], [0, 1, 0], [0, 0, 1], name="three")
        >>> sampler = Sampler(dataset, batch_size=2, seed=0)
        >>> sorted(torch.cat([sampler.draw().examples for _ in range(3)]).tolist())
        [0, 0, 1, 1, 2, 2]
    """

    def __init__(self, dataset: DomainDataset, *, batch_size: int, seed: int, balanced: bool = False) -> None:
        if len(dataset) == 0:
            raise DataError(f"{dataset.name!r} has no examples to train on")
        if batch_size < 1:
            raise SettingsError(f"batch_size is at least 1, not {batch_size!r}")
        self.batch_size = batch_size
        self._generator = torch.Generator().manual_seed(seed)
        self._n_variants = 0 if dataset.variants is None else dataset.variants.shape[1]
        groups = [torch.arange(len(dataset))]
        if balanced:
            groups = [torch.where(dataset.domains == domain)[0] for domain in torch.unique(dataset.domains).tolist()]
        self._balanced = balanced
        weights = dataset.weights
        self._streams = [
            _Stream(group, self._generator, None if weights is None else weights[group]) for group in groups
        ]
        self._waiting = torch.empty(0, dtype=torch.int64)

    def draw(self) -> Choice:
        """The next batch's examples."""
        # Room for all comes first: what is too much for memory ends here, and not after hours of shuffling.
        examples = torch.empty(self.batch_size, dtype=torch.int64)
        n_drawn = 0
        while n_drawn < self.batch_size:
            part = self._up_to(self.batch_size - n_drawn)
            examples[n_drawn : n_drawn + len(part)] = part
            n_drawn += len(part)
        variants = None
        if self._n_variants:
            variants = torch.randint(self._n_variants + 1, (self.batch_size,), generator=self._generator)
        return Choice(examples, variants)

    def _up_to(self, n: int) -> Tensor:
        """The next examples, not more than n."""
        if not self._balanced:
            return self._streams[0].up_to(n)
        if len(self._waiting) == 0:
            turn = torch.randperm(len(self._streams), generator=self._generator).tolist()
            self._waiting = torch.cat([self._streams[index].up_to(1) for index in turn])
        part, self._waiting = self._waiting[:n], self._waiting[n:]
        return part

    def state_dict(self) -> dict[str, Any]:
        """The position in the order: tensors."""
        return {
            "generator": self._generator.get_state(),
            "waiting": self._waiting.clone(),
            "left": [stream.left.clone() for stream in self._streams],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the position of a sampler of the same dataset and options."""
        self._generator.set_state(state["generator"])
        self._waiting = state["waiting"]
        for stream, left in zip(self._streams, state["left"], strict=True):
            stream.left = left


class _Stream:
    """Values in an order drawn anew for every pass; with weights, in proportion to them."""

    def __init__(self, values: Tensor, generator: torch.Generator, weights: Tensor | None) -> None:
        self.values, self.generator, self.weights = values, generator, weights
        self.left = torch.empty(0, dtype=torch.int64)

    def up_to(self, n: int) -> Tensor:
        """The next values, not more than n, and not more than are left of this pass."""
        if len(self.left) == 0:
            order = torch.randperm(len(self.values), generator=self.generator)
            if self.weights is not None:
                order = _in_proportion(order, self.weights[order], self.generator)
            self.left = self.values[order]
        part, self.left = self.left[:n], self.left[n:]
        return part


def _in_proportion(order: Tensor, weights: Tensor, generator: torch.Generator) -> Tensor:
    """As many, drawn in proportion to their weights, shuffled.

    Systematic sampling (Madow, 1949): points at equal distances, from a random start, along the weights laid
    end to end in this order, which is to be another one each time, so that no two examples always go together.
    """
    ends = weights.double().cumsum(0)
    start = torch.rand(1, generator=generator, dtype=torch.float64)
    passed = torch.floor(ends / ends[-1] * len(order) + start).clamp(max=len(order))
    counts = passed.diff(prepend=torch.zeros(1, dtype=torch.float64)).long()
    return order.repeat_interleave(counts)[torch.randperm(len(order), generator=generator)]


def load(dataset: DomainDataset, choice: Choice) -> Batch:
    """The batch of these examples, in their order."""
    return batch_of(dataset, choice, dataset.inputs[choice.examples])


def batch_of(dataset: DomainDataset, choice: Choice, inputs: Tensor) -> Batch:
    """The batch of these examples, whose inputs are here and may be changed."""
    if choice.variants is not None and dataset.variants is not None:
        varied = choice.variants > 0
        inputs[varied] = dataset.variants[choice.examples[varied], choice.variants[varied] - 1]
    return Batch(inputs, dataset.labels[choice.examples], dataset.domains[choice.examples])


def batches(dataset: DomainDataset, *, batch_size: int, seed: int, balanced: bool = False) -> Iterator[Batch]:
    """Batches without end, as a `Sampler` orders them.

    Example:
        >>> dataset = DomainDataset.from_arrays([[1.0], [2.0], [3.0]], [0, 1, 0], [0, 0, 1], name="three")
        >>> stream = batches(dataset, batch_size=2, seed=0)
        >>> sorted(torch.cat([next(stream).inputs for _ in range(3)]).flatten().tolist())
        [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    """
    sampler = Sampler(dataset, batch_size=batch_size, seed=seed, balanced=balanced)
    while True:
        yield load(dataset, sampler.draw())
