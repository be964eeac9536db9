"""Runs on this machine: one after another in this process, or spread over processes of their own."""

import multiprocessing
import os
import pickle
import queue
import signal
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from crossgrad.data import DomainDataset
from crossgrad.errors import WorkerLostError
from crossgrad.experiments.following import Follow
from crossgrad.experiments.performing import perform, training_folder
from crossgrad.experiments.run_training import checkpoints_in
from crossgrad.experiments.runs import Run
from crossgrad.records import Record
from crossgrad.training import Stretch, Watch


class LocalEngine:
    """Runs on this machine: several lists of runs, one after another, share the processes that are started for one."""

    def __init__(
        self,
        dataset: DomainDataset,
        folder: Path,
        *,
        jobs: int | None,
        command: str,
        checkpoint_every: int | None,
        tensorboard: Path | None,
        follow: Follow,
    ) -> None:
        """Arguments are those of `perform_all`; nothing is started yet."""
        self._dataset = dataset
        self._jobs = jobs or 1
        self._follow = follow
        self._how = _How(folder, command, checkpoint_every, tensorboard)
        self._workers: _Workers | None = None

    def perform(self, runs: Sequence[Run]) -> Generator[Record, None, None]:
        """Carry out runs; yield each one's record when its artefacts are in place.

        Raises:
            WorkerLostError: a process died.
        """
        if min(self._jobs, len(runs)) > 1:
            self._workers = self._workers or _Workers(self._dataset, self._jobs)
            return self._workers.perform(runs, self._how, self._follow)
        return self._perform_here(runs)

    def _perform_here(self, runs: Sequence[Run]) -> Generator[Record, None, None]:
        for run in runs:

            def watch(stretch: Stretch, run: Run = run) -> None:
                self._follow(run, stretch)

            yield self._how.perform(run, self._dataset, watch)

    def close(self) -> None:
        """End the processes; on the way out of an interruption nobody waits for runs to end."""
        if self._workers is not None:
            self._workers.close()


@dataclass(frozen=True)
class _How:
    """What all runs have in common beside their dataset."""

    folder: Path
    command: str
    checkpoint_every: int | None
    tensorboard: Path | None

    def perform(self, run: Run, dataset: DomainDataset, watch: Watch) -> Record:
        training = training_folder(self.folder, run, dataset)
        return perform(
            run,
            dataset,
            self.folder,
            command=self.command,
            watch=watch,
            checkpoints=checkpoints_in(training, run, dataset, every_steps=self.checkpoint_every),
            tensorboard=self.tensorboard,
        )


class _Workers:
    """Processes that have the dataset; at most so many, each started when there is first something to do for it."""

    def __init__(self, dataset: DomainDataset, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        self._news: Any = context.Queue()
        # Pickled by us: tensors would be moved into shared memory, the caller's too; containers have little of it. In a
        # file: what a process is started with goes through a pipe whose reading end Python holds open here too, so that
        # to write more than it takes for a process that died at its start would never end. The file has no name that
        # could outlive us; workers read it by its number here.
        self._dataset_file = tempfile.TemporaryFile()  # noqa: SIM115 - until close()
        pickle.dump(dataset, self._dataset_file)
        self._dataset_file.flush()
        self._until_closed, self._keep_open = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            jobs,
            mp_context=context,
            initializer=_begin_worker,
            initargs=(f"/proc/{os.getpid()}/fd/{self._dataset_file.fileno()}", self._news, self._until_closed),
        )
        self._numbers = count()

    def perform(self, runs: Sequence[Run], how: _How, follow: Follow) -> Generator[Record, None, None]:
        # Numbers are not those of an earlier list, of which news may still come.
        numbered = dict(zip(self._numbers, runs, strict=False))
        pending: set[Future[Record]] = set()
        try:
            with _interruption_held():
                pending |= {self._pool.submit(_perform_in_worker, number, run, how) for number, run in numbered.items()}
            while pending:
                finished, pending = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
                for number, stretch in _drain(self._news):
                    if number in numbered:
                        follow(numbered[number], stretch)
                # Where a worker was lost, what others finished in the same moment is kept first.
                for future in sorted(finished, key=lambda future: future.exception() is not None):
                    yield future.result()
        except BrokenProcessPool as error:
            raise WorkerLostError(
                "a worker process died in the middle of a run (was it killed, or out of memory?); finished runs are "
                "kept, and the same command goes on from there"
            ) from error
        finally:
            for future in pending:
                future.cancel()

    def close(self) -> None:
        # Workers end with it at once: what is not recorded is run again.
        self._keep_open.close()
        self._pool.shutdown(cancel_futures=True)
        self._until_closed.close()
        self._dataset_file.close()


@contextmanager
def _interruption_held() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the workers are started.

    In these both are blocked from their first moment: Ctrl-C is none of theirs, and SIGTERM waits for `_begin_worker`.
    A pool of which one worker ends while it starts another fails in a thread of its own, and no error tells the caller.
    """
    held: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()  # Python interrupts no other
    before = {
        number: signal.signal(number, lambda number, frame: held.append(number))
        for number in ((signal.SIGINT, signal.SIGTERM) if is_main else ())
        if signal.getsignal(number) is not None  # one that is not Python's could not be put back
    }
    # A blocked signal stays blocked in processes started meanwhile; here another thread may take it all the same.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:  # before any error: workers that the same signal ended are no lost ones
            signal.raise_signal(held[0])


def _drain(news: Any) -> Iterator[tuple[int, Stretch]]:
    while True:
        try:
            yield news.get_nowait()
        except queue.Empty:
            return


_worker: dict[str, Any] = {}


def _begin_worker(dataset_file: str, news: Any, until_closed: Connection) -> None:
    threading.Thread(target=_end_with, args=(until_closed,), daemon=True).start()
    with Path(dataset_file).open("rb") as file:
        _worker.update(dataset=pickle.load(file), news=news)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _end_with(until_closed: Connection) -> None:
    """End this process when the other end is closed: by the parent, or by its being killed, which can do no more."""
    until_closed.poll(None)
    os._exit(1)


def _perform_in_worker(number: int, run: Run, how: _How) -> Record:
    def watch(stretch: Stretch) -> None:
        _worker["news"].put((number, stretch))

    return how.perform(run, _worker["dataset"], watch)
