"""Ablations: CrossGrad with one thing changed at a time, each beside CrossGrad as the paper has it."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crossgrad.comparison import Comparison, Follower, plan
from crossgrad.data import BENCHMARKS, DomainDataset
from crossgrad.experiments.engine import perform_all
from crossgrad.experiments.estimate import step_seconds
from crossgrad.experiments.following import follow_nothing
from crossgrad.experiments.grids import CALIBRATED_BASE
from crossgrad.experiments.settings import Settings
from crossgrad.folders import claim_folder, lock_folder
from crossgrad.methods import PRESETS
from crossgrad.records import Record, read_records
from crossgrad.report.differences import cells_of, difference
from crossgrad.report.numbers import p_value, signed_points
from crossgrad.report.packed_answers import PACKED, pack_answers, unpack_answers
from crossgrad.reproduction.accuracy_tables import accuracies_by_seed, with_error
from crossgrad.reproduction.carrying_out import Cost
from crossgrad.reproduction.paper_table import Cell, PaperTable
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.studies import HANDWRITING, ROTATED_MNIST, Study
from crossgrad.significance import estimate

BASE = "CrossGrad as the paper has it"


@dataclass(frozen=True)
class Ablation:
    """The data and net that variants are compared on.

    Args:
        study: whose data, net and folds are taken.
        most_seeds: of a scale's.
    """

    study: Study
    most_seeds: int

    @property
    def name(self) -> str:
        """Of the folder, in words."""
        return f"ablations on {self.study.name}"

    def place(self, folder: Path) -> Path:
        """Where records lie in the folder of a scale."""
        return folder / "ablations" / self.study.name


ABLATIONS = (Ablation(ROTATED_MNIST, 3), Ablation(HANDWRITING, 5))
"""Three times six angles are more trainings than five of one split."""


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Args:
        question: that it belongs to.
        name: in the table.
        method: in METHODS.
        fields: of the method.
        domain_net_divisor: of the numbers of channels of the domain net; None for the label net's own.
    """

    question: str
    name: str
    method: str = "crossgrad"
    fields: Mapping[str, Any] = field(default_factory=dict)
    domain_net_divisor: int | None = None

    def settings(self, net: str) -> dict[str, Any]:
        """That differ from the scale's, with such a label net."""
        return {"domain_net": f"{net}/{self.domain_net_divisor}"} if self.domain_net_divisor else {}

    def has(self, record: Record) -> bool:
        """Whether a record is of this variant."""
        told = record["settings"]
        return bool(
            record["method"] == self.method
            and told["fields"] == json.loads(json.dumps(Settings().for_method(self.method, self.fields).fields))
            and told.get("domain_net") == self.settings(record["net"]).get("domain_net")
        )


_PAPER = PRESETS["paper"]
_STEP = f"calibrated:{CALIBRATED_BASE}"


def _changed(question: str, name: str, **fields: Any) -> Variant:
    return Variant(question, name, fields={**_PAPER, **fields})


def _steps(question: str, name: str, step: Any, **fields: Any) -> Variant:
    return _changed(question, name, domain_gradient_step=step, label_gradient_step=step, **fields)


VARIANTS = (
    Variant("", BASE, fields=_PAPER),
    Variant("", "ERM", "erm"),
    Variant("", "LabelGrad", "label_grad", {"label_gradient_step": _STEP}),
    Variant(
        "Both nets jointly?",
        "the domain net first, by itself",
        "crossgrad_separate",
        {"domain_gradient_step": _STEP, "condition": True},
    ),
    _changed("Domain features g?", "without g", condition=False),
    _changed("Domain features g?", "the label loss's input gradient through g too", gradient_through_features=True),
    _changed("Domain features g?", "g, but the label net's inputs not moved", label_weight=0.0),
    _changed("Is the domain net moved too?", "the domain net's inputs not moved", domain_weight=0.0),
    Variant("Which direction?", "a random one, as long, without g", "random", {"domain_gradient_step": _STEP}),
    Variant("Which direction?", "none: the same batch twice, without g", "repeat"),
    _steps("How far?", "calibrated, half as far", f"calibrated:{CALIBRATED_BASE / 2:g}"),
    _steps("How far?", "calibrated, twice as far", f"calibrated:{CALIBRATED_BASE * 2:g}"),
    _steps("How far?", "calibrated, 2.5 times as far", f"calibrated:{CALIBRATED_BASE * 2.5:g}"),
    _steps("How far?", "raw, 0.1 times the gradient", 0.1),
    _steps("How far?", "raw, 0.3 times the gradient", 0.3),
    _steps("How far?", "raw, 1 times the gradient", 1.0),
    _steps("Whose gradient?", "of the batch's mean loss, 0.3 times", 0.3, reduction="mean"),
    Variant("Whose gradient?", "as the authors' code: mean, clip 0.1, step 10, no g", fields=PRESETS["authors-code"]),
    Variant("Whose gradient?", "as Dassl: mean, clip 0.1, step 1, no g", fields=PRESETS["dassl"]),
    _changed("Shaped how?", "clipped to 0.1", clip=0.1),
    _changed("Shaped how?", "each example to one L2 norm", norm="l2"),
    _changed("Shaped how?", "each example to one L-infinity norm", norm="linf"),
    _changed("Shaped how?", "signs alone", norm="sign"),
    _changed("How mixed?", "each example moved or not, at random", mixing="examples"),
    _changed("How mixed?", "weights of 0.1", label_weight=0.1, domain_weight=0.1),
    _changed("How mixed?", "weights of 0.9", label_weight=0.9, domain_weight=0.9),
    Variant("How large a domain net?", "half the channels", fields=_PAPER, domain_net_divisor=2),
    Variant("How large a domain net?", "a quarter of the channels", fields=_PAPER, domain_net_divisor=4),
)
"""The first is what the others are compared with. Calibrated steps hold the perturbations' size where a shape or a
reduction changes the gradient's, so that one thing changes."""


