"""What the records of a study say: accuracies by seed, differences between methods, what failed."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

from crossgrad.errors import RecordError
from crossgrad.records import Record, read_records
from crossgrad.report.differences import Cells, cells_of, difference, over_examples
from crossgrad.report.fields import check_whole
from crossgrad.report.packed_answers import unpack_answers
from crossgrad.report.rows import Difference
from crossgrad.reproduction.carrying_out import COMPARISON
from crossgrad.reproduction.studies import Study
from crossgrad.significance import Comparison, Estimate, estimate, paired_t

LARGER_P = (
    "p, each comparison's own and not corrected for their number: the larger of a paired t test's over test domains "
    "and of one's over seeds. Over domains alone it would be too sure where these were measured with the same models, "
    "over seeds alone it would speak of these domains only."
)
"""What tables say of `Found.larger_p`."""


@dataclass(frozen=True, eq=False)
class Found:
    """The records of one study, or of several pooled.

    Attributes:
        accuracies: over all examples of the held-out domains, in per cent, of each method by seed; of several folds
            the mean.
        cells: of each method, by domain and seed.
        domains: names, in the data's order.
        failed: of each method, seeds with what went wrong.
        run: of each method, seeds of which no fold is missing, whether it failed or not.
        shares_models: whether domains were held out together, and so measured with the same models.
        repeats: whether every domain shows the same objects in the same order.
        n_records: that there are, those of seeds that lack a fold yet among them.
    """

    accuracies: Mapping[str, Mapping[int, float]]
    cells: Mapping[str, Cells]
    domains: Sequence[str]
    failed: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    run: Mapping[str, Collection[int]] = field(default_factory=dict)
    shares_models: bool = False
    repeats: bool = False
    n_records: int = 0

    def of(self, method: str) -> Estimate | None:
        """A method's accuracy: the mean over seeds and its standard error; None where it has no finished run."""
        values = list(self.accuracies.get(method, {}).values())
        return estimate(values) if values else None

    def against(self, method: str, other: str) -> Difference | None:
        """One method minus another; None where they share no domain and seed."""
        if method not in self.cells or other not in self.cells:
            return None
        return difference(self.cells[method], self.cells[other], self.domains)

    def over_seeds(self, method: str, other: str) -> Comparison | None:
        """One method minus another in points, a paired t test over seeds, domains averaged; None as above."""
        own, others = self.cells.get(method, {}), self.cells.get(other, {})
        by_seed: dict[int, list[float]] = {}
        for place in own:
            if place in others:
                by_seed.setdefault(place[1], []).append(100 * (own[place].accuracy - others[place].accuracy))
        return paired_t([fmean(values) for values in by_seed.values()]) if by_seed else None

    def over_examples(self, method: str, other: str) -> Comparison | None:
        """One method minus another in points, the matched pairs test over examples; None where they share no domain
        and seed, or predictions are not at hand.
        """
        if method not in self.cells or other not in self.cells:
            return None
        return over_examples(self.cells[method], self.cells[other], self.domains, repeats=self.repeats)

    def gain_in_accuracy(self, method: str) -> float | None:
        """A method's accuracy minus ERM's, over the seeds that both have; None where there are none. Where domains have
        unequally many examples this is another mean than that of `against`.
        """
        own, others = self.accuracies.get(method, {}), self.accuracies.get("erm", {})
        differences = [own[seed] - others[seed] for seed in own if seed in others]
        return fmean(differences) if differences else None

    def larger_p(self, method: str, other: str) -> float | None:
        """Of the tests over domains and over seeds, as LARGER_P says; None where neither can be made, and for a single
        seed of domains that share their models: over these alone any luck of that training would look sure.

        Of several folds of several domains each, and of several studies pooled, the test over their means is a third:
        domains of one fold share their models, and where a gain differs from study to study, domains of one study are
        no independent ones.
        """
        against, over_seeds = self.against(method, other), self.over_seeds(method, other)
        if against is None or over_seeds is None or (self.shares_models and over_seeds.p_value is None):
            return None
        found = (against.comparison.p_value, over_seeds.p_value, against.fold_p)
        return max((p for p in found if p is not None), default=None)


