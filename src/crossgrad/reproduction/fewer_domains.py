"""Table 8 and its picture: what methods gain over ERM by how many domains they train on."""

from pathlib import Path

from crossgrad.experiments.matching import MATCHED
from crossgrad.report.lines import Level, Line, Point, line_chart
from crossgrad.report.names import display_name, method_order
from crossgrad.reproduction.accuracy_tables import accuracy_table
from crossgrad.reproduction.found import found_in
from crossgrad.reproduction.made import Made
from crossgrad.reproduction.scales import Scale
from crossgrad.reproduction.studies import BY_TRAINING_DOMAINS, FEWER_DOMAINS_METHODS
from crossgrad.reproduction.targets import TARGETS


def fewer_domains(scale: Scale, folder: Path) -> Made:
    """The table, and curves of its gains with their 95 % intervals over seeds, from the records that are there.

    Args:
        scale: that the records are of.
        folder: of the studies at that scale.
    """
    table = accuracy_table(TARGETS["table8"], scale, folder)
    panels: dict[str, tuple[Level, list[Line]]] = {}
    for domains, by_number in BY_TRAINING_DOMAINS.items():
        found = {n: found_in(study, folder) for n, study in by_number.items()}
        lines = []
        for method in sorted({*FEWER_DOMAINS_METHODS, MATCHED} - {"erm"}, key=method_order):
            gains = {n: of_n.over_seeds(method, "erm") for n, of_n in found.items()}
            points = tuple(
                Point(n, gain.mean, None if gain.high is None else gain.high - gain.mean)
                for n, gain in gains.items()
                if gain is not None
            )
            if points:
                lines.append(Line(display_name(method), points))
        if lines:
            panels[domains] = (Level(display_name("erm"), 0.0), lines)
    if not panels:
        return Made(table)
    chart = line_chart(
        panels,
        x="Training domains",
        y="Gain over ERM, points",
        description="Gain over ERM on unseen domains by the number of training domains, with 95 % intervals over seeds",
        apart=4,
    )
    return Made(table, {"table8.svg": chart.encode()})
