"""Do a model's probabilities mean what they say? The expected calibration error. No torch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

N_BINS = 15


def expected_calibration_error(
    confidences: Sequence[float] | NDArray[np.floating], right: Sequence[bool] | NDArray[np.bool_]
) -> float:
    """How far confidence lies from accuracy: the mean of |accuracy - mean confidence| over examples, by bins.

    Examples are put in 15 bins of equal width by their confidence, the probability of the label that was chosen. Of few
    examples it is too large, even where probabilities are right, since a bin's accuracy is then far from its
    expectation by chance: compare only what has equally many.

    Args:
        confidences: of n examples, in [0, 1].
        right: whether the chosen label is the true one.

    Returns:
        In [0, 1]; 0 is perfect.

    Raises:
        ValueError: lengths differ, there are no examples, or a confidence lies outside [0, 1].

    Example:
        >>> expected_calibration_error([0.9, 0.9, 0.9, 0.9], [True, True, True, False])
        0.15...

    Reference:
        Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, ICML, section 2.
    """
    confidence, correct = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=bool)
    if confidence.ndim != 1 or confidence.shape != correct.shape or confidence.size == 0:
        raise ValueError(
            f"expected as many confidences as answers, at least 1, got {confidence.shape}, {correct.shape}"
        )
    # A softmax in single precision may sum to a little more than 1.
    if not (confidence >= 0).all() or not (confidence <= 1 + 1e-5).all():
        raise ValueError(f"confidences lie in [0, 1], these from {confidence.min()} to {confidence.max()}")
    places = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    gaps = np.bincount(places, weights=correct - confidence, minlength=N_BINS)
    return float(np.abs(gaps).sum() / confidence.size)
