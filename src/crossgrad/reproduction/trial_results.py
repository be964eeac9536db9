"""What the records of trials say, variant by variant."""

from functools import cached_property
from pathlib import Path

from crossgrad.records import Record, read_records
from crossgrad.report.differences import cells_of
from crossgrad.report.numbers import p_value, signed_points
from crossgrad.report.packed_answers import unpack_answers
from crossgrad.report.rows import Difference
from crossgrad.reproduction.found import Found, accuracies_by_seed, of_whole_seeds
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.trials import Trials, Variant
from crossgrad.significance import Estimate

P = (
    "p: the larger of a paired t test's over test domains and of one's over seeds, where there are several; each by "
    "itself, not corrected for their number."
)
"""What tables of trials say of their p-values."""


class Results:
    """The records of trials that are there, by variant.

    Args:
        trials: of which.
        scale: that the records are of.
        folder: of the studies at that scale.
    """

    def __init__(self, trials: Trials, scale: Scale, folder: Path) -> None:
        place = trials.place(folder)
        records = read_records(place) if (place / "records.jsonl").exists() else []
        self._finished = [record for record in records if record["error"] is None]
        self._failed = [record for record in records if record["error"] is not None]
        self._trials, self._scale = trials, scale
        self._answers = unpack_answers(place, self._finished)

    def of(self, variant: Variant) -> Estimate | None:
        """A variant's accuracy in per cent over all examples of held-out domains, the mean over seeds; None without."""
        return self._found.of(variant.key)

    def against(self, variant: Variant, other: Variant) -> Difference | None:
        """One minus the other; None where they share no domain and seed."""
        return self._found.against(variant.key, other.key)

    def gain(self, variant: Variant, other: Variant) -> str | None:
        """One minus the other in points and, in brackets, p; None where they share no domain and seed."""
        against, p = self.against(variant, other), self.larger_p(variant, other)
        if against is None:
            return None
        return signed_points(against.comparison.mean) + ("" if p is None else f" ({p_value(p)})")

    def larger_p(self, variant: Variant, other: Variant) -> float | None:
        """As `Found.larger_p`."""
        return self._found.larger_p(variant.key, other.key)

    def records(self, variant: Variant) -> list[Record]:
        """Of a variant's finished runs, those of whole seeds."""
        own = [record for record in self._finished if self._trials.has(variant, self._scale, record)]
        return of_whole_seeds(own, self._trials.study.n_folds(own[0]["domains"])) if own else []

    @cached_property
    def _found(self) -> Found:
        """By the variants' keys."""
        records = {variant.key: self.records(variant) for variant in self._trials.variants}
        trained = {key: of_variant for key, of_variant in records.items() if of_variant}
        return Found(
            accuracies={key: accuracies_by_seed(of_variant) for key, of_variant in trained.items()},
            cells={
                key: cells_of(of_variant, of_variant[0]["method"], self._answers) for key, of_variant in trained.items()
            },
            domains=self._finished[0]["domains"] if self._finished else (),
        )

    @cached_property
    def missing(self) -> list[Variant]:
        """Variants that lack runs which did not fail."""
        n_seeds = self._trials.n_seeds(self._scale)
        return [
            variant
            for variant in self._trials.variants
            if len({record["seed"] for record in [*self.records(variant), *self._failed_of(variant)]}) < n_seeds
        ]

    def in_words(self) -> list[str]:
        """Sentences on which runs are missing, by the question they answer, and which failed; none where none did."""
        study = self._trials.study.name
        if not self._finished and not self._failed:
            return [f"{study}: not run."]
        by_question: dict[str, list[str]] = {}
        for variant in self.missing:
            by_question.setdefault(variant.question, []).append(variant.name)
        missing = [", ".join(names) + _of(question) for question, names in by_question.items()]
        failed = [
            f"{variant.name}{_of(variant.question)}, seed {record['seed']}: {record['error']['message']}"
            for variant in self._trials.variants
            for record in self._failed_of(variant)
        ]
        return [
            *([f"{study}: missing runs of {'; '.join(missing)}."] if missing else []),
            *([f"{study}: failed runs, which are in no number: {'; '.join(failed)}."] if failed else []),
        ]

    def _failed_of(self, variant: Variant) -> list[Record]:
        return [record for record in self._failed if self._trials.has(variant, self._scale, record)]


def _of(question: str) -> str:
    return f" ({question})" if question else ""
