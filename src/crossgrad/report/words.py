"""What the table means, in plain sentences: as sure as the numbers are, and no surer."""

from collections import Counter

from crossgrad.printing import printable
from crossgrad.report.names import BASELINE, CONTROLS, ORACLE, display_name
from crossgrad.report.numbers import interval, p_statement, points, signed_points
from crossgrad.report.rows import Difference, Row, Table
from crossgrad.significance import SIGNIFICANCE_LEVEL

FEW_DOMAINS = 5
"""With fewer held-out domains than this, a t test needs a difference far larger than the domains' spread."""

_HEADLINES = {
    "better": "better than ERM",
    "perhaps better": "may be better than ERM",
    "perhaps worse": "may be worse than ERM",
    "worse": "worse than ERM",
    "same": "not distinguishable from ERM",
}

_FIELD_NAMES = {
    "net": "net",
    "max_steps": "number of steps",
    "select": "way of choosing settings",
    "left_out": "domains left out",
    "net_source": "file of the net",
    "domain_net_source": "file of the domain net",
}


def sentences(table: Table) -> tuple[str, ...]:
    """What is to be said of each method: better than ERM, worse, or not distinguishable; a gain with the controls.

    Args:
        table: from `summarise`.

    Returns:
        As many texts as there are methods beside ERM; none where ERM was not trained.
    """
    if not _has_baseline(table):
        return ()
    n_tested = len(_tested(table))
    against = [found for row in table.rows for found in row.controls.values() if found.corrected_p is not None]
    return tuple(
        f"{_sentence(row, n_tested)}{_against_controls(row, len(against))}"
        for row in table.rows
        if row.method != BASELINE
    )


def headline(table: Table) -> str:
    """All methods against ERM in one sentence, without numbers.

    Example:
        >>> headline(Table("mine", 10, 2, 3, ("a",), 1, (0,), (), (), {}))
        'ERM is not among the methods, so that no difference can be given.'
    """
    if not _has_baseline(table):
        return "ERM is not among the methods, so that no difference can be given."
    verdicts: dict[str, list[str]] = {}
    for row in table.rows:
        if row.method != BASELINE:
            verdicts.setdefault(row.difference.verdict if row.difference else "unknown", []).append(row.name)
    clauses: list[str] = []
    for verdict, words in _HEADLINES.items():
        if names := verdicts.get(verdict):
            verb = "" if words.startswith("may ") else "is " if len(names) == 1 else "are "
            where = "" if clauses else " on unseen domains"
            clauses.append(f"{_listed(names)} {verb}{words}{where}")
    if names := verdicts.get("unknown"):
        clauses.append(f"for {_listed(names)} no interval can be given")
    text = "; ".join(clauses) or "Only ERM was trained, so that there is nothing to compare"
    text = f"{text[0].upper()}{text[1:]}." if text.startswith("for ") else f"{text}."
    return printable(f"{text}{_headline_of_controls(table)}")


def caveats(table: Table) -> tuple[str, ...]:
    """What a reader must know before trusting the sentences; empty where there is nothing to say."""
    return tuple(printable(note) for note in (*_about_the_test(table), *_about_the_runs(table)))


def _sentence(row: Row, n_tested: int) -> str:
    name = printable(row.name)
    if row.difference is None:
        return f"{name} cannot be compared with ERM: they share no finished run (same held-out domain, same seed)."
    found = row.difference.comparison
    if found.n == 1:
        amount = f"is {_amount(found.mean)} than" if found.mean else "has the same accuracy as"
        where = printable(next(iter(row.difference.by_domain)))
        return f"{name} {amount} ERM on {where}; one held-out domain: no interval can be given."
    if found.p_value is None:
        return (
            f"{name} is {_amount(found.mean)} than ERM on each of {found.n} held-out domains: no interval can be given."
        )
    if found.low is None:
        return f"{name} has the same accuracy as ERM on each of {found.n} held-out domains (p = 1)."
    if found.distinguishable:
        numbers = f"95 % interval {interval(found)}, {p_statement(found.p_value)}"
        claim = f"{name} is {_amount(found.mean)} than ERM on unseen domains ({numbers})"
        corrected_p = row.difference.corrected_p
        if row.difference.is_found or corrected_p is None:
            return f"{claim}."
        corrected = p_statement(corrected_p)
        if row.difference.shares_models and row.difference.n_folds > 1:
            return (
                f"{claim}, but domains of a fold share the luck of their models, and over the means of the "
                f"{row.difference.n_folds} folds, which are equal, no p-value can be given."
            )
        if row.difference.shares_models:
            return (
                f"{claim}, but all {found.n} were measured with the same models: the luck of training is common to "
                f"them, and may be all of it (corrected for {n_tested} methods compared, {corrected})."
            )
        if row.difference.fold_p is not None and row.difference.fold_p >= SIGNIFICANCE_LEVEL:
            return (
                f"{claim}, but domains of a fold were measured with the same models and share their luck: over the "
                f"means of the {row.difference.n_folds} folds it may be chance ({p_statement(row.difference.fold_p)})."
            )
        if row.difference.n_failed and corrected_p < SIGNIFICANCE_LEVEL:
            return f"{claim}, but of runs that ended alone: what failed is in no number, and may be the unluckier part."
        return f"{claim}, but with {n_tested} methods compared that may be chance (corrected for it, {corrected})."
    numbers = f"{signed_points(found.mean)} points, {interval(found)}, {p_statement(found.p_value)}"
    return f"{name} is not distinguishable from ERM here ({numbers})."


