"""The tables of a report as cells of text, each with what its numbers are: one source for Markdown, LaTeX and HTML."""

from collections.abc import Sequence
from dataclasses import dataclass

from crossgrad.printing import printable
from crossgrad.reliability import N_BINS
from crossgrad.report import numbers
from crossgrad.report.names import CONTROLS, display_name
from crossgrad.report.rows import ByExample, Row, Table


@dataclass(frozen=True)
class Grid:
    """Cells of text; the first column names the method."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str


def accuracy(table: Table) -> Grid:
    """Every method over held-out domains, and against ERM."""
    return Grid(
        "Accuracy",
        ("Method", "Mean", "Worst domain", "In-domain", "Difference from ERM", "p"),
        tuple(
            (
                row.name,
                numbers.percent(row.mean),
                worst(row),
                numbers.percent(row.in_domain),
                numbers.difference(row.difference.comparison if row.difference else None),
                numbers.p_value(row.difference.comparison.p_value if row.difference else None),
            )
            for row in table.rows
        ),
        caption(table),
    )


def caption(table: Table) -> str:
    """What each ± and each interval of accuracies is."""
    means = (
        "Mean and in-domain (unseen examples of training domains): ± one standard error over held-out domains."
        if table.n_folds == len(table.held_out)
        else "Mean: ± one standard error over held-out domains; in-domain (unseen examples of training domains): over "
        "the folds in which they were held out."
    )
    return (
        f"Accuracy in percent. By held-out domain and worst: {seeds(table)}. {means} Difference: percentage points "
        "with 95 % interval and p-value of a paired t test over held-out domains, seeds averaged first."
    )


def by_domain(table: Table) -> Grid:
    """Every method on every held-out domain."""
    return Grid(
        "Accuracy by held-out domain",
        ("Method", *table.held_out),
        tuple((row.name, *(numbers.percent(row.by_domain.get(name)) for name in table.held_out)) for row in table.rows),
        f"Accuracy in percent, {seeds(table)}.",
    )


def spread(table: Table) -> Grid | None:
    """How far domains lie apart, and calibration; None where there is neither."""
    if not any(row.spread is not None or row.calibration_error for row in table.rows):
        return None
    return Grid(
        "Spread over domains and calibration",
        ("Method", "Lowest", "Highest", "Standard deviation", "Calibration error"),
        tuple(
            (
                row.name,
                *(numbers.points(100 * end(found.value for found in row.by_domain.values())) for end in (min, max)),
                numbers.ABSENT if row.spread is None else numbers.points(100 * row.spread),
                numbers.percent(row.calibration_error),
            )
            for row in table.rows
            if row.by_domain
        ),
        "In percent and percentage points. Lowest, highest and standard deviation of the accuracy over held-out "
        "domains, seeds averaged first. Calibration error: the label net's expected calibration error on held-out "
        f"domains ({N_BINS} bins of equal width, each domain and seed by itself), ± one standard error over held-out "
        "domains.",
    )


def tests(table: Table) -> Grid | None:
    """Other tests of the difference from ERM, by the question that they answer; None where there is none."""
    compared = [row for row in table.rows if row.difference and row.difference.comparison.n > 1]
    if not compared:
        return None
    of_mcnemar = {
        row.difference.by_example.mcnemar_seed
        for row in compared
        if row.difference and row.difference.by_example and row.difference.by_example.mcnemar
    }
    seed = f" (seed {', '.join(sorted(map(str, of_mcnemar)))})" if of_mcnemar else ""
    return Grid(
        "Further tests of the difference from ERM",
        (
            "Method",
            "New domains: t, corrected p",
            "Wilcoxon p",
            "Bootstrap",
            "These domains: MAPSSWE",
            "MAPSSWE p",
            "McNemar p",
        ),
        tuple(_tests(row) for row in compared),
        "Percentage points with 95 % intervals. About new domains, over held-out domains with seeds averaged first: "
        "the paired t test's p-value, or where domains were held out together the larger one over the means of folds, "
        "corrected for the number of methods (Holm); Wilcoxon's signed rank test (never "
        "below 0.05 with 5 domains or fewer); the mean over domains with the interval of a hierarchical bootstrap "
        "(domains, then examples; from 5 domains on). About these domains alone: MAPSSWE, the mean over examples, "
        f"seeds averaged, each example a segment; McNemar's exact test of one model of each{seed}. These last two say "
        "nothing about other domains, and are too sure where domains show the same objects.",
    )


def controls(table: Table) -> Grid | None:
    """The methods against the controls that were run; None where there are none."""
    ran = [name for name in CONTROLS if any(name in row.controls for row in table.rows)]
    if not ran:
        return None
    return Grid(
        "Against the controls",
        ("Method", *(text for name in ran for text in (f"Difference from {display_name(name)}", "p"))),
        tuple((row.name, *_against(row, ran)) for row in table.rows if row.controls),
        "Percentage points with 95 % interval and p-value of a paired t test over held-out domains, seeds averaged "
        "first; each is its own. The sentences go by p-values that are corrected for the number of comparisons in this "
        "table (Holm's). A gain over ERM that is none over a control is not the gain of the method's idea.",
    )


def worst(row: Row) -> str:
    """The lowest accuracy of a held-out domain and that domain's name."""
    if row.worst is None:
        return numbers.ABSENT
    return f"{numbers.percent(row.by_domain[row.worst])} ({printable(row.worst)})"


def seeds(table: Table) -> str:
    """What ± is where it is over seeds."""
    fewer = ", fewer where runs are missing" if table.unfinished else ""
    return "one seed each" if len(table.seeds) == 1 else f"± one standard error over {len(table.seeds)} seeds{fewer}"


def _tests(row: Row) -> tuple[str, ...]:
    found = row.difference
    if found is None:
        return (row.name,)
    examples: ByExample | None = found.by_example
    return (
        row.name,
        numbers.p_value(found.corrected_p),
        numbers.p_value(found.wilcoxon_p),
        numbers.difference(examples.bootstrap if examples else None),
        numbers.difference(examples.matched_pairs if examples else None),
        numbers.p_value(examples.matched_pairs.p_value if examples else None),
        numbers.p_value(examples.mcnemar.p_value if examples and examples.mcnemar else None),
    )


def _against(row: Row, ran: Sequence[str]) -> tuple[str, ...]:
    cells: list[str] = []
    for name in ran:
        comparison = row.controls[name].comparison if name in row.controls else None
        cells += [numbers.difference(comparison), numbers.p_value(comparison.p_value if comparison else None)]
    return tuple(cells)
