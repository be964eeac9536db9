"""Trials: many ways to train, each differing from the others in what it says, on one data set in one folder."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crossgrad.comparison import Comparison, Follower, plan
from crossgrad.data import BENCHMARKS, DomainDataset
from crossgrad.experiments.engine import perform_all
from crossgrad.experiments.estimate import step_seconds
from crossgrad.experiments.following import follow_nothing
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.folders import claim_folder, lock_folder
from crossgrad.records import Record, read_records
from crossgrad.report.packed_answers import packing
from crossgrad.reproduction.carrying_out import Cost
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.studies import Study


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Args:
        question: that it belongs to.
        name: in the table; with the question and the method it is told from all others.
        method: in METHODS.
        fields: of the method.
        settings: that differ from the scale's.
        net: of the labels; None for the study's.
        domain_net_divisor: of the numbers of channels of the domain net; None for the label net's own.
        steps: of the scale's, so many times.
    """

    question: str
    name: str
    method: str = "crossgrad"
    fields: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    net: str | None = None
    domain_net_divisor: int | None = None
    steps: float = 1.0

    @property
    def key(self) -> str:
        """What it is told by."""
        return f"{self.question}/{self.name}/{self.method}"


@dataclass(frozen=True)
class Trials:
    """Variants on one data set.

    Args:
        kind: of trials: their folder, beside that of other kinds.
        study: whose data, net and folds are taken.
        variants: to train.
        most_seeds: of a scale's.
    """

    kind: str
    study: Study
    variants: Sequence[Variant]
    most_seeds: int

    @property
    def name(self) -> str:
        """What they are, in words."""
        return f"{self.kind} on {self.study.name}"

    def place(self, folder: Path) -> Path:
        """Where records lie in the folder of a scale."""
        return folder / self.kind / self.study.name

    def n_seeds(self, scale: Scale) -> int:
        """How many are trained."""
        return min(scale.n_seeds, self.most_seeds)

    def in_words(self, scale: Scale) -> str:
        """What is trained, as a note tells it."""
        n, folds = self.n_seeds(scale), self.study.hold_out
        held_out = {None: "the test domains held out together", "each": "each domain held out in turn"}
        how = held_out.get(folds, f"held out: {folds}")
        return f"{self.study.name}: {self.study.what}; {how}, with {n} seed{'s' * (n > 1)}."

    def net_of(self, variant: Variant, scale: Scale) -> str:
        """Of the labels."""
        return scale.net_for(variant.net or self.study.trunk)

    def settings_of(self, variant: Variant, scale: Scale) -> dict[str, Any]:
        """That differ from the benchmark's own."""
        of_scale = scale.settings_for(self.study.benchmark, variant.net or self.study.trunk)
        settings = {**of_scale, **variant.settings}
        if variant.steps != 1:
            max_steps = {**BENCHMARKS[self.study.benchmark].settings, **of_scale}["max_steps"]
            settings["max_steps"] = max(1, round(variant.steps * max_steps))
        if divisor := variant.domain_net_divisor:
            settings["domain_net"] = scale.net_for(variant.net or self.study.trunk, divisor=divisor)
        return settings

    def has(self, variant: Variant, scale: Scale, record: Record) -> bool:
        """Whether a record is of a variant: it has its method, net and settings, all but the device they ran on."""
        if record["method"] != variant.method or record["net"] != self.net_of(variant, scale):
            return False
        settings = {**BENCHMARKS[self.study.benchmark].settings, **self.settings_of(variant, scale)}
        wanted = Settings.of(settings).for_method(variant.method, variant.fields).to_json()
        found = dict(record["settings"])
        for told in (wanted, found):
            told.pop("device", None)
        return found == wanted


def plan_trials(trials: Trials, scale: Scale, folder: Path, dataset: DomainDataset) -> Comparison:
    """Question by question, so that a stop in between leaves answers that are whole; of a question all variants with
    the first seed, then with the next; variants that are the same at a scale once.
    """
    runs = {
        run.key(dataset): run
        for question in dict.fromkeys(variant.question for variant in trials.variants)
        for seed in range(trials.n_seeds(scale))
        for variant in trials.variants
        if variant.question == question
        for run in plan(
            dataset,
            output=trials.place(folder),
            methods=[variant.method],
            hold_out=trials.study.hold_out,
            seeds=[seed],
            net=trials.net_of(variant, scale),
            fields={variant.method: variant.fields},
            **trials.settings_of(variant, scale),
        ).runs
    }
    return Comparison(dataset, tuple(runs.values()), trials.place(folder))


def cost_of_trials(trials: Trials, scale: Scale, folder: Path, dataset: DomainDataset) -> Cost:
    """Count runs and time a few steps of each method with each of its nets."""
    comparison = plan_trials(trials, scale, folder, dataset)
    done = _keys_done(comparison)
    left = [run for run in comparison.runs if run.key(dataset) not in done]
    kinds: dict[tuple[str, str, str | None], list[Run]] = {}
    for run in left:
        kinds.setdefault((run.method, run.net, run.settings.domain_net), []).append(run)
    seconds = sum(
        step_seconds(of_kind, dataset)[method] * sum(run.n_steps for run in of_kind)
        for (method, *_), of_kind in kinds.items()
    )
    return Cost(len(comparison.runs), len(comparison.runs) - len(left), seconds)


def _keys_done(comparison: Comparison) -> set[str]:
    file = comparison.folder / "records.jsonl"
    return {record["key"] for record in read_records(file)} if file.exists() else set()


def carry_out_trials(
    trials: Trials,
    scale: Scale,
    folder: Path,
    dataset: DomainDataset,
    *,
    jobs: int | None,
    engine: str = "local",
    address: str | None = None,
    command: str = "",
    following: Callable[[], AbstractContextManager[Follower | None]] = nullcontext,
) -> None:
    """Do what is not done yet.

    Args: as `carry_out_study`.
    """
    comparison = plan_trials(trials, scale, folder, dataset)
    keys = [run.key(dataset) for run in comparison.runs]
    with ExitStack() as stack:
        stack.enter_context(lock_folder(comparison.folder))
        claim_folder(comparison.folder, keys=set(keys), overwrite=False)
        stack.enter_context(packing(comparison.folder, is_locked=True))
        follower = stack.enter_context(following())
        done = _keys_done(comparison)
        to_do = [run for run, key in zip(comparison.runs, keys, strict=True) if key not in done]
        if follower is not None:
            follower.plan(comparison, to_do)
        going = perform_all(
            to_do,
            dataset,
            comparison.folder,
            engine=engine,
            address=address,
            jobs=jobs,
            command=command,
            follow=follower.advance if follower is not None else follow_nothing,
        )
        with closing(going) as records:
            for record in records:
                if follower is not None:
                    follower.finish(record)
