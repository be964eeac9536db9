"""What can be read off features by a linear classifier."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossgrad.significance import Estimate, estimate

FOLDS = 5


def probe(
    features: NDArray[np.floating[Any]], classes: NDArray[np.int64], *, groups: NDArray[np.int64] | None = None
) -> Estimate:
    """Accuracy of linear discriminant analysis from features to classes on examples that it was not fitted to.

    Args:
        features: (n, features).
        classes: (n,).
        groups: examples that belong together, such as one digit at several angles, and are never on both sides; None:
            each is by itself.

    Returns:
        The mean over five folds and its standard error.

    Raises:
        ValueError: fewer than five examples of some class, fewer than five groups, or groups that keep all examples of
            a class on one side.

    Example:
        >>> features = np.random.RandomState(0).normal(size=(20, 1)) + np.repeat([[0], [9]], 10, axis=0)
        >>> probe(features, np.repeat([0, 1], 10)).value
        1.0
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score

    if min(np.unique(classes, return_counts=True)[1]) < FOLDS:
        raise ValueError(f"a class has fewer than {FOLDS} examples; {FOLDS} folds cannot each have one")
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=0) if groups is None else GroupKFold(FOLDS)
    folds = list(splitter.split(features, classes, groups))
    for fitted, left in folds:
        if lacking := set(classes[left].tolist()) - set(classes[fitted].tolist()):
            raise ValueError(f"all examples of class {min(lacking)} are in groups that one fold keeps for itself")
    # In closed form; the covariance is shrunk (Ledoit and Wolf), since features may outnumber a class's examples.
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    return estimate([float(score) for score in cross_val_score(model, features, classes, cv=folds)])
