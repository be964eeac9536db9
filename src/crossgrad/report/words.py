"""What the table means, in plain sentences: as sure as the numbers are, and no surer."""

from crossgrad.report.names import BASELINE, display_name, printable
from crossgrad.report.numbers import interval, p_statement, points, signed_points
from crossgrad.report.tables import Row, Table

FEW_DOMAINS = 5
"""With fewer held-out domains than this, a t test needs a difference far larger than the domains' spread."""

_FIELD_NAMES = {"net": "net", "max_steps": "number of steps", "select": "way of choosing settings"}


def sentences(table: Table) -> tuple[str, ...]:
    """One sentence a method: better than ERM, worse, or not distinguishable.

    Args:
        table: from `summarise`.

    Returns:
        As many sentences as there are methods beside ERM; none where ERM was not trained.
    """
    if not _has_baseline(table):
        return ()
    return tuple(_sentence(row) for row in table.rows if row.method != BASELINE)


def headline(table: Table) -> str:
    """All methods against ERM in one sentence, without numbers.

    Example:
        >>> headline(Table("mine", 10, 2, 3, ("a",), 1, (0,), (), (), {}))
        'ERM is not among the methods, so that no difference can be given.'
    """
    if not _has_baseline(table):
        return "ERM is not among the methods, so that no difference can be given."
    groups: dict[str, list[str]] = {"better": [], "worse": [], "same": [], "unknown": []}
    for row in table.rows:
        if row.method != BASELINE:
            groups[_verdict(row)].append(row.name)
    clauses = []
    for verdict, ending in (
        ("better", "better than ERM on unseen domains"),
        ("worse", "worse than ERM on unseen domains"),
        ("same", "not distinguishable from ERM on unseen domains"),
    ):
        if groups[verdict]:
            clauses.append(f"{_listed(groups[verdict])} {_be(groups[verdict])} {ending}")
            if len(clauses) > 1:
                clauses[-1] = clauses[-1].removesuffix(" on unseen domains")
    if groups["unknown"]:
        clauses.append(f"for {_listed(groups['unknown'])} no interval can be given")
    text = "; ".join(clauses) or "Only ERM was trained, so that there is nothing to compare"
    return printable(f"{text[0].upper()}{text[1:]}." if text.startswith("for ") else f"{text}.")


def caveats(table: Table) -> tuple[str, ...]:
    """What a reader must know before trusting the sentences; empty where there is nothing to say."""
    return tuple(printable(note) for note in (*_about_the_test(table), *_about_the_runs(table)))


def _sentence(row: Row) -> str:
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
        return f"{name} is {_amount(found.mean)} than ERM on unseen domains ({numbers})."
    numbers = f"{signed_points(found.mean)} points, {interval(found)}, {p_statement(found.p_value)}"
    return f"{name} is not distinguishable from ERM here ({numbers})."


def _about_the_test(table: Table) -> list[str]:
    tested = [row for row in table.rows if row.difference and row.difference.comparison.p_value is not None]
    notes = []
    if len(tested) > 1:
        notes.append(
            f"{len(tested)} methods are compared with ERM and the p-values are not corrected for that: "
            f"for a 5 % chance of any false finding, ask for p below {0.05 / len(tested):.2g}."
        )
    if tested and (fewest := min(row.difference.comparison.n for row in tested if row.difference)) < FEW_DOMAINS:
        notes.append(
            f"There are only {fewest} held-out domains; a difference must be large to be seen with so few, and "
            "not seeing one says little."
        )
    if tested and table.n_groups < len(table.held_out):
        together = "together" if table.n_groups == 1 else f"in {table.n_groups} groups"
        notes.append(
            f"The {len(table.held_out)} held-out domains were held out {together}. Domains of one group share the "
            "models they are measured with, which makes the test too sure of itself; hold out each for one to rely on."
        )
    if len(table.seeds) == 1:
        notes.append("One seed was trained: how much a result varies from run to run is not known.")
    return notes


def _about_the_runs(table: Table) -> list[str]:
    notes = []
    for row in table.rows:
        moved = row.perturbation
        if moved is not None and moved.as_large_as_input:
            notes.append(
                f"{row.name} moved its inputs by as much as the inputs themselves measure (mean L2 norm "
                f"{moved.l2:.3g} against {moved.input_l2:.3g}): what it trained on hardly shows the input any "
                "more; try a smaller step."
            )
    for row in table.rows:
        if len(row.by_domain) < len(table.held_out):
            notes.append(
                f"{row.name} has results for {len(row.by_domain)} of {len(table.held_out)} held-out domains; its "
                "mean is over those alone. Differences use only runs that both methods finished."
            )
    for field, values in table.unequal.items():
        each = "; ".join(f"{display_name(method)}: {value}" for method, value in values.items())
        notes.append(f"The methods were not all trained with the same {_FIELD_NAMES[field]} ({each}).")
    return notes


def _has_baseline(table: Table) -> bool:
    return any(row.method == BASELINE for row in table.rows)


def _verdict(row: Row) -> str:
    if row.difference is None or row.difference.comparison.p_value is None:
        return "unknown"
    if not row.difference.comparison.distinguishable:
        return "same"
    return "better" if row.difference.comparison.mean > 0 else "worse"


def _amount(difference: float) -> str:
    amount = points(abs(difference))
    return f"{amount} point{'' if amount == '1.0' else 's'} {'worse' if difference < 0 else 'better'}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _be(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
