"""How far the domain tells the label, and the label the domain, before any input is looked at."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

N_TABLES = 999
"""Tables drawn for a p-value, whose smallest value is then 0.001."""


@dataclass(frozen=True)
class Confounding:
    """Dependence of labels and domains.

    Args:
        nmi: normalised mutual information, 0 (independent) to 1 (one determines the other).
        adjusted: likewise, but 0 is what chance alone gives tables of these totals; below 0 labels are spread more
            evenly over domains than chance would.
        p_value: how often chance alone gives as much.
    """

    nmi: float
    adjusted: float
    p_value: float


def confounding(
    labels: Int[NDArray[np.int64], " n"], domains: Int[NDArray[np.int64], " n"], *, seed: int = 0
) -> Confounding | None:
    """Measure the dependence of labels and domains.

    The mutual information is divided by the smaller of the two entropies: it is 1 where the domain determines the
    label or the label the domain, also where there are many more of one than of the other. It is biased upwards, the
    more the fewer examples a pair of label and domain has. So it is given beside its adjusted form, and with a p-value
    from tables of the same totals drawn at random, which is the permutation test of all n labels.

    Args:
        labels: indices, shape (n,).
        domains: indices, shape (n,).
        seed: of the random tables.

    Returns:
        None where there is one label or one domain, so that nothing can depend on it.

    Example:
        >>> confounding(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1])).nmi
        1.0
        >>> confounding(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])).nmi
        0.0

    Reference:
        Vinh, Epps and Bailey, "Information Theoretic Measures for Clusterings Comparison", JMLR 11, 2010. Patefield,
        "An efficient method of generating random R x C tables with given row and column totals", Applied Statistics
        30, 1981.
    """
    from scipy.special import xlogy
    from scipy.stats import random_table
    from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    n_labels, n_domains = len(np.unique(labels)), len(np.unique(domains))
    if n_labels < 2 or n_domains < 2:
        return None
    table = contingency_matrix(labels, domains)
    tables = random_table.rvs(
        table.sum(axis=1), table.sum(axis=0), size=N_TABLES, random_state=np.random.RandomState(seed)
    )
    # Of tables of the same totals this part alone of the mutual information differs.
    found, by_chance = xlogy(table, table).sum(), xlogy(tables, tables).sum(axis=(1, 2))
    # The table itself is one of those that chance may give; a tie is no less extreme for being rounded.
    as_much = int(np.count_nonzero(by_chance >= found * (1 - 1e-12)))
    return Confounding(
        nmi=float(np.clip(normalized_mutual_info_score(labels, domains, average_method="min"), 0, 1)),
        adjusted=float(adjusted_mutual_info_score(labels, domains, average_method="min")),
        p_value=(1 + as_much) / (1 + N_TABLES),
    )
