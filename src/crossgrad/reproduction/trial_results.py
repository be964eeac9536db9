"""What the records of trials say, variant by variant."""

from pathlib import Path

from crossgrad.records import Record
from crossgrad.report.differences import cells_of
from crossgrad.report.numbers import p_value, signed_points
from crossgrad.reproduction.accuracy_tables import with_gain
from crossgrad.reproduction.found import Found, accuracies_by_seed, of_whole_seeds, seeds_in, whole_records
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.trials import Trials, Variant
from crossgrad.significance import Comparison, Estimate


class Results:
    """The records of trials that are there, by variant.

    Args:
        trials: of which.
        scale: that the records are of.
        folder: of the studies at that scale.
    """

    def __init__(self, trials: Trials, scale: Scale, folder: Path) -> None:
        place = trials.place(folder)
        records = whole_records(place)
        finished = [record for record in records if record["error"] is None]
        domains = finished[0]["domains"] if finished else ()
        of_variants = {
            variant.key: [record for record in records if trials.has(variant, scale, record)]
            for variant in trials.variants
        }
        self._trials, self._n_seeds = trials, trials.n_seeds(scale)
        n_folds = trials.study.n_folds(records[0]["domains"]) if records else 1
        self._records = {
            key: of_whole_seeds([record for record in of_variant if record["error"] is None], n_folds)
            for key, of_variant in of_variants.items()
        }
        trained = {key: of_variant for key, of_variant in self._records.items() if of_variant}
        self._found = Found(
            accuracies={key: accuracies_by_seed(of_variant) for key, of_variant in trained.items()},
            cells={key: cells_of(of_variant, of_variant[0]["method"], {}) for key, of_variant in trained.items()},
            domains=domains,
            failed={
                key: {record["seed"]: record["error"]["message"] for record in of_variant if record["error"]}
                for key, of_variant in of_variants.items()
            },
            run={key: seeds_in(of_whole_seeds(of_variant, n_folds)) for key, of_variant in of_variants.items()},
            shares_models=any(len(record["held_out"]) > 1 for record in finished),
            n_records=len(records),
        )

    def records(self, variant: Variant) -> list[Record]:
        """Of a variant's finished runs, those of whole seeds."""
        return self._records[variant.key]

    def of(self, variant: Variant) -> Estimate | None:
        """A variant's accuracy in per cent over all examples of held-out domains, the mean over seeds; None without."""
        return self._found.of(variant.key)

    def over_seeds(self, variant: Variant, other: Variant) -> Comparison | None:
        """One minus the other in points, a paired t test over seeds; None where they share none."""
        return self._found.over_seeds(variant.key, other.key)

    def gain(self, variant: Variant, other: Variant) -> tuple[str, str | None] | None:
        """One minus the other in points, and p as LARGER_P says; None where they share no domain and seed."""
        against = self._found.against(variant.key, other.key)
        if against is None:
            return None
        p = self._found.larger_p(variant.key, other.key)
        return signed_points(against.comparison.mean), None if p is None else p_value(p)

    def gain_in_words(self, variant: Variant, other: Variant) -> str | None:
        """Both as one cell of a table."""
        gain = self.gain(variant, other)
        return gain and gain[0] + (f" ({gain[1]})" if gain[1] else "")

    def with_gain(self, variant: Variant, other: Variant) -> str | None:
        """A variant's accuracy and what it gains on the other, as one cell of a table."""
        return with_gain(self._found, variant.key, other.key)

    @property
    def missing(self) -> list[Variant]:
        """Variants that lack runs which did not fail."""
        return [variant for variant in self._trials.variants if len(self._found.run[variant.key]) < self._n_seeds]

    def in_words(self) -> list[str]:
        """Sentences on which runs are missing, by the question they answer, and which failed; none where none did."""
        study = self._trials.study.name
        if not self._found.n_records:
            return [f"{study}: not run."]
        by_question: dict[str, list[str]] = {}
        for variant in self.missing:
            by_question.setdefault(variant.question, []).append(variant.name)
        missing = [", ".join(names) + _of(question) for question, names in by_question.items()]
        failed = [
            f"{variant.name}{_of(variant.question)}, seed {seed}: {error}"
            for variant in self._trials.variants
            for seed, error in self._found.failed[variant.key].items()
        ]
        return [
            *([f"{study}: missing runs of {'; '.join(missing)}."] if missing else []),
            *([f"{study}: failed runs, which are in no number: {'; '.join(failed)}."] if failed else []),
        ]


def _of(question: str) -> str:
    return f" ({question})" if question else ""
