import numpy as np
import pytest
import torch
from sklearn import datasets

from crossgrad.data.benchmarks.digits import ROTATION_DEGREES, _rotate, load_digits, load_digits_overlapping


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def overlapping():
    return load_digits_overlapping()


def test_there_are_1797_images_of_16_by_16_with_the_datas_own_labels(digits):
    assert digits.inputs.shape == (1797, 1, 16, 16)
    assert digits.inputs.dtype == torch.float32
    assert 0 <= digits.inputs.min() < 0.01
    assert 0.99 < digits.inputs.max() <= 1
    assert (digits.labels.numpy() == datasets.load_digits().target).all()


def test_domains_are_in_the_order_of_their_angles(digits):
    assert digits.domain_names == ("0", "15", "30", "45", "60", "75")


def test_every_class_is_spread_evenly_over_the_angles(digits):
    table = torch.zeros(10, 6, dtype=torch.int64)
    table.index_put_((digits.labels, digits.domains), torch.ones(1797, dtype=torch.int64), accumulate=True)
    assert (table.max(1).values - table.min(1).values).max() <= 1
    assert table.sum(0).max() - table.sum(0).min() <= 1


def test_overlapping_every_digit_is_at_every_angle(digits, overlapping):
    assert overlapping.inputs.shape == (10782, 1, 16, 16)
    assert overlapping.domains.tolist() == [d for d in range(6) for _ in range(1797)]
    assert overlapping.labels.reshape(6, 1797).eq(digits.labels).all()
    assert overlapping.name != digits.name
    images = overlapping.inputs.reshape(6, 1797, 16, 16)
    assert torch.equal(images[digits.domains, torch.arange(1797)], digits.inputs[:, 0])


def test_no_angle_cuts_ink_off(overlapping):
    ink = overlapping.inputs.reshape(6, 1797, -1).sum(2)
    torch.testing.assert_close(ink[1:], ink[:1].expand(5, -1), rtol=0.08, atol=0)


def test_digits_turn_anti_clockwise_about_the_middle():
    drawing = np.zeros((8, 8))
    drawing[3:5, 6] = 1  # ink to the right of the middle
    upright = np.unravel_index(_rotate(drawing, 0).argmax(), (16, 16))
    turned = _rotate(drawing, 90)
    assert upright[1] > 10
    assert np.unravel_index(turned.argmax(), (16, 16))[0] < 5  # goes to the top
    np.testing.assert_allclose(turned, np.rot90(_rotate(drawing, 0)), atol=1e-6)
    middle = np.array([[image.T @ np.arange(16) for image in (turned.sum(0), turned.sum(1))]])
    assert middle[0, 0] / turned.sum() == pytest.approx(7.5, abs=0.01)


def test_angles_are_multiples_of_fifteen():
    assert tuple(range(0, 90, 15)) == ROTATION_DEGREES
