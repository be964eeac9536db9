"""Where runs run: the one function that carries them out, here or elsewhere, and writes their records."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from crossgrad.building import known
from crossgrad.data import DomainDataset
from crossgrad.errors import SettingsError
from crossgrad.experiments.following import Follow, follow_nothing, warning
from crossgrad.experiments.local_engine import LocalEngine
from crossgrad.experiments.ray_engine import RayEngine
from crossgrad.experiments.runs import Run
from crossgrad.records import Record, append_record

ENGINES = ("local", "ray")
"""Processes on this machine; or a Ray cluster, of this machine or of many."""

Perform = Callable[[Sequence[Run]], Generator[Record, None, None]]
"""Carries out runs, appends each one's record to the folder's records.jsonl as it ends, and yields it."""


def perform_all(
    runs: Sequence[Run],
    dataset: DomainDataset,
    folder: Path,
    *,
    engine: str = "local",
    address: str | None = None,
    jobs: int | None = None,
    command: str = "",
    checkpoint_every: int | None = None,
    tensorboard: Path | None = None,
    follow: Follow = follow_nothing,
) -> Generator[Record, None, None]:
    """Carry out runs, append each one's record to folder/records.jsonl as it ends, and yield it.

    Where runs run and which go at once changes no record: each has its own seed, threads and process state. Whoever
    calls this for runs of their own planning gets every engine by passing on `engine` and `address`; and holds
    `crossgrad.folders.lock_folder(folder)` from the moment they look at what is done until the last record.

    Args:
        runs: not done before.
        dataset: of all of them.
        folder: exists.
        engine: one of ENGINES.
        address: of a running Ray cluster, HOST:PORT, or "auto" for the one that this machine is part of; none starts
            one on this machine, which ends with the runs. A cluster that this process is connected to already is used.
        jobs: how many go at once. By default one with the local engine, which needs no further process; more need, as
            always with processes that are started afresh, that a script calling this guards its entry by
            `if __name__ == "__main__":`. By default as many as its CPUs allow with Ray.
        command: that asked for them.
        checkpoint_every: steps from one checkpoint of a run to the next; None for one a minute. A run that was cut off
            goes on from its last one. With Ray there are none: a run whose worker is lost begins again.
        tensorboard: folder of event files, a folder in it for each run; None writes none. Not with Ray.
        follow: called as they train. What is wrong with a training is a TrainingWarning besides.

    Raises:
        SettingsError: no such engine, or no cluster there; or a worker has another crossgrad, or another file of one's
            own net, than this process.
        WorkerLostError: a process died, with Ray several times in one run; what is done is kept, and the rest can be
            run again.
    """
    with opened_engine(
        dataset,
        folder,
        engine=engine,
        address=address,
        jobs=jobs,
        command=command,
        checkpoint_every=checkpoint_every,
        tensorboard=tensorboard,
        follow=follow,
    ) as perform:
        yield from perform(runs)


@contextmanager
def opened_engine(
    dataset: DomainDataset,
    folder: Path,
    *,
    engine: str = "local",
    address: str | None = None,
    jobs: int | None = None,
    command: str = "",
    checkpoint_every: int | None = None,
    tensorboard: Path | None = None,
    follow: Follow = follow_nothing,
) -> Iterator[Perform]:
    """Carry out several lists of runs, each planned when the one before has ended, as `perform_all` does one.

    Processes, or a cluster, are started when there is first something to do for them, and serve all lists.

    Args, Raises: as `perform_all`.
    """
    check_engine(engine, address=address, jobs=jobs, checkpoint_every=checkpoint_every, tensorboard=tensorboard)
    follow = warning(follow)
    opened: LocalEngine | RayEngine
    if engine == "ray":
        opened = RayEngine(dataset, folder, address=address, jobs=jobs, command=command, follow=follow)
    else:
        opened = LocalEngine(
            dataset,
            folder,
            jobs=jobs,
            command=command,
            checkpoint_every=checkpoint_every,
            tensorboard=tensorboard,
            follow=follow,
        )

    def perform(runs: Sequence[Run]) -> Generator[Record, None, None]:
        keys = {run.key(dataset) for run in runs}
        # Closed at once, not when the last reference to an interruption's traceback is gone.
        with closing(opened.perform(runs)) as records:
            for record in records:
                if record["key"] not in keys:
                    raise SettingsError(
                        "a worker trained something else than was asked for: its crossgrad, or the file of its "
                        f"{record['net']!r}, is another than the one here; leave it as it is while runs go on, and "
                        "install the same on all machines of a cluster"
                    )
                append_record(folder / "records.jsonl", record)
                yield record

    with closing(opened):
        yield perform


def check_engine(
    engine: str,
    *,
    address: str | None,
    jobs: int | None,
    checkpoint_every: int | None = None,
    tensorboard: Path | None = None,
) -> None:
    """Refuse, before anything is done, what does not go together.

    Raises:
        SettingsError: says what.
    """
    known("engine", engine, ENGINES)
    if address is not None and engine != "ray":
        raise SettingsError(f"an address is for the engine ray, and the engine is {engine}")
    if jobs is not None and jobs < 1:
        raise SettingsError(f"jobs is at least 1, not {jobs!r}")
    if checkpoint_every is not None and engine == "ray":
        raise SettingsError("runs on Ray have no checkpoints: leave checkpoint_every out, or take the local engine")
    if tensorboard is not None and engine == "ray":
        raise SettingsError("runs on Ray write nothing for TensorBoard; leave it out, or take the local engine")
    if checkpoint_every is not None and checkpoint_every < 1:
        raise SettingsError(f"checkpoint_every is at least 1 step, not {checkpoint_every!r}")
