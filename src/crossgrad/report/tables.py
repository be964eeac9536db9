"""Records to one table of numbers: what every kind of report prints. Nothing is rendered here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from crossgrad.errors import RecordError
from crossgrad.records import Record
from crossgrad.report.names import BASELINE, display_name, fold_name, method_order
from crossgrad.significance import SIGNIFICANCE_LEVEL, Comparison, Estimate, estimate, holm, paired_t

_IDENTITY = ("dataset", "fingerprint", "n_examples", "labels", "domains", "held_out", "method", "net", "seed")
_OUTCOME = ("select", "settings", "max_steps", "out_of_domain", "in_domain", "perturbation", "error")


Verdict = Literal["better", "perhaps better", "perhaps worse", "worse", "same", "unknown"]


@dataclass(frozen=True)
class Difference:
    """A method against ERM in percentage points, over the (domain, seed) pairs that both have."""

    comparison: Comparison
    by_domain: dict[str, float]
    corrected_p: float | None
    """The p-value corrected for the number of methods compared (Holm); None where there is none to correct."""

    @property
    def verdict(self) -> Verdict:
        """What may be said: "perhaps" is what would be significant alone, and is not among as many methods."""
        found = self.comparison
        if found.p_value is None or self.corrected_p is None:
            return "unknown"
        if not found.distinguishable:
            return "same"
        if self.corrected_p >= SIGNIFICANCE_LEVEL:
            return "perhaps better" if found.mean > 0 else "perhaps worse"
        return "better" if found.mean > 0 else "worse"

    @property
    def is_found(self) -> bool:
        """Whether the method is called better or worse without a perhaps."""
        return self.verdict in ("better", "worse")


@dataclass(frozen=True)
class Perturbation:
    """How far inputs were moved, as means over a method's runs, in the inputs' own units."""

    l2: float
    linf: float
    input_l2: float

    @property
    def as_large_as_input(self) -> bool:
        """Whether inputs were moved by as much as they measure themselves."""
        return self.l2 >= self.input_l2


@dataclass(frozen=True)
class Row:
    """One method. Accuracies are fractions; standard errors are over seeds for one domain, else over domains."""

    method: str
    name: str
    by_domain: dict[str, Estimate]
    """Held-out domain to accuracy, averaged over seeds; without domains for which no run ended well."""
    mean: Estimate | None
    """Over held-out domains."""
    worst: str | None
    """The held-out domain with the lowest accuracy."""
    in_domain: Estimate | None
    """Unseen examples of training domains, over the folds of domains that were held out together."""
    difference: Difference | None
    """To ERM; None for ERM itself and where the two share no (domain, seed)."""
    perturbation: Perturbation | None


@dataclass(frozen=True)
class Unfinished:
    """A run that failed, or that other methods have and this one has not (`step` is None)."""

    method: str
    held_out: tuple[str, ...]
    seed: int
    reason: str
    step: int | None

    def __str__(self) -> str:
        where = f"{self.method}, held out {fold_name(self.held_out)}, seed {self.seed}: {self.reason}"
        return where if self.step is None or "at step" in self.reason else f"{where} at step {self.step}"


@dataclass(frozen=True)
class Table:
    """What a compare found."""

    dataset: str
    n_examples: int
    n_labels: int
    n_domains: int
    held_out: tuple[str, ...]
    """Every domain that was held out by some run, in the data's order."""
    n_folds: int
    """How many sets of domains were held out; fewer than domains where some were held out together."""
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    unfinished: tuple[Unfinished, ...]
    unequal: dict[str, dict[str, str]]
    """What methods do not have in common ("net", "max_steps", "select"): field to method to value."""
    left_out: tuple[str, ...] = ()
    """Domains that took no part: a benchmark's own, kept for choosing settings."""


def summarise(records: Sequence[Record]) -> Table:
    """Make the table of one dataset's records.

    Methods come in the order of their list of names, ERM first, whatever order runs ended in. Seeds are averaged within
    a domain before anything is said about domains (`paired_t` says why).

    Args:
        records: as `crossgrad.records.read_records` gives them; failed runs among them are listed, not counted.

    Raises:
        RecordError: there are none, a field is missing, they are of several datasets, one (method, domain,
            seed) comes twice, or the seeds of one method and held-out domain were trained differently.

    Example:
        >>> from crossgrad.report import summarise
        >>> summarise([])
        Traceback (most recent call last):
            ...
        crossgrad.errors.RecordError: there are no records to report
    """
    _check(records)
    methods = sorted(dict.fromkeys(record["method"] for record in records), key=method_order)
    finished = _finished(records)
    accuracies = {method: _accuracies(finished, method) for method in methods}
    first = records[0]
    held_out_somewhere = {name for record in records for name in record["held_out"]}
    return Table(
        dataset=first["dataset"],
        n_examples=first["n_examples"],
        n_labels=len(first["labels"]),
        n_domains=len(first["domains"]),
        held_out=tuple(name for name in first["domains"] if name in held_out_somewhere),
        n_folds=len({tuple(record["held_out"]) for record in records}),
        seeds=tuple(sorted({record["seed"] for record in records})),
        rows=_corrected([_row(method, first["domains"], finished, accuracies) for method in methods]),
        unfinished=_unfinished(records, methods),
        unequal=_unequal(finished),
        left_out=tuple(dict.fromkeys(name for record in records for name in record.get("left_out", ()))),
    )