def _against_controls(row: Row, n_tested: int) -> str:
    """A gain is worth no more than what is left of it against the controls; what was not run is said."""
    found = row.difference
    if found is None or row.method in CONTROLS or found.comparison.mean <= 0 or found.verdict == "same":
        return ""
    ran = [f"{display_name(name)} {_briefly(against, n_tested)}" for name, against in row.controls.items()]
    missing = [display_name(name) for name in CONTROLS if name not in row.controls]
    if not ran:
        return f" No control was run ({', '.join(missing)})."
    return f" Against {'; '.join(ran)}." + (f" Not run: {_listed(missing)}." if missing else "")


def _headline_of_controls(table: Table) -> str:
    gains = [row for row in table.rows if row.method not in CONTROLS and row.difference and row.difference.is_gain]
    if gains and not any(row.controls for row in gains):
        return " No control was run."
    return "".join(
        f" {row.name} is not shown to be better than {_listed(equal)}."
        for row in gains
        if (equal := [display_name(name) for name, against in row.controls.items() if against.verdict != "better"])
    )


def _briefly(against: Difference, n_tested: int) -> str:
    found = against.comparison
    numbers = [] if found.low is None else [interval(found)]
    numbers += [] if found.p_value is None else [p_statement(found.p_value)]
    if found.distinguishable and against.fold_p is not None and against.fold_p >= SIGNIFICANCE_LEVEL:
        numbers.append(f"over the means of {against.n_folds} folds {p_statement(against.fold_p)}")
    elif found.distinguishable and against.n_failed:
        numbers.append("runs failed, and are in no number")
    elif found.distinguishable and against.corrected_p is not None and against.corrected_p >= SIGNIFICANCE_LEVEL:
        numbers.append(f"corrected for {n_tested} comparisons with controls {p_statement(against.corrected_p)}")
    return f"{signed_points(found.mean)} points" + (f" ({', '.join(numbers)})" if numbers else "")


def _about_the_test(table: Table) -> list[str]:
    tested = _tested(table)
    notes = []
    if len(tested) > 1:
        notes.append(
            f"{len(tested)} methods are compared with ERM. Intervals and p-values in the table are not corrected for "
            "that, each is its own; the sentences go by p-values that are (Holm's), and say where that changes them."
        )
    few = {row.name: row.difference.comparison.n for row in tested if row.difference}
    if few and len(table.held_out) < FEW_DOMAINS:
        notes.append(
            f"There are only {len(table.held_out)} held-out domains; a difference must be large to be seen with so "
            "few, and not seeing one says little."
        )
    elif names := [name for name, n in few.items() if n < FEW_DOMAINS]:
        notes.append(
            f"{_listed(names)}: compared with ERM on {min(few.values())} of {len(table.held_out)} held-out domains; a "
            "difference must be large to be seen with so few, and not seeing one says little."
        )
    if tested and table.n_folds < len(table.held_out):
        together = "together" if table.n_folds == 1 else f"in {table.n_folds} folds"
        notes.append(
            f"The {len(table.held_out)} held-out domains were held out {together}. Domains of one fold share the "
            "models they are measured with, which makes the test over domains too sure of itself"
            + ("; " if table.n_folds == 1 else ", so that sentences go by the means of folds too; ")
            + "hold out each for one to rely on."
        )
    if len(table.seeds) == 1:
        notes.append("One seed was trained: how much a result varies from run to run is not known.")
    return notes


def _about_the_runs(table: Table) -> list[str]:
    notes = []
    if oracles := [row.name for row in table.rows if row.is_oracle]:
        notes.append(
            f"{_listed(oracles)}: settings were chosen by the accuracy on the held-out domains themselves, whose "
            f"labels nobody has where a domain is new. Read what is marked {ORACLE} as a bound, not as a result."
        )
    if table.left_out:
        notes.append(
            f"{len(table.left_out)} of the {table.n_domains} domains took no part: the benchmark's own split keeps "
            "them for choosing settings."
        )
    if table.unlabelled:
        domain, n = table.unlabelled
        seen = "; what is given for it is no accuracy on an unseen domain" if domain in table.held_out else ""
        notes.append(f"{n} inputs of domain {domain} trained along without labels{seen}.")
    for row in table.rows:
        moved = row.perturbation
        if moved is not None and moved.as_large_as_input:
            notes.append(
                f"{row.name} moved its inputs by as much as the inputs themselves measure (mean L2 norm "
                f"{moved.l2:.3g} against {moved.input_l2:.3g}): what it trained on hardly shows the input any "
                "more; try a smaller step."
            )
    failed = Counter(each.method for each in table.unfinished if each.has_failed)
    for row in table.rows:
        if n := failed[row.method]:
            notes.append(
                f"{n} run{'s' * (n > 1)} of {row.name} failed and {'are' if n > 1 else 'is'} in no number: a mean of "
                "those that ended may be that of the luckier ones."
            )
        if len(row.by_domain) < len(table.held_out):
            notes.append(
                f"{row.name} has results for {len(row.by_domain)} of {len(table.held_out)} held-out domains; its "
                "mean is over those alone. Differences use only runs that both methods finished."
            )
    for field, values in table.unequal.items():
        each = "; ".join(f"{display_name(method)}: {value}" for method, value in values.items())
        notes.append(f"The methods were not all trained with the same {_FIELD_NAMES[field]} ({each}).")
    return notes


def _tested(table: Table) -> list[Row]:
    return [row for row in table.rows if row.difference and row.difference.comparison.p_value is not None]


def _has_baseline(table: Table) -> bool:
    return any(row.method == BASELINE for row in table.rows)


def _amount(difference: float) -> str:
    amount = points(abs(difference))
    return f"{amount} point{'' if amount == '1.0' else 's'} {'worse' if difference < 0 else 'better'}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
