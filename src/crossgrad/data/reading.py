"""Inputs read one batch after another, ahead of whoever takes them: the one place that knows of reading processes."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.errors import CrossGradError, WorkerLostError

BATCHES_AHEAD = 2
"""Of each worker; they lie in memory until they are taken."""


def read_ahead(inputs: LazyInputs, choices: Iterable[Int[Tensor, " _"]]) -> Generator[Float[Tensor, "..."], None, None]:
    """Read the inputs of one choice after another.

    With workers, they read ahead, and choices are drawn ahead accordingly; what is yielded is the same. They end when
    the generator is closed, exhausted or forgotten, and within seconds when this process ends, however it does.

    Args:
        inputs: with so many workers.
        choices: indices of inputs, one batch each; may be without end.

    Raises:
        CrossGradError: an input cannot be read, as `LazyInputs` would say it.
        WorkerLostError: a worker died.

    Example:
        >>> from crossgrad.data import DomainDataset
        >>> numbers = [(torch.tensor([index / 4]), index % 2, "even") for index in range(4)]
        >>> inputs = DomainDataset.from_torch(numbers, name="quarters").inputs
        >>> [batch.tolist() for batch in read_ahead(inputs, torch.arange(4).split(2))]
        [[[0.0], [0.25]], [[0.5], [0.75]]]
    """
    if inputs.workers == 0:
        for choice in choices:
            yield inputs[choice]
        return
    # A fork of this process would have torch's locks but not its threads. The server is started afresh, imports this
    # module once, and has no threads, so that a worker is a fork of it: ready in a moment.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    loader: DataLoader[Any] = DataLoader(
        _Chosen(inputs),
        batch_size=None,
        sampler=_Arrays(choices),
        num_workers=inputs.workers,
        collate_fn=_as_it_is,
        multiprocessing_context=context,
        prefetch_factor=BATCHES_AHEAD,
        worker_init_fn=_begin,
        generator=torch.Generator(),  # without, it would draw from the generator that dropout draws from
    )
    batches: Any = iter(loader)
    try:
        while (found := _next(batches)) is not None:
            if isinstance(found, CrossGradError):
                raise found
            yield torch.from_numpy(found)
    finally:
        # It does so itself when it is forgotten; but the traceback of an error remembers it.
        batches._shutdown_workers()


def read_in_order(
    inputs: Float[Tensor, "n *shape"] | LazyInputs, size: int
) -> Generator[Float[Tensor, "..."], None, None]:
    """All inputs in parts of so many, the last may be smaller: views of a tensor, or read one after another.

    Example:
        >>> [part.tolist() for part in read_in_order(torch.arange(3.0), 2)]
        [[0.0, 1.0], [2.0]]
    """
    if isinstance(inputs, Tensor):
        yield from torch.split(inputs, size)
    else:
        yield from read_ahead(inputs, torch.split(torch.arange(len(inputs)), size))


def _next(batches: Iterator[Any]) -> Any:
    try:
        return next(batches, None)
    except RuntimeError as error:
        if "exited unexpectedly" not in str(error):
            raise
        raise WorkerLostError(
            f"a process that reads inputs died (was it killed, or out of memory?): {error}; fewer workers need less "
            "memory, and with none inputs are read without processes of their own"
        ) from error


class _Chosen(Dataset[Any]):
    """By an array of indices, an array of inputs.

    Both go through pipes: tensors would go through shared memory, of which containers have little. An error that is
    ours is handed over like a result, since DataLoader would put a traceback into its message.
    """

    def __init__(self, inputs: LazyInputs) -> None:
        self.inputs = inputs

    def __getitem__(self, indices: NDArray[np.int64]) -> NDArray[np.float32] | CrossGradError:
        try:
            return self.inputs[torch.from_numpy(indices)].numpy()
        except CrossGradError as error:
            return error


class _Arrays:
    """Choices as NumPy's arrays, for the pipe."""

    def __init__(self, choices: Iterable[Tensor]) -> None:
        self.choices = choices

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return (choice.numpy() for choice in self.choices)


def _as_it_is(value: Any) -> Any:
    return value


def _begin(worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that trains, which then ends this one
    # DataLoader's own watch is for the parent by the system's count, which is the server of forks; and that lives as
    # long as any of its forks.
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
