"""fit(): the loop, and nothing but the loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from crossgrad._types import Batch
from crossgrad.data.dataset import DomainDataset
from crossgrad.errors import DataError, NonFiniteLossError, SettingsError
from crossgrad.methods import Method

Watch = Callable[[int, dict[str, float]], None]
"""Called with the number of steps done and the means since the last call."""


def watch_nothing(step: int, values: dict[str, float]) -> None:
    """The watch of a loop that nobody watches."""


@dataclass
class History:
    """What a loop saw: means of every logged value over stretches of steps, and over the whole of it.

    Attributes:
        steps: how many steps were done at the end of each stretch.
        values: for each name, the mean over each stretch; None for stretches of a phase that does not log it.
        first: of each name the value at the first step that logged it.
        means: over all steps that logged it.
    """

    steps: list[int] = field(default_factory=list)
    values: dict[str, list[float | None]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    means: dict[str, float] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    @property
    def last(self) -> dict[str, float]:
        """Of each name the mean over the last stretch that logged it."""
        return {name: next(v for v in reversed(values) if v is not None) for name, values in self.values.items()}

    def _append(self, step: int, values: dict[str, float]) -> None:
        n_new = step - (self.steps[-1] if self.steps else 0)
        for name, value in values.items():
            self.values.setdefault(name, [None] * len(self.steps))
            self._counts[name] = self._counts.get(name, 0) + n_new
            before = self.means.get(name, 0.0)
            self.means[name] = before + (value - before) * n_new / self._counts[name]
        self.steps.append(step)
        for name, logged in self.values.items():
            logged.append(values.get(name))


def batches(dataset: DomainDataset, *, batch_size: int, seed: int, balanced: bool = False) -> Iterator[Batch]:
    """Endless shuffled batches of exactly `batch_size`; one pass over the data runs on into the next.

    Where the dataset has variants of its inputs, each input is itself or one of them, all equally likely.

    Args:
        dataset: its domains are the training domains.
        batch_size: examples a batch, at least 1; more than there are repeats some.
        seed: of the order, which depends on nothing else.
        balanced: take one example of every domain, in an order drawn anew, then one of every domain again, and so on;
            each domain's examples are shuffled and run on by themselves. Small domains are seen more often then.

    Example:
        >>> dataset = DomainDataset.from_arrays([[1.0], [2.0], [3.0]], [0, 1, 0], [0, 0, 1], name="three")
        >>> stream = batches(dataset, batch_size=2, seed=0)
        >>> sorted(torch.cat([next(stream).inputs for _ in range(3)]).flatten().tolist())
        [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    """
    if len(dataset) == 0:
        raise DataError(f"{dataset.name!r} has no examples to train on")
    if batch_size < 1:
        raise SettingsError(f"batch_size is at least 1, not {batch_size!r}")
    generator = torch.Generator().manual_seed(seed)
    order = _in_turn(dataset, generator) if balanced else _all_alike(dataset, generator)
    waiting = torch.empty(0, dtype=torch.int64)
    while True:
        while len(waiting) < batch_size:
            waiting = torch.cat([waiting, next(order)])
        chosen, waiting = waiting[:batch_size], waiting[batch_size:]
        inputs = dataset.inputs[chosen]
        if dataset.variants is not None:
            variant = torch.randint(dataset.variants.shape[1] + 1, (batch_size,), generator=generator)
            varied = variant > 0
            inputs[varied] = dataset.variants[chosen[varied], variant[varied] - 1]
        yield Batch(inputs, dataset.labels[chosen], dataset.domains[chosen])


def _all_alike(dataset: DomainDataset, generator: torch.Generator) -> Iterator[Tensor]:
    """Every example once, in an order drawn anew; then again."""
    while True:
        yield torch.randperm(len(dataset), generator=generator)


def _in_turn(dataset: DomainDataset, generator: torch.Generator) -> Iterator[Tensor]:
    """One example of every domain, in an order drawn anew; then again."""
    members = [torch.where(dataset.domains == domain)[0] for domain in torch.unique(dataset.domains).tolist()]
    streams = [_shuffled(of_domain, generator) for of_domain in members]
    while True:
        yield torch.stack([next(streams[i]) for i in torch.randperm(len(streams), generator=generator).tolist()])


def _shuffled(values: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        yield from values[torch.randperm(len(values), generator=generator)]


def fit(
    method: Method,
    train: DomainDataset,
    *,
    optimizer: torch.optim.Optimizer,
    max_steps: int,
    batch_size: int,
    seed: int,
    balanced: bool = False,
    watch: Watch = watch_nothing,
    watch_every: int | None = None,
) -> History:
    """Train a method in place.

    Args:
        method: with its nets, on the device and in the modes it is to be left in; trained in training mode.
        train: training examples of the training domains, domains indexed from 0.
        optimizer: over the method's parameters.
        max_steps: optimiser steps of each of the method's phases, at least 1.
        batch_size: examples a step.
        seed: of batches and dropout; torch's global generator is left as it was.
        balanced: draw batches from the domains in turn, as `batches` says.
        watch: called every `watch_every` steps with the means since its last call.
        watch_every: steps; by default a hundredth of max_steps, at least 1.

    Raises:
        NonFiniteLossError: a loss became NaN or infinite; names the step. Parameters are as before that step. Or the
            last step made logits NaN or infinite.
        SettingsError: max_steps, batch_size or watch_every is below 1.

    Example:
        >>> from crossgrad.methods import ERM
        >>> dataset = DomainDataset.from_arrays([[0.0], [1.0]] * 8, [0, 1] * 8, [0] * 8 + [1] * 8, name="two")
        >>> method = ERM(torch.nn.Linear(1, 2))
        >>> optimizer = torch.optim.SGD(method.parameters(), lr=1.0)
        >>> history = fit(method, dataset, optimizer=optimizer, max_steps=100, batch_size=4, seed=0)
        >>> history.last["label_loss"] < history.first["label_loss"]
        True
    """
    watch_every = max(1, max_steps // 100) if watch_every is None else watch_every
    for name, value in (("max_steps", max_steps), ("watch_every", watch_every)):
        if value < 1:
            raise SettingsError(f"{name} is at least 1, not {value!r}")
    n_steps = max_steps * method.N_PHASES
    history = History()
    stream = batches(train, batch_size=batch_size, seed=seed, balanced=balanced)
    modes = [(module, module.training) for module in method.modules()]
    method.train()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            stretch: list[dict[str, Tensor]] = []
            for step in range(1, n_steps + 1):
                method.phase, done = divmod(step - 1, max_steps)
                method.progress = done / max_steps
                optimizer.zero_grad()
                batch = next(stream)
                results = method.backward(batch)
                _check_finite(results, step)
                optimizer.step()
                stretch.append(results)
                if done == 0:
                    history.first |= {
                        name: value for name, value in _means(stretch).items() if name not in history.first
                    }
                if step % watch_every == 0 or step % max_steps == 0:
                    means = _means(stretch)
                    history._append(step, means)
                    watch(step, means)
                    stretch.clear()
            # A loss tells of the update before it; of the last update only what the method gives now tells.
            method.eval()
            with torch.no_grad():
                _check_finite({"the largest logit": method(batch.inputs).abs().max()}, n_steps)
    finally:
        for module, training in modes:
            module.training = training
    return history


def _check_finite(results: dict[str, Tensor], step: int) -> None:
    for name, value in results.items():
        if not bool(torch.isfinite(value)):
            message = f"{name} became {value.item()} at step {step}; try a smaller learning rate or a smaller step"
            raise NonFiniteLossError(message, step=step)


def _means(stretch: list[dict[str, Tensor]]) -> dict[str, float]:
    return {name: float(torch.stack([results[name] for results in stretch]).mean()) for name in stretch[0]}
