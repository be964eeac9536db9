"""compare(): which method labels unseen domains best here, and is the difference more than chance?"""

import json
import operator
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from crossgrad.building import known, method_name
from crossgrad.data import (
    DomainDataset,
    check_dataset,
    check_split,
    default_protocol,
    held_out_folds,
    left_out_domains,
    split,
)
from crossgrad.defaults import benchmark_of, default_net, default_settings
from crossgrad.errors import SettingsError
from crossgrad.experiments.chosen import Chosen, read_chosen
from crossgrad.experiments.early_stopping import check_early_stopping
from crossgrad.experiments.engine import check_engine, perform_all
from crossgrad.experiments.matching import (
    MATCH_FILE,
    MATCHED,
    WAYS,
    Measured,
    measure,
    passes_of,
    seconds_of,
    with_matched,
)
from crossgrad.experiments.runs import Run, plan_runs
from crossgrad.experiments.settings import Settings
from crossgrad.folders import claim_folder, lock_folder, write_whole
from crossgrad.records import Record, read_records
from crossgrad.report import REPORTS, Artefacts, ReportPaths, Table, read_answers, summarise, write_report
from crossgrad.training import Stretch
from crossgrad.training.tensorboard import check_tensorboard

DEFAULT_METHODS = ("erm", "label_grad", "dann", "crossgrad")
WRITTEN = ("records.jsonl", "runs", MATCH_FILE, *REPORTS)
"""What a comparison leaves in its folder."""


@runtime_checkable
class Follower(Protocol):
    """Who follows a comparison; the command line's draws a progress bar."""

    def plan(self, comparison: "Comparison", to_do: Sequence[Run]) -> None:
        """The folder is ready, and these of the runs are not done yet; training starts."""

    def advance(self, run: Run, stretch: Stretch) -> None:
        """A run has done some more steps."""

    def finish(self, record: Record) -> None:
        """A run has ended, well or with an error."""


class Nobody:
    """The follower of a comparison that nobody follows."""

    def plan(self, comparison: "Comparison", to_do: Sequence[Run]) -> None: ...

    def advance(self, run: Run, stretch: Stretch) -> None: ...

    def finish(self, record: Record) -> None: ...


@dataclass(frozen=True)
class Comparison:
    """A comparison's plan, and once it ran its results.

    Attributes:
        dataset: compared on.
        runs: every method on every fold of held-out domains with every seed.
        folder: where records, artefacts and reports lie.
        measured: seconds of a step that ERM is matched by; None where it is not, or by passes.
    """

    dataset: DomainDataset
    runs: tuple[Run, ...]
    folder: Path
    measured: Measured | None = None

    @property
    def records(self) -> list[Record]:
        """Of the runs that are done, in the order of the plan, whatever order they ended in."""
        found = {record["key"]: record for record in read_records(self.folder)}
        return [found[key] for run in self.runs if (key := run.key(self.dataset)) in found]

    @property
    def table(self) -> Table:
        """The results as numbers."""
        records = self.records
        return summarise(records, read_answers(records, Artefacts(self.folder / "runs")))


