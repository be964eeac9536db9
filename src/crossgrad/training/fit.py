"""fit(): the loop, and nothing but the loop."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import torch
from torch import Tensor, nn

from crossgrad.data.dataset import DomainDataset
from crossgrad.errors import NonFiniteLossError, SettingsError
from crossgrad.global_state import cpu_by_default
from crossgrad.methods import Method
from crossgrad.processes import ALONE, Processes
from crossgrad.training.averaging import WeightAverage
from crossgrad.training.checkpoints import Checkpoints, Part, Resumed, nothing_resumed
from crossgrad.training.combining import check_same, combine, together
from crossgrad.training.generators import seeded
from crossgrad.training.history import History
from crossgrad.training.loading import Loader
from crossgrad.training.precision import autocast, check_precision
from crossgrad.training.sampling import Sampler
from crossgrad.training.stopping import EarlyStopping
from crossgrad.training.stretch import Clock, Watch, watch_nothing


@cpu_by_default()
def fit(
    method: Method,
    train: DomainDataset,
    *,
    optimizer: torch.optim.Optimizer,
    max_steps: int,
    batch_size: int,
    seed: int,
    balanced: bool = False,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
    clip: Callable[[nn.Module], None] | None = None,
    average: WeightAverage | None = None,
    stopping: EarlyStopping | None = None,
    precision: str = "float32",
    processes: Processes = ALONE,
    checkpoints: Checkpoints | None = None,
    resumed: Resumed = nothing_resumed,
    watch: Watch = watch_nothing,
    watch_every: int | None = None,
) -> History:
    """Train a method in place.

    Args:
        method: with its nets, on the device and in the modes it is to be left in; trained in training mode.
        train: training examples of the training domains, domains indexed from 0.
        optimizer: over the method's parameters.
        max_steps: optimiser steps of each of the method's phases, at least 1.
        batch_size: examples a step, of all processes together.
        seed: of batches and dropout, at least 0; torch's global generator is left as it was.
        balanced: draw batches from the domains in turn, as `Sampler` says.
        schedule: of the optimiser's learning rate, stepped once a step.
        clip: what is done to a module's gradients between `backward` and the optimiser's step.
        average: of the weights over steps; the method is left with it instead of the last weights.
        stopping: ends training early and leaves the best weights.
        precision: of the nets' passes: one of PRECISIONS.
        processes: that train together, called alike in all; each gets its share of every batch, and all are left with
            the same weights.
        checkpoints: to go on from where there is one, and to write; of several processes the first writes them.
        resumed: called with the step that training goes on from, once its checkpoint is taken up, in the first process
            alone; not where training begins.
        watch: called every `watch_every` steps with what was seen since its last call; in the first process alone.
        watch_every: steps; by default a hundredth of max_steps, at least 1.

    Raises:
        NonFiniteLossError: a loss became NaN or infinite; names the step. Parameters are as before that step. Or the
            last step made logits NaN or infinite.
        SettingsError: max_steps, batch_size or watch_every is below 1, or seed below 0, or batch_size below the number
            of processes, or there is no such precision.
        CheckpointError: a checkpoint that is there cannot be used, or another process found another one.
        ProcessesError: another process ended, or did not answer in time.

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
    for name, value, least in (("max_steps", max_steps, 1), ("watch_every", watch_every, 1), ("seed", seed, 0)):
        if value < least:
            raise SettingsError(f"{name} is at least {least}, not {value!r}")
    check_precision(precision)
    n_steps = max_steps * method.N_PHASES
    device = next(method.parameters()).device
    sampler = Sampler(train, batch_size=batch_size, seed=seed, balanced=balanced)
    loader = Loader(train, sampler, processes=processes, device=device)
    history = History()
    with (
        closing(loader),
        training_mode(method),
        together(method, processes, batch_size=batch_size),
        seeded(seed, device) as generators,
    ):
        # Everything that a step changes, so everything that a checkpoint holds.
        candidates: dict[str, Part | None] = {
            "method": method,
            "optimizer": optimizer,
            "schedule": schedule,
            "average": average,
            "stopping": stopping,
            "loader": loader,
            "history": history,
            "generators": generators,
        }
        parts = {name: part for name, part in candidates.items() if part is not None}
        step = check_same(checkpoints.restore(parts) if checkpoints else 0, processes)
        if step and processes.is_first:
            resumed(step)
        clock = Clock(batch_size, start=history.end)
        while step < n_steps and not (stopping and stopping.is_over):
            method.phase, done = divmod(step, max_steps)
            method.progress = done / max_steps
            step += 1
            generators.begin(step, processes)
            optimizer.zero_grad()
            batch = clock.wait_for(loader.next)
            with autocast(device, precision):
                results = method.backward(batch)
            results = combine(method, results, n_own=len(batch.labels), n=batch_size, processes=processes)
            check_finite(results, step)
            if clip:
                clip(method)
            optimizer.step()
            learning_rate = optimizer.param_groups[0]["lr"]
            if schedule:
                schedule.step()
            if average:
                average.update(method)
            history.add(results)
            if stopping:
                stopping.judge(method, step, average=average)
            is_over = step == n_steps or (stopping is not None and stopping.is_over)
            if step % watch_every == 0 or step % max_steps == 0 or is_over:
                stretch = clock.close(step, history.close(step), learning_rate=learning_rate)
                if processes.is_first:
                    watch(stretch)
            # The last step needs none: what follows is the end.
            if checkpoints and processes.is_first and not is_over:
                checkpoints.write_if_due(step, parts)
        if average:
            average.copy_to(method)
        if stopping:
            stopping.restore(method)
        # A loss tells of the update before it; of the last update only what the method gives now tells.
        method.eval()
        with torch.no_grad():
            largest = processes.sum(method(loader.next().inputs).abs().max())
            check_finite({"the largest logit": largest}, step)
    return history


@contextmanager
def training_mode(module: nn.Module) -> Iterator[None]:
    """Training mode; every part is left in the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.train()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def check_finite(results: dict[str, Tensor], step: int) -> None:
    """Refuse a NaN or an infinite value.

    Raises:
        NonFiniteLossError: names it and the step.
    """
    for name, value in results.items():
        if not bool(torch.isfinite(value)):
            message = f"{name} became {value.item()} at step {step}; try a smaller learning rate or a smaller step"
            raise NonFiniteLossError(message, step=step)
