"""One method against another: every (domain, seed) that both have, seeds averaged, then tested over domains."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossgrad.errors import RecordError
from crossgrad.records import Record
from crossgrad.report.artefacts import Answers
from crossgrad.report.rows import ByExample, Difference
from crossgrad.significance import (
    Comparison,
    Discordance,
    bootstrap,
    estimate,
    matched_pairs,
    mcnemar,
    paired_t,
    wilcoxon,
)

Place = tuple[str, int]
"""A held-out domain and a seed."""


@dataclass(frozen=True, eq=False)
class Cell:
    """What one trained model did on one held-out domain."""

    accuracy: float
    answers: Answers | None
    """None where predictions are not at hand."""
    fold: tuple[str, ...] = ()
    """The domains that were held out together, this one among them."""


Cells = Mapping[Place, Cell]


def cells_of(finished: Sequence[Record], method: str, answers: Mapping[str, Answers]) -> dict[Place, Cell]:
    """What a method's finished runs did on every held-out domain.

    Args:
        finished: records without an error, of all methods.
        method: whose.
        answers: of runs by their keys, as `read_answers` gives them; some may be missing.

    Raises:
        RecordError: a domain and seed come twice, or a run's answers lack a domain of its record.
    """
    found: dict[Place, Cell] = {}
    for record in finished:
        if record["method"] != method:
            continue
        of_run = answers.get(record["key"])
        for domain, accuracy in record["out_of_domain"]["by_domain"].items():
            if (domain, record["seed"]) in found:
                raise RecordError(f"{method}, domain {domain}, seed {record['seed']}: more than one record")
            answers_here = of_run.of(domain) if of_run else None
            if answers_here is not None and len(answers_here.right) == 0:
                raise RecordError(f"the predictions of run {record['key']} have no examples of domain {domain}")
            found[domain, record["seed"]] = Cell(accuracy, answers_here, tuple(record["held_out"]))
    return found


def difference(own: Cells, other: Cells, domains: Sequence[str]) -> Difference | None:
    """A method minus another one in percentage points, by accuracies; None where the two share no domain and seed.

    Args:
        own: of the method.
        other: of what it is compared with.
        domains: all of the data, in its order.
    """
    values = {place: 100 * (own[place].accuracy - other[place].accuracy) for place in own if place in other}
    if not values:
        return None
    by_domain = {domain: estimate(of_domain).value for domain, of_domain in by_domains(values, domains).items()}
    over_domains = list(by_domain.values())
    folds = _joined({place[0], *own[place].fold, *other[place].fold} & by_domain.keys() for place in values)
    of_folds = [estimate([by_domain[domain] for domain in sorted(fold)]).value for fold in folds]
    together = len(of_folds) < len(over_domains)
    return Difference(
        comparison=paired_t(over_domains),
        by_domain=by_domain,
        corrected_p=None,
        wilcoxon_p=wilcoxon(over_domains),
        n_folds=len(of_folds),
        fold_p=paired_t(of_folds).p_value if together else None,
    )


def _joined(sets: Iterable[set[str]]) -> list[set[str]]:
    """Sets joined where they share something: domains that some model of either method was measured on together."""
    joined: list[set[str]] = []
    for each in sets:
        apart = [known for known in joined if not known & each]
        joined = [*apart, each.union(*(known for known in joined if known & each))]
    return joined


def by_domains(values: Mapping[Place, float], domains: Sequence[str]) -> dict[str, list[float]]:
    """Values of a domain together, domains without one left out."""
    grouped: dict[str, list[float]] = {domain: [] for domain in domains}
    for (domain, _), value in values.items():
        grouped[domain].append(value)
    return {domain: of_domain for domain, of_domain in grouped.items() if of_domain}


def by_example(own: Cells, other: Cells, domains: Sequence[str]) -> ByExample | None:
    """The tests that look at single examples; None where the two share no domain and seed, or a prediction is missing.

    Args: as `difference`.

    Raises:
        RecordError: predictions of the two are of different examples.
    """
    differences = _of_examples(own, other, domains)
    if differences is None:
        return None
    found = _one_seed(_answers(own, other), list(differences))
    return ByExample(
        bootstrap=bootstrap(list(differences.values())),
        matched_pairs=_matched_pairs(differences),
        mcnemar=found[1] if found else None,
        mcnemar_seed=found[0] if found else None,
    )


def over_examples(own: Cells, other: Cells, domains: Sequence[str], *, repeats: bool = False) -> Comparison | None:
    """The matched pairs test of `by_example` alone, without the time of the others.

    Args and None: as `by_example`, and
        repeats: whether every domain shows the same objects in the same order: an object is one segment then.

    Raises:
        RecordError: as `by_example`, or domains that repeat each other have unequally many examples.
    """
    differences = _of_examples(own, other, domains)
    if differences is None:
        return None
    sizes = [len(of_domain) for of_domain in differences.values()]
    if repeats and len(set(sizes)) > 1:
        raise RecordError(f"domains that show the same objects have unequally many examples: {sizes}")
    segments = np.concatenate([np.arange(size) for size in sizes]) if repeats else None
    return _matched_pairs(differences, segments)


def _matched_pairs(
    differences: Mapping[str, NDArray[np.float64]], segments: NDArray[np.int64] | None = None
) -> Comparison:
    return matched_pairs(np.concatenate(list(differences.values())), segments)


def _of_examples(own: Cells, other: Cells, domains: Sequence[str]) -> dict[str, NDArray[np.float64]] | None:
    """By held-out domain each example's difference in percentage points, the mean over seeds."""
    shared = [place for place in own if place in other]
    answers = _answers(own, other)
    if not shared or len(answers) < len(shared):
        return None
    by_domain = {name: [both for place, both in answers.items() if place[0] == name] for name in domains}
    return {name: 100 * _of_domain(pairs, name) for name, pairs in by_domain.items() if pairs}


def _answers(own: Cells, other: Cells) -> dict[Place, tuple[Answers, Answers]]:
    """Of both, where both have some."""
    pairs = {place: (own[place].answers, other[place].answers) for place in own if place in other}
    return {place: (one, two) for place, (one, two) in pairs.items() if one is not None and two is not None}


def _of_domain(pairs: Sequence[tuple[Answers, Answers]], domain: str) -> NDArray[np.float64]:
    """Each example's difference as a fraction, the mean over seeds."""
    examples = pairs[0][0].example
    for one, two in pairs:
        if not (np.array_equal(one.example, examples) and np.array_equal(two.example, examples)):
            raise RecordError(
                f"predictions on domain {domain} are of different examples; were all made on the same data?"
            )
    difference: NDArray[np.float64] = np.mean([one.right.astype(float) - two.right for one, two in pairs], axis=0)
    return difference


def _one_seed(
    answers: Mapping[Place, tuple[Answers, Answers]], domains: Sequence[str]
) -> tuple[int, Discordance] | None:
    """The lowest seed that has every domain, and the two models' discordance with it."""
    for seed in sorted({seed for _, seed in answers}):
        if all((name, seed) in answers for name in domains):
            both = [answers[name, seed] for name in domains]
            one, two = (np.concatenate([pair[index].right for pair in both]) for index in (0, 1))
            return seed, mcnemar(one, two)
    return None