def plan(
    dataset: DomainDataset,
    *,
    output: Path | str,
    methods: Sequence[str] = DEFAULT_METHODS,
    hold_out: str | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    net: str | None = None,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
    match: str | None = None,
    chosen: Sequence[Path | str] = (),
    **settings: Any,
) -> Comparison:
    """Plan a comparison and refuse, before anything is trained, what cannot work.

    Args, Raises: as `compare`.
    """
    names = list(dict.fromkeys(method_name(name) for name in ([methods] if isinstance(methods, str) else methods)))
    if not names:
        raise SettingsError("no methods to compare; name at least one")
    if MATCHED in names:
        raise SettingsError(f"{MATCHED} joins a comparison by match: passes or seconds, not by its name")
    if not seeds:
        raise SettingsError("no seeds to run; name at least one")
    asked = {method_name(name): dict(values) for name, values in (fields or {}).items()}
    for name in asked:
        if name not in names:
            raise SettingsError(f"fields are set for {name}, which is not compared; compared are {', '.join(names)}")
    swept = _read_swept(chosen, dataset, names, asked_settings=settings)
    net = net or _common_net(swept) or default_net(dataset)
    benchmark = benchmark_of(dataset)
    of_all = Settings.of(default_settings(dataset) | settings)
    is_as_chosen = (
        benchmark is not None
        and dataset.name == benchmark.name  # with other options it has another name
        and net == benchmark.net
        and of_all == Settings.of(benchmark.settings)
    )
    protocol = hold_out or default_protocol(dataset)
    measured: Measured | None = None

    def planned(methods: Sequence[str]) -> list[Run]:
        return plan_runs(
            folds=held_out_folds(dataset, protocol),
            left_out=left_out_domains(dataset, protocol),
            methods=methods,
            seeds=list(dict.fromkeys(operator.index(seed) for seed in seeds)),
            net=net,
            settings=of_all,
            fields=asked,
            chosen=benchmark.chosen if benchmark and is_as_chosen else {},
            swept=swept,
        )

    runs = planned(names)
    check_dataset(dataset)
    for run in {run.held_out: run for run in runs}.values():
        fraction = run.settings.in_domain_fraction
        parts = split(dataset, run.held_out, in_domain_fraction=fraction, seed=run.seed, left_out=run.left_out)
        check_split(dataset, parts)
        check_early_stopping(run.settings, parts)
    for run in {run.method: run for run in runs}.values():
        run.build(dataset)  # fields out of range and nets that do not take such inputs are told here
    if match is not None:
        erm = planned(["erm"])
        if known("way to match", match, WAYS) == "seconds":
            measured = measure([*runs, *erm], dataset, Path(output) / MATCH_FILE)
            runs = with_matched(runs, erm, seconds_of(measured))
        else:
            runs = with_matched(runs, erm, passes_of([*runs, *erm], dataset))
    return Comparison(dataset, tuple(runs), Path(output), measured)


def _read_swept(
    paths: Sequence[Path | str], dataset: DomainDataset, names: Sequence[str], *, asked_settings: Mapping[str, Any]
) -> dict[str, Chosen]:
    """What sweeps chose, by method, but for the settings that are asked for."""
    found: dict[str, Chosen] = {}
    for path in [paths] if isinstance(paths, Path | str) else paths:
        chosen = read_chosen(path)
        chosen.check_dataset(dataset.name)
        if chosen.method not in names:
            raise SettingsError(f"{str(path)!r} chose for {chosen.method}, which is not compared: {', '.join(names)}")
        if chosen.method in found:
            raise SettingsError(f"settings of {chosen.method} were chosen twice, the second time in {str(path)!r}")
        found[chosen.method] = chosen.without(asked_settings)
    return found


def _common_net(swept: Mapping[str, Chosen]) -> str | None:
    nets = sorted({chosen.net for chosen in swept.values()})
    if len(nets) > 1:
        raise SettingsError(f"settings were chosen with different nets, {', '.join(nets)}; name one to train with")
    return nets[0] if nets else None


def carry_out(
    comparison: Comparison,
    *,
    engine: str = "local",
    address: str | None = None,
    jobs: int | None = None,
    checkpoint_every: int | None = None,
    tensorboard: Path | str | None = None,
    overwrite: bool = False,
    command: str | None = None,
    follower: Follower | None = None,
) -> ReportPaths:
    """Do the runs of a plan that are not done yet, and write the report.

    Args, Raises: as `compare`.
    """
    board = None if tensorboard is None else Path(tensorboard)
    check_engine(engine, address=address, jobs=jobs, checkpoint_every=checkpoint_every, tensorboard=board)
    if board is not None:
        check_tensorboard(board, output=comparison.folder)
    follower = follower or Nobody()
    dataset, folder = comparison.dataset, comparison.folder
    keys = [run.key(dataset) for run in comparison.runs]
    command = command if command is not None else shlex.join(sys.argv)
    command = command.encode(errors="backslashreplace").decode()  # a path may be no valid Unicode, reports are
    with lock_folder(folder):
        claim_folder(folder, ours=WRITTEN, keys=set(keys), overwrite=overwrite, begun=("runs", MATCH_FILE))
        if comparison.measured is not None:
            write_whole(folder / MATCH_FILE, json.dumps(comparison.measured).encode(), overwrite=True)
        done = {record["key"] for record in read_records(folder)} if (folder / "records.jsonl").exists() else set()
        to_do = [run for run, key in zip(comparison.runs, keys, strict=True) if key not in done]
        follower.plan(comparison, to_do)
        going = perform_all(
            to_do,
            dataset,
            folder,
            engine=engine,
            address=address,
            jobs=jobs,
            command=command,
            checkpoint_every=checkpoint_every,
            tensorboard=board,
            follow=follower.advance,
        )
        with closing(going) as records:
            for record in records:
                follower.finish(record)
        return write_report(folder)


