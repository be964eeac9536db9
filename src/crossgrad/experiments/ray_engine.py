"""Runs on a Ray cluster, of this machine or of many.

Workers train and give back records with the bytes of their artefacts; the process that asked for the runs puts those
into its folder. So machines share nothing but Ray, and one process alone writes.
"""

import importlib
import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from crossgrad.data import DomainDataset
from crossgrad.errors import SettingsError, WorkerLostError
from crossgrad.experiments.following import Follow
from crossgrad.experiments.performing import perform
from crossgrad.experiments.runs import Run
from crossgrad.folders import write_folder_whole
from crossgrad.records import Record
from crossgrad.training import Stretch

ATTEMPTS = 4
"""How often a run is begun whose worker is lost each time. Ray's own retries have no end where memory runs out."""

SECONDS_BETWEEN_NEWS = 0.1
SECONDS_TO_ANSWER = 10


def perform_on_ray(
    runs: Sequence[Run],
    dataset: DomainDataset,
    folder: Path,
    *,
    address: str | None,
    jobs: int | None,
    command: str,
    follow: Follow,
) -> Generator[Record, None, None]:
    """Carry out runs on a cluster; yield each one's record when its artefacts are in place in this machine's folder.

    A run takes as many of the cluster's CPUs as it has threads. One whose worker is lost is begun again, elsewhere if
    need be; a run is deterministic, so that changes no record.

    Arguments are those of `perform_all`.

    Raises:
        SettingsError: Ray is not installed, there is no cluster, no machine of it has as many CPUs as a run has
            threads, or what is installed on it is not what is installed here.
        WorkerLostError: a run's worker was lost ATTEMPTS times.
    """
    if not runs:
        return
    ray = _import_ray()
    threads = max(run.settings.threads for run in runs)
    cpus = max(threads, jobs * threads if jobs else len(os.sched_getaffinity(0)))
    with _connection(ray, address, cpus=cpus):
        _check_room(ray, threads)
        yield from _spread(ray, runs, dataset, folder, min(jobs or len(runs), len(runs)), command, follow)


def _spread(
    ray: ModuleType, runs: Sequence[Run], dataset: DomainDataset, folder: Path, jobs: int, command: str, follow: Follow
) -> Generator[Record, None, None]:
    from ray.util.queue import Queue

    news = Queue(actor_options={"num_cpus": 0})
    kept = ray.put(dataset)
    keys = [run.key(dataset) for run in runs]
    waiting = list(reversed(range(len(runs))))
    begun = [0] * len(runs)
    pending: dict[Any, int] = {}
    task = ray.remote(_perform_on_worker)
    try:
        while waiting or pending:
            while waiting and len(pending) < jobs:
                number = waiting.pop()
                begun[number] += 1
                options = {"num_cpus": runs[number].settings.threads, "max_retries": 0, "name": "crossgrad run"}
                pending[task.options(**options).remote(number, runs[number], kept, command, news)] = number
            ray.wait(list(pending), timeout=SECONDS_BETWEEN_NEWS)
            for number, stretch in _drain(ray, news):
                follow(runs[number], stretch)
            # Where a run cannot go on, what others finished in the same moment is kept first.
            finished, _ = ray.wait(list(pending), num_returns=len(pending), timeout=0)
            problem: BaseException | None = None
            for ref in finished:
                number = pending.pop(ref)
                try:
                    record, artefacts = ray.get(ref)
                except ray.exceptions.RayTaskError as error:
                    problem = error.cause or error  # raised by our own code, and would be again
                except ray.exceptions.RayError as error:
                    waiting.append(number)
                    if begun[number] == ATTEMPTS:
                        problem = _lost(error)
                else:
                    _check_same(record, keys[number], runs[number])
                    if artefacts:
                        write_folder_whole(folder / "runs" / record["key"], artefacts)
                    yield record
            if problem is not None:
                raise problem
    finally:
        # On the way out of an interruption nobody waits for runs to end: what is not recorded is run again.
        for ref in pending:
            ray.cancel(ref, force=True)
        news.shutdown(force=True)


