import numpy as np
import pytest

from crossgrad.reliability import N_BINS, expected_calibration_error


def slow(confidences, right):
    """The definition, bin by bin."""
    total = 0.0
    for low in range(N_BINS):
        inside = (confidences >= low / N_BINS) & ((confidences < (low + 1) / N_BINS) | (low == N_BINS - 1))
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidences[inside].mean())
    return total


def test_it_is_the_definition_bin_by_bin():
    generator = np.random.default_rng(0)
    confidences = generator.uniform(0.1, 1, 500)
    right = generator.uniform(size=500) < confidences**2
    assert expected_calibration_error(confidences, right) == pytest.approx(slow(confidences, right))


def test_probabilities_that_mean_what_they_say_have_hardly_any():
    generator = np.random.default_rng(1)
    confidences = generator.uniform(size=200_000)
    right = generator.uniform(size=confidences.size) < confidences
    assert expected_calibration_error(confidences, right) < 0.01


def test_sure_and_wrong_is_one_and_sure_and_right_is_zero():
    assert expected_calibration_error([1.0, 1.0], [False, False]) == 1.0
    assert expected_calibration_error(np.float32([1.0, 1.000001]), np.array([True, True])) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("confidences", "right"), [([], []), ([0.5], [True, False]), ([1.2], [True]), ([-0.1], [True]), ([np.nan], [True])]
)
def test_what_is_no_confidence_is_refused(confidences, right):
    with pytest.raises(ValueError, match="confidences"):
        expected_calibration_error(confidences, right)
