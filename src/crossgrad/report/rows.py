"""What a table holds: one row a method, its accuracies and its differences from ERM and from the controls."""

from dataclasses import dataclass, field
from typing import Literal

from crossgrad.report.names import fold_name
from crossgrad.significance import SIGNIFICANCE_LEVEL, Comparison, Discordance, Estimate

Verdict = Literal["better", "perhaps better", "perhaps worse", "worse", "same", "unknown"]


@dataclass(frozen=True)
class ByExample:
    """A method against ERM in percentage points, example by example: what accuracies alone do not tell."""

    bootstrap: Comparison
    """Mean over held-out domains, with the interval of the hierarchical bootstrap: about new domains."""
    matched_pairs: Comparison
    """Mean over examples, seeds averaged, each example a segment (MAPSSWE): about these domains."""
    mcnemar: Discordance | None
    """The method's model first, ERM's second, of one seed: about these two models on these domains."""
    mcnemar_seed: int | None
    """The lowest seed that both have on every domain; None where there is none."""


@dataclass(frozen=True)
class Difference:
    """A method against another one in percentage points, over the (domain, seed) pairs that both have."""

    comparison: Comparison
    """Paired t test over held-out domains, seeds averaged first."""
    by_domain: dict[str, float]
    corrected_p: float | None
    """The larger p-value (over domains, and over folds where they are fewer) corrected (Holm) for the number of methods
    compared with ERM; against a control, for the number of all methods' comparisons with controls. None where there is
    none to correct."""
    wilcoxon_p: float | None = None
    """Wilcoxon's signed rank test over held-out domains; None for a single one."""
    by_example: ByExample | None = None
    """Against ERM, where predictions are at hand."""
    n_folds: int = 0
    """Groups of domains that share no model of either method; fewer than domains where some were held out together."""
    fold_p: float | None = None
    """A paired t test over the means of folds, where they are fewer than domains: domains of one fold share the luck of
    their models, which the test over domains does not know. None where there is one fold, or one for each domain, or
    where the means of folds are equal."""
    n_failed: int = 0
    """Runs of either method that failed and are in no number: what is left may be the luckier part."""

    @property
    def shares_models(self) -> bool:
        """Whether held-out domains share the luck of their models and no test over folds can tell it from a difference:
        all were measured with the same models, or the means of folds are equal.
        """
        return 0 < self.n_folds < self.comparison.n and self.fold_p is None

    @property
    def larger_p(self) -> float | None:
        """The larger of the p-values over domains and over folds; None without one over domains."""
        over_domains = self.comparison.p_value
        return over_domains if over_domains is None or self.fold_p is None else max(over_domains, self.fold_p)

    @property
    def verdict(self) -> Verdict:
        """What may be said: "perhaps" is what would be significant alone, and is not among as many methods or over
        folds, or may be the luck of one training, or of the runs that did not fail.
        """
        found = self.comparison
        if found.p_value is None or self.corrected_p is None:
            return "unknown"
        if not found.distinguishable:
            return "same"
        if self.corrected_p >= SIGNIFICANCE_LEVEL or self.shares_models or self.n_failed:
            return "perhaps better" if found.mean > 0 else "perhaps worse"
        return "better" if found.mean > 0 else "worse"

    @property
    def is_found(self) -> bool:
        """Whether the method is called better or worse without a perhaps."""
        return self.verdict in ("better", "worse")

    @property
    def is_gain(self) -> bool:
        """Whether it is better over domains, whatever folds, failures and the correction leave of that."""
        return self.comparison.distinguishable and self.comparison.mean > 0


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
    spread: float | None = None
    """Standard deviation of the accuracy over held-out domains; None for a single one."""
    calibration_error: Estimate | None = None
    """Expected calibration error, a fraction, averaged as accuracies are; None without predictions."""
    controls: dict[str, Difference] = field(default_factory=dict)
    """To each control that was run, by its method; empty for ERM and the controls themselves."""
    is_oracle: bool = False
    """Settings were chosen by the held-out domains' own labels; the name says so too."""


@dataclass(frozen=True)
class Unfinished:
    """A run that failed, or that other methods have and this one has not (`step` is None)."""

    method: str
    held_out: tuple[str, ...]
    seed: int
    reason: str
    step: int | None
    has_failed: bool = True
    """False where there is no record of it."""

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
    """What methods do not have in common (net, steps, way of choosing, ...): field of records to method to value."""
    left_out: tuple[str, ...] = ()
    """Domains that took no part in any run: a benchmark's own, kept for choosing settings."""
    unlabelled: tuple[str, int] | None = None
    """Domain and number of inputs that trained without labels; None without."""
