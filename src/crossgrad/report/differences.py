"""One method against another: every (domain, seed) that both have, seeds averaged, then tested over domains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossgrad.errors import RecordError
from crossgrad.records import Record
from crossgrad.report.artefacts import Answers
from crossgrad.report.rows import ByExample, Difference
from crossgrad.significance import Discordance, bootstrap, estimate, matched_pairs, mcnemar, paired_t, wilcoxon

Place = tuple[str, int]
"""A held-out domain and a seed."""


@dataclass(frozen=True, eq=False)
class Cell:
    """What one trained model did on one held-out domain."""

    accuracy: float
    answers: Answers | None
    """None where predictions are not at hand."""


Cells = Mapping[Place, Cell]


def cells_of(finished: Sequence[Record], method: str, answers: Mapping[str, Answers]) -> dict[Place, Cell]:
    """What a method's finished runs did on every held-out domain.

    Args:
        finished: records without an error, of all methods.
        method: whose.
        answers: of runs by their keys, as `read_answers` gives them; some may be missing.

    Raises:
        RecordError: a domain and seed come twice.
    """
    found: dict[Place, Cell] = {}
    for record in finished:
        if record["method"] != method:
            continue
        of_run = answers.get(record["key"])
        for domain, accuracy in record["out_of_domain"]["by_domain"].items():
            if (domain, record["seed"]) in found:
                raise RecordError(f"{method}, domain {domain}, seed {record['seed']}: more than one record")
            found[domain, record["seed"]] = Cell(accuracy, of_run.of(domain) if of_run else None)
    return found


def difference(own: Cells, other: Cells, domains: Sequence[str]) -> Difference | None:
    """A method minus another one in percentage points; None where the two share no domain and seed.

    Args:
        own: of the method.
        other: of what it is compared with.
        domains: all of the data, in its order.

    Raises:
        RecordError: predictions of the two are of different examples.
    """
    pairs = {place: (own[place], other[place]) for place in own if place in other}
    if not pairs:
        return None
    values = {place: 100 * (one.accuracy - two.accuracy) for place, (one, two) in pairs.items()}
    by_domain = {domain: estimate(of_domain).value for domain, of_domain in by_domains(values, domains).items()}
    over_domains = list(by_domain.values())
    return Difference(
        comparison=paired_t(over_domains),
        by_domain=by_domain,
        corrected_p=None,
        wilcoxon_p=wilcoxon(over_domains),
        by_example=_by_example(pairs, list(by_domain)),
    )


def by_domains(values: Mapping[Place, float], domains: Sequence[str]) -> dict[str, list[float]]:
    """Values of a domain together, domains without one left out."""
    grouped: dict[str, list[float]] = {domain: [] for domain in domains}
    for (domain, _), value in values.items():
        grouped[domain].append(value)
    return {domain: of_domain for domain, of_domain in grouped.items() if of_domain}


def _by_example(pairs: Mapping[Place, tuple[Cell, Cell]], domains: Sequence[str]) -> ByExample | None:
    answers = {
        place: (one.answers, two.answers)
        for place, (one, two) in pairs.items()
        if one.answers is not None and two.answers is not None
    }
    if len(answers) < len(pairs):
        return None
    differences = [_of_domain([both for place, both in answers.items() if place[0] == name], name) for name in domains]
    found = _one_seed(answers, domains)
    return ByExample(
        bootstrap=bootstrap([100 * values for values in differences]),
        matched_pairs=matched_pairs(100 * np.concatenate(differences)),
        mcnemar=found[1] if found else None,
        mcnemar_seed=found[0] if found else None,
    )


def _of_domain(pairs: Sequence[tuple[Answers, Answers]], domain: str) -> NDArray[np.float64]:
    """Each example's difference, the mean over seeds."""
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
