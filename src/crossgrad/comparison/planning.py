"""Which runs a comparison is: every method on every fold with every seed, and what cannot work refused."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crossgrad.building import check_takes_unlabelled, known, method_name
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
from crossgrad.experiments.matching import (
    MATCHED,
    WAYS,
    Measured,
    measure,
    passes_of,
    seconds_of,
    with_matched,
)
from crossgrad.experiments.runs import Run, plan_runs
from crossgrad.experiments.settings import WHERE, Settings
from crossgrad.folders import MATCH_FILE
from crossgrad.records import Record, read_records
from crossgrad.report import Artefacts, Table, read_answers, summarise

DEFAULT_METHODS = ("erm", "label_grad", "dann", "crossgrad")


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
    for name in names:
        if dataset.unlabelled is not None:
            check_takes_unlabelled(name)
    for name in asked:
        if name not in names:
            raise SettingsError(f"fields are set for {name}, which is not compared; compared are {', '.join(names)}")
    swept = _read_swept(chosen, dataset, names, asked_settings=settings)
    net = net or _common_net(swept) or default_net(dataset)
    benchmark = benchmark_of(dataset)
    of_all = Settings.of(default_settings(dataset) | settings)
    is_as_chosen = benchmark is not None and (
        dataset.name == benchmark.name  # with other options it has another name
        and net == benchmark.net
        and not set(settings) & benchmark.chosen_settings
        and of_all == replace(Settings.of(benchmark.settings), **{name: getattr(of_all, name) for name in WHERE})
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
            runs = with_matched(runs, erm, seconds_of(measured, [*runs, *erm], dataset))
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
        chosen.check_dataset(dataset)
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