def _check(records: Sequence[Record]) -> None:
    if not records:
        raise RecordError("there are no records to report")
    for record in records:
        missing = [field for field in (*_IDENTITY, *_OUTCOME) if field not in record]
        if missing:
            raise RecordError(f"record {record.get('key')!r} has no {', '.join(missing)}")
    datasets = sorted({f"{record['dataset']} ({record['fingerprint']})" for record in records})
    if len(datasets) > 1:
        raise RecordError(f"the records are of {len(datasets)} datasets, {', '.join(datasets)}; report each alone")
    trained: dict[Any, Record] = {}
    for record in _finished(records):
        before = trained.setdefault((record["method"], tuple(record["held_out"])), record)
        for field in ("net", "select", "max_steps", "settings"):
            if before[field] != record[field]:
                raise RecordError(
                    f"{record['method']}, held out {', '.join(record['held_out'])}: seeds {before['seed']} and "
                    f"{record['seed']} differ in {field} ({before[field]!r}, {record[field]!r}); their mean would "
                    "be of nothing in particular"
                )


def _finished(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record["error"] is None]


def _accuracies(finished: Sequence[Record], method: str) -> dict[tuple[str, int], float]:
    """(held-out domain, seed) to accuracy."""
    found: dict[tuple[str, int], float] = {}
    for record in finished:
        if record["method"] != method:
            continue
        for domain, accuracy in record["out_of_domain"]["by_domain"].items():
            if (domain, record["seed"]) in found:
                raise RecordError(f"{method}, domain {domain}, seed {record['seed']}: more than one record")
            found[domain, record["seed"]] = accuracy
    return found


def _row(
    method: str,
    domains: Sequence[str],
    finished: Sequence[Record],
    accuracies: dict[str, dict[tuple[str, int], float]],
) -> Row:
    own, baseline = accuracies[method], accuracies.get(BASELINE)
    runs = [record for record in finished if record["method"] == method]
    grouped = _by_domain(own, domains)
    by_domain = {domain: estimate(values) for domain, values in grouped.items()}
    inside: dict[tuple[str, ...], list[float]] = {}
    for record in runs:
        if record["in_domain"] is not None:
            inside.setdefault(tuple(record["held_out"]), []).append(record["in_domain"]["accuracy"])
    moved = [record["perturbation"] for record in runs if record["perturbation"] is not None]
    return Row(
        method=method,
        name=display_name(method),
        by_domain=by_domain,
        mean=estimate([found.value for found in by_domain.values()]) if by_domain else None,
        worst=min(by_domain, key=lambda domain: by_domain[domain].value, default=None),
        in_domain=estimate([estimate(values).value for values in inside.values()]) if inside else None,
        difference=None if baseline is None or method == BASELINE else _difference(own, baseline, domains),
        perturbation=_perturbation(moved) if moved else None,
    )


def _by_domain(values: dict[tuple[str, int], float], domains: Sequence[str]) -> dict[str, list[float]]:
    grouped: dict[str, list[float]] = {domain: [] for domain in domains}
    for (domain, _), value in values.items():
        grouped[domain].append(value)
    return {domain: of_domain for domain, of_domain in grouped.items() if of_domain}


def _difference(
    own: dict[tuple[str, int], float], baseline: dict[tuple[str, int], float], domains: Sequence[str]
) -> Difference | None:
    pairs = {pair: 100 * (own[pair] - baseline[pair]) for pair in own if pair in baseline}
    if not pairs:
        return None
    by_domain = {domain: estimate(values).value for domain, values in _by_domain(pairs, domains).items()}
    return Difference(paired_t(list(by_domain.values())), by_domain, None)


def _corrected(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with p-values corrected for how many of them have one."""
    found = [row.difference.comparison.p_value if row.difference else None for row in rows]
    corrected = iter(holm([p for p in found if p is not None]))
    return tuple(
        replace(row, difference=replace(row.difference, corrected_p=next(corrected)))
        if row.difference is not None and p is not None
        else row
        for row, p in zip(rows, found, strict=True)
    )


def _perturbation(moved: Sequence[dict[str, float]]) -> Perturbation:
    mean = {field: estimate([run[field] for run in moved]).value for field in ("l2", "linf", "input_l2")}
    return Perturbation(**mean)


def _unfinished(records: Sequence[Record], methods: Sequence[str]) -> tuple[Unfinished, ...]:
    by_run = {(record["method"], tuple(record["held_out"]), record["seed"]): record for record in records}
    wanted = dict.fromkeys((held_out, seed) for _, held_out, seed in by_run)
    found = []
    for method in methods:
        for held_out, seed in wanted:
            record = by_run.get((method, held_out, seed))
            if record is None:
                found.append(Unfinished(method, held_out, seed, "no record", None))
            elif record["error"] is not None:
                error = record["error"]
                found.append(Unfinished(method, held_out, seed, error["message"], error.get("step")))
    return tuple(found)


def _unequal(finished: Sequence[Record]) -> dict[str, dict[str, str]]:
    unequal: dict[str, dict[str, str]] = {}
    for field in ("net", "max_steps", "select"):
        values: dict[str, list[str]] = {}
        for record in finished:
            of_method = values.setdefault(record["method"], [])
            if str(record[field]) not in of_method:
                of_method.append(str(record[field]))
        if len({frozenset(of_method) for of_method in values.values()}) > 1:
            unequal[field] = {method: ", ".join(of_method) for method, of_method in values.items()}
    return unequal
