"""A rule of thumb from findings to advice, with its reasons; how often it was right stands beside it."""

from dataclasses import dataclass
from typing import Literal

from crossgrad.advice.findings import DomainGap, Findings
from crossgrad.significance import SIGNIFICANCE_LEVEL

LEAST_DOMAINS = 5
"""With n held-out domains a mean difference is significant from t / sqrt(n) times the domains' spread: 2.5 times for 3
domains, 1.6 for 4, 1.2 for 5. Below 5 the differences that methods make are hardly ever that even."""

SMALL_GAP = 0.02
"""A rule of thumb: what training across domains can win back is a part of what is lost. Where the paper's CrossGrad
gains 1 to 6 points, the baseline errs in 18 to 32 cases of 100; no part of two points could be told from chance."""

CONFOUNDED = 0.5
"""From where half of what there is to know of the label (or of the domain) is told by the other, adjusted for chance. A
convention of ours: a domain gradient then points along labels as much as along domains."""

LEAST_TOLD = 0.1
"""Share of the way from chance to telling every domain, within labels, that a domain net must have come to have a
gradient worth following. A convention of ours; less can be significant where examples are many."""

RIGHT, CHECKED = 1, 4
"""How often the advice was right, of the tasks whose comparisons are on record: results/benchmarks/advice.json."""

Verdict = Literal["worth trying", "nothing to gain", "may harm", "too few domains", "cannot tell"]


@dataclass(frozen=True)
class Advice:
    """A verdict and why.

    Args:
        verdict: in a word or two.
        sentence: the same in plain words.
        reasons: one sentence each, those that decided first.
    """

    verdict: Verdict
    sentence: str
    reasons: tuple[str, ...]

    @property
    def expects_gain(self) -> bool | None:
        """Whether a comparison should find a method better than ERM; None where the advice does not say."""
        return None if self.verdict == "cannot tell" else self.verdict == "worth trying"


def honesty() -> str:
    """What the advice is worth, for who reads it.

    Example:
        >>> honesty().startswith("This is a rule of thumb")
        True
    """
    rule = "This is a rule of thumb with thresholds of our own, from a few short trainings."
    if CHECKED == 0:
        return f"{rule} It has not been checked against comparisons yet."
    times = "task whose comparison is" if CHECKED == 1 else "tasks whose comparisons are"
    return (
        f"{rule} It was right on {RIGHT} of {CHECKED} {times} on record; with so few that says little. What decides is "
        "a comparison."
    )


def advise(findings: Findings) -> Advice:
    """Weigh what was found, the most decisive first.

    Args:
        findings: of a diagnosis.

    Returns:
        "may harm" where labels and domains are confounded and what ERM loses cannot be measured; "cannot tell" where
        it cannot be measured for another reason; "nothing to gain" where ERM loses next to nothing on unseen domains;
        "cannot tell" where whether domains can be told apart within labels cannot be measured, and labels and domains
        are not confounded; "nothing to gain" where domains cannot be told apart; "may harm" where labels and domains
        are confounded; "too few domains" for differences to be shown; "worth trying" otherwise.
    """
    reasons = (
        *findings.untold,
        *_about_the_labels(findings),
        *_about_the_gap(findings),
        *_about_the_domains(findings),
        *_about_confounding(findings),
        *_about_the_counts(findings),
    )
    harm = "Labels and domains are confounded: moving inputs along the domain may move their label, and harm."
    if findings.gap is None and is_confounded(findings):
        return Advice("may harm", harm, reasons)
    if findings.untold or findings.gap is None or not learned_labels(findings):
        return Advice("cannot tell", "Whether training across domains may help here cannot be told.", reasons)
    lost, n_domains = _lost(findings.gap), len(findings.gap.by_domain)
    if findings.gap.comparison.mean < SMALL_GAP:
        high = findings.gap.comparison.high
        seen = "loses next to nothing" if high is not None and high < SMALL_GAP else "is not seen to lose much"
        sentence = f"No loss to win back is seen: on unseen domains ERM {seen}, {lost}."
        return Advice("nothing to gain", sentence, reasons)
    if not measures_domains(findings):
        if is_confounded(findings):
            return Advice("may harm", harm, reasons)
        sentence = (
            f"On unseen domains ERM loses {lost}; whether domain gradients may win it back cannot be told, for whether "
            "domains can be told apart within labels cannot be measured."
        )
        return Advice("cannot tell", sentence, reasons)
    if not tells_domains(findings):
        sentence = (
            f"Nothing to gain from domain gradients: on unseen domains ERM loses {lost}, but domains cannot be told "
            "apart from the inputs of a label."
        )
        return Advice("nothing to gain", sentence, reasons)
    if is_confounded(findings):
        return Advice("may harm", harm, reasons)
    if n_domains < LEAST_DOMAINS:
        sentence = (
            f"Too few domains ({n_domains}): on unseen ones ERM loses {lost}, but differences between methods can "
            "hardly be shown."
        )
        return Advice("too few domains", sentence, reasons)
    sentence = f"Worth trying: on unseen domains ERM loses {lost}, and domains can be told apart."
    return Advice("worth trying", sentence, reasons)


