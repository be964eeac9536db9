"""Runs on a Ray cluster, of this machine or of many.

Workers train and give back records with the bytes of their artefacts; the process that asked for the runs puts those
into its folder. So machines share nothing but Ray, and one process alone writes.
"""

import os
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from crossgrad.data import DomainDataset
from crossgrad.errors import WorkerLostError
from crossgrad.experiments.following import Follow
from crossgrad.experiments.performing import perform
from crossgrad.experiments.ray_cluster import check_room, connection, first_line, import_ray
from crossgrad.experiments.runs import Run
from crossgrad.folders import folder_made_whole
from crossgrad.records import Record
from crossgrad.training import Stretch

ATTEMPTS = 4
"""How often a run is begun whose worker is lost each time. Ray's own retries have no end where memory runs out."""

SECONDS_BETWEEN_NEWS = 0.1


class RayEngine:
    """Runs on a cluster: several lists of runs, one after another, share the one that is started for them.

    A run takes as many of the cluster's CPUs as it has threads. One whose worker is lost is begun again, elsewhere if
    need be; a run is deterministic, so that changes no record.
    """

    def __init__(
        self,
        dataset: DomainDataset,
        folder: Path,
        *,
        address: str | None,
        jobs: int | None,
        command: str,
        follow: Follow,
    ) -> None:
        """Arguments are those of `perform_all`; nothing is started yet."""
        self._dataset = dataset
        self._folder = folder
        self._address = address
        self._jobs = jobs
        self._command = command
        self._follow = follow
        self._numbers = count()
        self._opened = ExitStack()
        self._cluster: _Cluster | None = None

    def perform(self, runs: Sequence[Run]) -> Generator[Record, None, None]:
        """Carry out runs; yield each one's record when its artefacts are in place in this machine's folder.

        Raises:
            SettingsError: Ray is not installed, there is no cluster, or no machine of it has as many CPUs as a run has
                threads.
            WorkerLostError: a run's worker was lost ATTEMPTS times.
        """
        if not runs:
            return
        threads = max(run.settings.threads for run in runs)
        self._cluster = self._cluster or self._open(threads)
        check_room(self._cluster.ray, threads)
        yield from self._spread(self._cluster, runs)

    def close(self) -> None:
        """End what was started; a cluster that was there stays."""
        self._opened.close()

    def _open(self, threads: int) -> "_Cluster":
        ray = import_ray()
        cpus = max(threads, self._jobs * threads if self._jobs else len(os.sched_getaffinity(0)))
        self._opened.enter_context(connection(ray, self._address, cpus=cpus))
        from ray.util.queue import Queue

        news = Queue(actor_options={"num_cpus": 0})
        self._opened.callback(news.shutdown, force=True)
        return _Cluster(ray, ray.put(self._dataset), news)

    def _spread(self, cluster: "_Cluster", runs: Sequence[Run]) -> Generator[Record, None, None]:
        ray = cluster.ray
        # Numbers are not those of an earlier list, of which news may still come.
        numbered = dict(zip(self._numbers, runs, strict=False))
        waiting = list(reversed(numbered))
        begun = dict.fromkeys(numbered, 0)
        pending: dict[Any, int] = {}
        task = ray.remote(_perform_on_worker)
        try:
            while waiting or pending:
                while waiting and len(pending) < (self._jobs or len(runs)):
                    number = waiting.pop()
                    run = numbered[number]
                    begun[number] += 1
                    options = {"num_cpus": run.settings.threads, "max_retries": 0, "name": "crossgrad run"}
                    started = task.options(**options).remote(number, run, cluster.dataset, self._command, cluster.news)
                    pending[started] = number
                ray.wait(list(pending), timeout=SECONDS_BETWEEN_NEWS)
                for number, stretch in _drain(ray, cluster.news):
                    if number in numbered:
                        self._follow(numbered[number], stretch)
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
                        if artefacts:
                            with folder_made_whole(self._folder / "runs" / record["key"]) as folder:
                                for name, content in artefacts.items():
                                    (folder / name).write_bytes(content)
                        yield record
                if problem is not None:
                    raise problem
        finally:
            # On the way out of an interruption nobody waits for runs to end: what is not recorded is run again.
            for ref in pending:
                ray.cancel(ref, force=True)


@dataclass(frozen=True, eq=False)
class _Cluster:
    """A cluster that this process is connected to, with the dataset and a queue of news in it."""

    ray: ModuleType
    dataset: Any
    news: Any


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


def _lost(error: Exception) -> WorkerLostError:
    lost = WorkerLostError(
        f"a worker was lost {ATTEMPTS} times in the middle of the same run ({first_line(error)}); finished runs are "
        "kept, and the same command goes on from there"
    )
    lost.__cause__ = error
    return lost
