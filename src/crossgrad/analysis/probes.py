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
        ValueError: fewer than five examples of some class, or fewer than five groups.

    Example:
        >>> features = np.random.RandomState(0).normal(size=(20, 1)) + np.repeat([[0], [9]], 10, axis=0)
        >>> probe(features, np.repeat([0, 1], 10)).value
        1.0
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score

    if int(np.bincount(classes)[np.unique(classes)].min()) < FOLDS:
        raise ValueError(f"a class has fewer than {FOLDS} examples; {FOLDS} folds cannot each have one")
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0) if groups is None else GroupKFold(FOLDS)
    # In closed form; the covariance is shrunk (Ledoit and Wolf), since features may outnumber a class's examples.
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    return estimate([float(score) for score in cross_val_score(model, features, classes, groups=groups, cv=folds)])
