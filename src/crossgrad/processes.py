"""Several processes that train one model together: who this one is, and what all of them have in sum."""

import importlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from crossgrad.errors import OtherProcessError, ProcessesError, SettingsError

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun and accelerate tell every process that they start."""

SECONDS_FOR_OTHERS_TO_FAIL = 5.0


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

    @property
    def is_first(self) -> bool:
        """Whether this is the one that prints and writes."""
        return self.rank == 0

    def share(self, n: int) -> slice:
        """Which of n examples are this process's: consecutive ones, the first processes have one more."""
        least, rest = divmod(n, self.size)
        start = self.rank * least + min(self.rank, rest)
        return slice(start, start + least + (self.rank < rest))

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, the same to the bit in each. All of them call this, and wait for each other.

        Args:
            values: of one shape and type in every process; overwritten where there are several.

        Raises:
            ProcessesError: another process ended, or did not call this in time.
        """
        if self.size > 1:
            with _losses_told():
                dist.all_reduce(values)
        return values

    def of_first(self, values: Tensor) -> Tensor:
        """What the first process has. All of them call this.

        Args:
            values: of one shape and type in every process; overwritten.

        Raises:
            ProcessesError: as `sum`.
        """
        if self.size > 1:
            with _losses_told():
                dist.broadcast(values, src=0)
        return values


ALONE = Processes()
"""One process, which needs nobody."""


def launched() -> Processes:
    """The processes that a launcher says there are: torchrun, accelerate, or whoever sets the same variables.

    Raises:
        SettingsError: there are several and a variable is missing or no number.
    """
    try:
        size = int(os.environ.get("WORLD_SIZE", 1))
        if size == 1:
            return ALONE
        if missing := [name for name in VARIABLES if name not in os.environ]:
            raise SettingsError(f"WORLD_SIZE is {size}, but {missing[0]} is not set; start with torchrun")
        return Processes(rank=int(os.environ["RANK"]), size=size)
    except ValueError as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"the launcher's variables are no whole numbers: {error}") from error


@contextmanager
def joined(*, device: str = "cpu", timeout_seconds: float = 600.0) -> Iterator[Processes]:
    """Meet the processes that a launcher started beside this one, and stay with them to the end.

    At the end all wait for each other. An error in one of them ends all: it is raised where it happened first, and
    `OtherProcessError` in the others.

    Args:
        device: "cpu" for gloo; "cuda" for NCCL, and the current device is that of LOCAL_RANK meanwhile.
        timeout_seconds: how long to wait for the others, here and in every sum.

    Raises:
        SettingsError: as `launched`; or a device is named by its number, which all processes would share.
        ProcessesError: not all of them came in time.

    Example:
        >>> with joined() as processes:
        ...     processes.sum(torch.tensor(1.0))  # nobody else here
        tensor(1.)
    """
    processes = launched()
    if processes.size == 1:
        yield processes
        return
    if device not in ("cpu", "cuda"):
        raise SettingsError(f"device is cpu or cuda for several processes, one device each, not {device!r}")
    timeout = timedelta(seconds=timeout_seconds)
    # Both for CUDA, since what is on the CPU is summed too.
    backend = "gloo" if device == "cpu" else "cpu:gloo,cuda:nccl"
    _import_what_would_keep_the_group()
    with _on_own_device(device):
        with _losses_told():
            store, rank, size = next(rendezvous("env://", timeout=timeout))
        try:
            with _losses_told():
                dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=timeout)
            yield processes
            processes.sum(torch.zeros(()))
        except Exception as error:
            if _is_first_to_fail(store, processes):
                raise
            raise OtherProcessError("another process of this training failed first, and says why") from error
        finally:
            if dist.is_initialized():
                dist.destroy_process_group()


def _import_what_would_keep_the_group() -> None:
    """Import, before there is a group, what would keep it if it were imported within.

    Functions of torch.distributed.nn have the group of the moment of their import as a default argument, and the first
    optimiser imports them. The group's threads would then outlive `joined`: one that is still letting go of a sum
    while the interpreter ends can end the process with "terminate called without an active exception".
    """
    importlib.import_module("torch.distributed.nn")


@contextmanager
def _on_own_device(device: str) -> Iterator[None]:
    if device == "cpu":
        yield
        return
    with torch.cuda.device(int(os.environ["LOCAL_RANK"])):
        yield


@contextmanager
def _losses_told() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise ProcessesError(
            f"a process of this training ended, or did not answer in time: {str(error).partition(chr(10))[0]}"
        ) from error


def _is_first_to_fail(store: Any, processes: Processes) -> bool:
    """Tell the others of a failure; the first, which keeps the store, waits a moment for theirs."""
    try:
        place = store.add("crossgrad/failed", 1)
    except RuntimeError:
        return True  # the store is gone; rather two messages than none
    if dist.is_initialized():  # it is not where the others had failed before all had met
        dist.destroy_process_group()  # which whoever waits for this process notices
    end = time.monotonic() + SECONDS_FOR_OTHERS_TO_FAIL
    while processes.is_first and store.add("crossgrad/failed", 0) < processes.size and time.monotonic() < end:
        time.sleep(0.01)
    return bool(place == 1)