def _perform_on_worker(
    number: int, run: Run, dataset: DomainDataset, command: str, news: Any
) -> tuple[Record, dict[str, bytes]]:
    """The record, and the contents of its artefacts' files by their names."""
    from ray.exceptions import RayError

    def watch(stretch: Stretch) -> None:
        with suppress(RayError):  # news can be lost with the machine that keeps them; the run goes on without
            news.put_nowait((number, stretch))

    with tempfile.TemporaryDirectory(prefix="crossgrad-") as name:
        record = perform(run, dataset, Path(name), command=command, watch=watch)
        artefacts = Path(name, "runs", record["key"])
        files = sorted(artefacts.iterdir()) if artefacts.is_dir() else []
        return record, {file.name: file.read_bytes() for file in files}


def _drain(ray: ModuleType, news: Any) -> list[tuple[int, Stretch]]:
    try:
        found: list[tuple[int, Stretch]] = news.get_nowait_batch(news.qsize())
    except ray.exceptions.RayError:
        return []
    return found


def _check_same(record: Record, key: str, run: Run) -> None:
    if record["key"] != key:
        raise SettingsError(
            f"a worker trained something else than was asked for: its crossgrad, or its {run.net!r}, is another than "
            "the one here; install the same on all machines of the cluster"
        )


def _check_room(ray: ModuleType, threads: int) -> None:
    """A task that asks for more CPUs than any machine has would wait for ever."""
    most = max(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])
    if threads > most:
        raise SettingsError(f"a run has {threads} threads, and no machine of the cluster more than {most:.0f} CPUs")


def _lost(error: Exception) -> WorkerLostError:
    lost = WorkerLostError(
        f"a worker was lost {ATTEMPTS} times in the middle of the same run ({_first_line(error)}); finished runs are "
        "kept, and the same command goes on from there"
    )
    lost.__cause__ = error
    return lost


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).strip()


@contextmanager
def _connection(ray: ModuleType, address: str | None, *, cpus: int) -> Iterator[None]:
    """Connect to a cluster, or start one, and leave the process as it was."""
    if ray.is_initialized():
        if address is not None:
            raise SettingsError(
                f"this process is connected to a Ray cluster already; leave the address {address!r} out to use that "
                "one, or ray.shutdown() first"
            )
        yield
        return
    start = {"num_cpus": cpus, "include_dashboard": False} if address is None else {}
    try:
        with _signals_kept(), _environment(RAY_USAGE_STATS_ENABLED="0"):
            _begin(ray, address or "local", log_to_driver=False, logging_level=logging.ERROR, **start)
        yield
    finally:
        ray.shutdown()


def _begin(ray: ModuleType, address: str, **options: Any) -> None:
    host, _, port = address.rpartition(":")
    try:
        if host and port.isdecimal():  # Ray itself goes on trying for minutes where nobody answers
            socket.create_connection((host.removeprefix("ray://").strip("[]"), int(port)), SECONDS_TO_ANSWER).close()
        ray.init(address=address, **options)
    except (OSError, ValueError, RuntimeError, OverflowError) as error:  # nobody there, no address, another version
        raise SettingsError(
            f"cannot use a Ray cluster at {address!r}: {_first_line(error)}; start one by `ray start --head`, or leave "
            "the address out to start one for these runs"
        ) from error


def _import_ray() -> ModuleType:
    # Ray prints what its daemons say of a lost worker to standard output, which is for results.
    with _environment(RAY_DEDUP_LOGS_SKIP_REGEX=".*"):
        try:
            return importlib.import_module("ray")
        except ImportError as error:
            raise SettingsError("the engine ray needs Ray: pip install 'crossgrad[ray]'") from error


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Environment variables set meanwhile, where the user has not set them otherwise."""
    mine = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name in mine:
            os.environ.pop(name, None)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes over SIGTERM of the process that starts it."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