def compare(
    dataset: DomainDataset,
    *,
    output: Path | str,
    methods: Sequence[str] = DEFAULT_METHODS,
    hold_out: str | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    net: str | None = None,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
    match: str | None = None,
    chosen: Sequence[Path | str] = (),
    engine: str = "local",
    address: str | None = None,
    jobs: int | None = None,
    checkpoint_every: int | None = None,
    tensorboard: Path | str | None = None,
    overwrite: bool = False,
    follower: Follower | None = None,
    **settings: Any,
) -> Comparison:
    """Train every method with domains held out in turn, measure it on them, and report.

    Runs whose records are in `output` already are not done again, so that an interrupted comparison goes on where
    it stopped.

    Args:
        dataset: of at least three domains.
        output: folder for records.jsonl, runs/, report.html, report.md and report.tex.
        methods: names in METHODS.
        hold_out: "protocol" for a benchmark's own split, "each", a number of folds of domains, or names with commas
            between; by default the benchmark's own split where it has one, else each domain in turn up to ten of
            them, five folds above.
        seeds: of the runs; each run is determined by its settings and seed.
        net: name in NETS or the import path of a trunk's factory; by default the benchmark's own, lenet for
            images and audio, mlp for everything else.
        fields: of methods, by method and field, such as {"crossgrad": {"label_weight": 0.25}}.
        match: "passes" or "seconds": also run ERM with so many steps that it takes as many passes of a net, or as much
            time, as the costliest method compared; it is called erm_matched.
        chosen: folders of sweeps, or their chosen.json: methods take net, settings and fields from them, but for those
            given here.
        engine: "local", processes on this machine, or "ray", a Ray cluster (the extra `ray`).
        address: HOST:PORT of a running Ray cluster, or "auto" for the one that this machine is part of; by default one
            is started on this machine.
        jobs: runs at once; by default 1, with Ray as many as the cluster's CPUs allow. More than 1 with the local
            engine needs the script's entry guarded by `if __name__ == "__main__":`.
        checkpoint_every: steps from one checkpoint of a run to the next; None for one a minute. A run that was cut off
            goes on from its last one. The engine ray has none.
        tensorboard: folder of TensorBoard's event files (the extra `tracking`), a folder in it for each run, outside
            `output`; with the local engine. None writes none.
        overwrite: delete what an earlier comparison left in `output`.
        follower: told of the runs as they go.
        **settings: of all runs, by the names of `Settings`: max_steps, batch_size, learning_rate, ...

    Returns:
        The comparison, whose `table` holds the results as numbers.

    Raises:
        CrossGradError: something does not go together; before anything is trained.

    Example:
        >>> import tempfile
        >>> from crossgrad.data import open_dataset
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result = compare(
        ...         open_dataset("digits"), output=folder, methods=["erm"], hold_out="0", seeds=[0], max_steps=20
        ...     )
        ...     accuracy = result.table.rows[0].mean.value
        >>> 0.1 < accuracy < 1
        True
    """
    comparison = plan(
        dataset,
        output=output,
        methods=methods,
        hold_out=hold_out,
        seeds=seeds,
        net=net,
        fields=fields,
        match=match,
        chosen=chosen,
        **settings,
    )
    carry_out(
        comparison,
        engine=engine,
        address=address,
        jobs=jobs,
        checkpoint_every=checkpoint_every,
        tensorboard=tensorboard,
        overwrite=overwrite,
        follower=follower,
    )
    return comparison