def found_in(study: Study, folder: Path, *, held_out: Sequence[str] | None = None) -> Found:
    """Read a study's records from the folder of its scale; empty where there are none.

    Args:
        study: whose.
        folder: of all studies at the scale.
        held_out: the fold that counts; None: all.
    """
    place = folder / study.name / COMPARISON
    records = whole_records(place)
    of_folds = [record for record in records if held_out is None or set(record["held_out"]) == set(held_out)]
    finished = [record for record in of_folds if record["error"] is None]
    failed: dict[str, dict[int, str]] = {}
    for record in of_folds:
        if record["error"] is not None:
            failed.setdefault(record["method"], {})[record["seed"]] = record["error"]["message"]
    domains = finished[0]["domains"] if finished else ()
    n_folds = study.n_folds(of_folds[0]["domains"]) if of_folds and held_out is None else 1
    by_method = {
        method: of_whole_seeds([record for record in finished if record["method"] == method], n_folds)
        for method in {record["method"] for record in finished}
    }
    run = {
        method: seeds_in(of_whole_seeds([record for record in of_folds if record["method"] == method], n_folds))
        for method in {record["method"] for record in of_folds}
    }
    answers = unpack_answers(place, finished)
    return Found(
        accuracies={method: accuracies_by_seed(of_method) for method, of_method in by_method.items()},
        cells={method: cells_of(of_method, method, answers) for method, of_method in by_method.items()},
        domains=domains,
        failed=failed,
        run=run,
        shares_models=any(len(record["held_out"]) > 1 for record in finished),
        repeats=study.repeats,
        n_records=len(of_folds),
    )


def pooled(found: Mapping[str, Found]) -> Found:
    """Several studies as one, of the methods and seeds that all of them have; one study as it is.

    Args:
        found: by the study's name. Domains take it before their own: "01" of two studies is two domains.
    """
    if len(found) == 1:
        return next(iter(found.values()))
    parts = list(found.values())
    methods = set.intersection(*(set(part.cells) for part in parts))
    seeds = {method: set.intersection(*(set(part.accuracies[method]) for part in parts)) for method in methods}
    return Found(
        accuracies={
            method: {seed: fmean(part.accuracies[method][seed] for part in parts) for seed in sorted(seeds[method])}
            for method in methods
        },
        cells={
            method: {
                (f"{name}/{domain}", seed): replace(cell, fold=tuple(f"{name}/{each}" for each in cell.fold))
                for name, part in found.items()
                for (domain, seed), cell in part.cells[method].items()
                if seed in seeds[method]
            }
            for method in methods
        },
        domains=[f"{name}/{domain}" for name, part in found.items() for domain in part.domains],
        failed={
            method: {seed: error for part in parts for seed, error in part.failed.get(method, {}).items()}
            for method in {method for part in parts for method in part.failed}
        },
        run={
            method: set.intersection(*(set(part.run.get(method, ())) for part in parts))
            for method in {method for part in parts for method in part.run}
        },
        shares_models=any(part.shares_models for part in parts),
        n_records=sum(part.n_records for part in parts),
    )


def of_whole_seeds(records: Sequence[Record], n_folds: int) -> list[Record]:
    """Without those of seeds that lack a fold yet: a mean over other domains would be of something else.

    Args:
        records: of one way to train, of each seed and fold one.
        n_folds: how many there are.
    """
    folds_of = Counter(record["seed"] for record in records)
    return [record for record in records if folds_of[record["seed"]] == n_folds]


def whole_records(folder: Path) -> list[Record]:
    """The records in a folder, each with all that tables need; none where none were written.

    Raises:
        RecordError: one is damaged.
    """
    records = read_records(folder) if (folder / "records.jsonl").exists() else []
    for record in records:
        check_whole(record)
        if record["error"] is None and "accuracy" not in (record["out_of_domain"] or {}):
            raise RecordError(
                f"record {record.get('key')!r} is of a finished run and has no accuracy on held-out domains"
            )
    return records


def seeds_in(records: Sequence[Record]) -> set[int]:
    """Of which records are."""
    return {record["seed"] for record in records}


def accuracies_by_seed(records: Sequence[Record]) -> dict[int, float]:
    """Accuracies over all examples of held-out domains, in per cent, the mean over folds.

    Args:
        records: of one way to train, finished, with all folds of each seed.
    """
    by_seed: dict[int, list[float]] = {}
    for record in records:
        by_seed.setdefault(record["seed"], []).append(100 * record["out_of_domain"]["accuracy"])
    return {seed: fmean(values) for seed, values in by_seed.items()}
