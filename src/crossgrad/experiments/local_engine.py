"""Runs on this machine: one after another in this process, or spread over processes of their own."""

import multiprocessing
import os
import pickle
import queue
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
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
from crossgrad.training import Stretch
from crossgrad.training.checkpoints import Checkpoints


def perform_here(
    runs: Sequence[Run],
    dataset: DomainDataset,
    folder: Path,
    *,
    command: str,
    checkpoint_every: int | None,
    tensorboard: Path | None,
    follow: Follow,
) -> Generator[Record, None, None]:
    """Carry out runs one after another; yield each one's record when its artefacts are in place."""
    for run in runs:

        def watch(stretch: Stretch, run: Run = run) -> None:
            follow(run, stretch)

        yield perform(
            run,
            dataset,
            folder,
            command=command,
            watch=watch,
            checkpoints=_checkpoints(run, dataset, folder, checkpoint_every),
            tensorboard=tensorboard,
        )


def perform_in_processes(
    runs: Sequence[Run],
    dataset: DomainDataset,
    folder: Path,
    *,
    jobs: int,
    command: str,
    checkpoint_every: int | None,
    tensorboard: Path | None,
    follow: Follow,
) -> Generator[Record, None, None]:
    """Carry out runs, so many at once; yield each one's record when its artefacts are in place.

    Raises:
        WorkerLostError: a process died.
    """
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    news: Any = context.Queue()
    # Tensors would be moved into shared memory, the caller's too; containers have little of it.
    pickled = pickle.dumps(dataset)
    until_closed, keep_open = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        min(jobs, len(runs)), mp_context=context, initializer=_begin_worker, initargs=(pickled, news, until_closed)
    )
    try:
        with _interruption_held():
            pending: set[Future[Record]] = {
                pool.submit(_perform_in_worker, number, run, folder, command, checkpoint_every, tensorboard)
                for number, run in enumerate(runs)
            }
        while pending:
            finished, pending = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
            for number, stretch in _drain(news):
                follow(runs[number], stretch)
            # Where a worker was lost, what others finished in the same moment is kept first.
            for future in sorted(finished, key=lambda future: future.exception() is not None):
                yield future.result()
    except BrokenProcessPool as error:
        raise WorkerLostError(
            "a worker process died in the middle of a run (was it killed, or out of memory?); finished runs are "
            "kept, and the same command goes on from there"
        ) from error
    finally:
        # On the way out of an interruption nobody waits for runs to end: what is not recorded is run again.
        keep_open.close()
        pool.shutdown(cancel_futures=True)
        until_closed.close()


@contextmanager
def _interruption_held() -> Iterator[None]:
    """Ctrl-C waits until the workers are started, which inherit that it is none of theirs from their first moment."""
    held: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()  # Python interrupts no other
    before = signal.signal(signal.SIGINT, lambda number, frame: held.append(number)) if is_main else None
    # A blocked signal stays blocked in processes started meanwhile; here another thread may take it all the same.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if before is not None:
            signal.signal(signal.SIGINT, before)
    if held:
        signal.raise_signal(signal.SIGINT)


def _drain(news: Any) -> Iterator[tuple[int, Stretch]]:
    while True:
        try:
            yield news.get_nowait()
        except queue.Empty:
            return


def _checkpoints(run: Run, dataset: DomainDataset, folder: Path, checkpoint_every: int | None) -> Checkpoints:
    return checkpoints_in(training_folder(folder, run, dataset), run, dataset, every_steps=checkpoint_every)


_worker: dict[str, Any] = {}


def _begin_worker(pickled: bytes, news: Any, until_closed: Connection) -> None:
    threading.Thread(target=_end_with, args=(until_closed,), daemon=True).start()
    _worker.update(dataset=pickle.loads(pickled), news=news)


def _end_with(until_closed: Connection) -> None:
    """End this process when the other end is closed: by the parent, or by its being killed, which can do no more."""
    until_closed.poll(None)
    os._exit(1)


def _perform_in_worker(
    number: int, run: Run, folder: Path, command: str, checkpoint_every: int | None, tensorboard: Path | None
) -> Record:
    dataset = _worker["dataset"]

    def watch(stretch: Stretch) -> None:
        _worker["news"].put((number, stretch))

    return perform(
        run,
        dataset,
        folder,
        command=command,
        watch=watch,
        checkpoints=_checkpoints(run, dataset, folder, checkpoint_every),
        tensorboard=tensorboard,
    )