def plan_ablation(ablation: Ablation, scale: Scale, folder: Path, dataset: DomainDataset) -> Comparison:
    """The plan: all variants with the first seed, then with the next."""
    study = ablation.study
    net = study.net or BENCHMARKS[study.benchmark].net
    runs = [
        run
        for seed in range(min(scale.n_seeds, ablation.most_seeds))
        for variant in VARIANTS
        for run in plan(
            dataset,
            output=ablation.place(folder),
            methods=[variant.method],
            hold_out=study.hold_out,
            seeds=[seed],
            net=net,
            fields={variant.method: variant.fields},
            **{**scale.settings_for(study.benchmark), **variant.settings(net)},
        ).runs
    ]
    return Comparison(dataset, tuple(runs), ablation.place(folder))


def cost_of_ablation(ablation: Ablation, scale: Scale, folder: Path, dataset: DomainDataset) -> Cost:
    """Count the runs of an ablation and time a few steps of each method."""
    comparison = plan_ablation(ablation, scale, folder, dataset)
    done = _keys_done(comparison)
    left = [run for run in comparison.runs if run.key(dataset) not in done]
    by_method = step_seconds(left, dataset) if left else {}
    seconds = sum(by_method[run.method] * run.n_steps for run in left)
    return Cost(len(comparison.runs), len(comparison.runs) - len(left), seconds)


def _keys_done(comparison: Comparison) -> set[str]:
    file = comparison.folder / "records.jsonl"
    return {record["key"] for record in read_records(file)} if file.exists() else set()


def carry_out_ablation(
    ablation: Ablation,
    scale: Scale,
    folder: Path,
    dataset: DomainDataset,
    *,
    jobs: int,
    engine: str = "local",
    address: str | None = None,
    command: str = "",
    following: Callable[[], AbstractContextManager[Follower | None]] = nullcontext,
) -> None:
    """Do what is not done yet of an ablation.

    Args: as `carry_out_study`.
    """
    comparison = plan_ablation(ablation, scale, folder, dataset)
    keys = [run.key(dataset) for run in comparison.runs]
    with lock_folder(comparison.folder), following() as follower:
        claim_folder(comparison.folder, ours=("records.jsonl", "runs", PACKED), keys=set(keys), overwrite=False)
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
        pack_answers(comparison.folder, read_records(comparison.folder))


def ablation_table(scale: Scale, folder: Path) -> PaperTable:
    """The ablations from the records that are there; what is missing is said in the notes.

    Args:
        scale: that the records are of.
        folder: of the studies at that scale.
    """
    columns = {"question": "Question", "variant": "Variant"}
    rows: list[dict[str, Cell]] = [{"question": variant.question, "variant": variant.name} for variant in VARIANTS]
    notes = [
        f"The first row is CrossGrad with g, calibrated steps of {CALIBRATED_BASE} and weights of 0.5; every other row "
        "changes what it says and nothing else. Nothing was chosen.",
        "Minus: the variant's accuracy minus the first row's, in points; p of a paired t test over test domains, each "
        "by itself, not corrected for the number of variants.",
    ]
    for ablation in ABLATIONS:
        study, n_seeds = ablation.study, min(ablation.most_seeds, scale.n_seeds)
        columns |= {study.name: f"{study.name}, %", f"{study.name}_minus": "Minus", f"{study.name}_p": "p"}
        notes += [f"{study.name}: {study.what}; {n_seeds} seeds.", *_fill(rows, ablation, n_seeds, folder)]
    return PaperTable("Ablations: CrossGrad with one thing changed", columns, tuple(rows), tuple(notes))


def _fill(rows: Sequence[dict[str, Cell]], ablation: Ablation, n_seeds: int, folder: Path) -> list[str]:
    """Write a study's cells into the rows; what is missing."""
    study, place = ablation.study, ablation.place(folder)
    records = read_records(place) if (place / "records.jsonl").exists() else []
    finished = [record for record in records if record["error"] is None]
    answers = unpack_answers(place, finished)
    of_variant = [[record for record in finished if variant.has(record)] for variant in VARIANTS]
    cells = [cells_of(own, variant.method, answers) for variant, own in zip(VARIANTS, of_variant, strict=True)]
    domains = finished[0]["domains"] if finished else ()
    n_folds = len({tuple(record["held_out"]) for record in finished})
    missing = []
    for variant, row, own, found in zip(VARIANTS, rows, of_variant, cells, strict=True):
        by_seed = accuracies_by_seed(own, n_folds)
        if len(by_seed) < n_seeds:
            missing.append(variant.name)
        against = difference(found, cells[0], domains) if variant.name != BASE else None
        row |= {
            study.name: with_error(estimate(list(by_seed.values()))) if by_seed else None,
            f"{study.name}_minus": None if against is None else signed_points(against.comparison.mean),
            f"{study.name}_p": None
            if against is None or against.comparison.p_value is None
            else p_value(against.comparison.p_value),
        }
    if len(missing) == len(VARIANTS):
        return [f"{study.name}: not run."]
    return [f"{study.name}: missing runs of {'; '.join(missing)}."] if missing else []