def learned_labels(findings: Findings) -> bool:
    """Whether the label net does better in its training domains than always giving the most frequent label."""
    return findings.gap is not None and findings.gap.trained.value > findings.gap.majority + SMALL_GAP


def measures_domains(findings: Findings) -> bool:
    """Whether there are examples to measure on how well domains are told apart within labels."""
    return findings.told_apart is not None and findings.told_apart.within is not None


def tells_domains(findings: Findings) -> bool:
    """Whether the domain net tells domains within labels, more than by chance and by enough to matter."""
    within = findings.told_apart.within if findings.told_apart else None
    return within is not None and within.p_value < SIGNIFICANCE_LEVEL and within.above_chance >= LEAST_TOLD


def is_confounded(findings: Findings) -> bool:
    """Whether labels and domains depend on each other as much as to count as confounded."""
    found = findings.confounding
    return found is not None and found.p_value < SIGNIFICANCE_LEVEL and found.adjusted >= CONFOUNDED


def _about_the_labels(findings: Findings) -> list[str]:
    if findings.gap is None or learned_labels(findings):
        return []
    return [
        f"After {findings.max_steps} steps the label net is right on {_percent(findings.gap.trained.value)} of unseen "
        "examples of its own training domains, and always giving the most frequent label on "
        f"{_percent(findings.gap.majority)}: it has not learned the labels. Try more steps."
    ]


def _about_the_gap(findings: Findings) -> list[str]:
    gap = findings.gap
    if gap is None or not learned_labels(findings):
        return []
    found = [
        f"ERM is right on {_percent(gap.trained.value)} of unseen examples of its training domains. A domain held out "
        f"loses {_lost(gap)}."
    ]
    low = gap.comparison.low
    if gap.comparison.mean >= SMALL_GAP and (low is None or low <= 0):
        found.append("That loss may be chance: the domains differ in it too much, or are too few.")
    return found


def _about_the_domains(findings: Findings) -> list[str]:
    told = findings.told_apart
    if told is None:
        return []
    if told.within is None:
        return [
            f"A domain net tells the domain of {_percent(told.accuracy)} of unseen examples; no label has two domains "
            "with examples for training and unseen ones, so that this cannot be measured within labels."
        ]
    return [
        f"A domain net tells the domain of {_percent(told.accuracy)} of unseen examples, and within a label of "
        f"{_percent(told.within.accuracy)}, where chance gives {_percent(told.within.chance)} "
        f"(p = {told.within.p_value:.2g})."
    ]


def _about_confounding(findings: Findings) -> list[str]:
    found = findings.confounding
    if found is None:
        return []
    if is_confounded(findings):
        how = "confounded"
    elif found.p_value < SIGNIFICANCE_LEVEL:
        how = "somewhat confounded"
    else:
        how = "not seen to be confounded"
    return [
        f"Labels and domains are {how}: their normalised mutual information is {found.nmi:.2f} of 1, "
        f"{max(0.0, found.adjusted):.2f} above chance (p = {found.p_value:.2g})."
    ]


def _about_the_counts(findings: Findings) -> list[str]:
    composition = findings.composition
    if n := len(composition.labels_of_one_domain):
        return [
            f"{n} of {len(composition.label_names)} labels {'is' if n == 1 else 'are'} seen in one domain only: a net "
            "can tell them by their domain."
        ]
    if composition.n_empty:
        return [f"{composition.n_empty} of {composition.n_cells} pairs of a label and a domain have no example."]
    return []


def _lost(gap: DomainGap) -> str:
    found = gap.comparison
    points = f"{100 * found.mean:.1f} points"
    if found.low is None or found.high is None:
        return points
    return f"{points} (95 % interval {100 * found.low:.1f} to {100 * found.high:.1f})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
