import gzip
import os
import pickle

import numpy as np
import pytest
import torch
from scipy import ndimage

from crossgrad.data.benchmarks import BENCHMARKS
from crossgrad.data.benchmarks.rotated_mnist import load_rotated_mnist
from crossgrad.data.raw_files import sha256_of
from crossgrad.errors import DataError

(FILE,) = BENCHMARKS["rotated_mnist"].files


@pytest.fixture(scope="module")
def dataset():
    if not FILE.is_here:
        pytest.skip(f"{FILE.path} is not in the data root")
    return load_rotated_mnist()


@pytest.mark.skipif(not FILE.is_here, reason=f"{FILE.path} is not in the data root")
def test_the_file_is_the_one_that_is_stated():
    assert FILE.place.stat().st_size == FILE.n_bytes
    assert sha256_of(FILE.place) == FILE.sha256


@pytest.mark.filterwarnings("ignore:numpy.core:DeprecationWarning")
def test_values_are_those_of_pickle_itself(dataset):
    angles = pickle.loads(gzip.decompress(FILE.place.read_bytes()), encoding="latin1")  # its checksum is known
    for domain, (pixels, digits) in enumerate(angles):
        here = dataset.domains == domain
        np.testing.assert_array_equal(dataset.inputs[here].flatten(1).numpy(), pixels.astype(np.float32))
        np.testing.assert_array_equal(dataset.labels[here].numpy(), digits)


def test_the_dataset_is_as_its_facts_say(dataset):
    facts = BENCHMARKS["rotated_mnist"].facts
    assert dataset.inputs.shape == (facts.examples, *facts.input_shape)
    assert (len(dataset.label_names), len(dataset.domain_names)) == (facts.labels, facts.domains)
    assert dataset.inputs.dtype == torch.float32
    assert dataset.inputs.min() == 0
    assert dataset.inputs.max() == 1
    assert dataset.domain_names == ("0", "15", "30", "45", "60", "75")


def test_a_hundred_digits_a_class_are_at_every_angle(dataset):
    table = torch.zeros(10, 6, dtype=torch.int64)
    table.index_put_((dataset.labels, dataset.domains), torch.ones(6000, dtype=torch.int64), accumulate=True)
    assert (table == 100).all()
    assert (dataset.labels.reshape(6, 1000) == dataset.labels[:1000]).all()


def test_ones_turn_anti_clockwise_by_their_angles(dataset):
    """The direction of a one's stroke, from the second moments of its ink; the file's digits one by one."""
    ones = dataset.labels == 1
    x = torch.arange(16.0) - 7.5  # to the right
    y = -x  # upwards: rows count downwards
    directions = []
    for domain in range(6):
        ink = dataset.inputs[ones & (dataset.domains == domain), 0]
        ink = ink / ink.sum((1, 2), keepdim=True)
        columns, rows = ink.sum(1), ink.sum(2)
        mean_x, mean_y = columns @ x, rows @ y
        xx, yy = columns @ x**2 - mean_x**2, rows @ y**2 - mean_y**2
        xy = torch.einsum("nrc,r,c->n", ink, y, x) - mean_x * mean_y
        directions.append(torch.rad2deg(torch.atan2(2 * xy, xx - yy)) / 2)
    turned = (torch.stack(directions) - directions[0]) % 180
    torch.testing.assert_close(turned.median(1).values, torch.arange(0.0, 90, 15), atol=3, rtol=0)


@pytest.mark.parametrize(("degrees", "up", "left"), [(15, 0, 0), (30, 0, 0), (45, 0.5, 0.5), (60, 0, 0)])
def test_pictures_are_the_upright_ones_turned_and_at_45_degrees_shifted(dataset, degrees, up, left):
    """Linear interpolation gives more than 99 % of the pixels to within 0.001: all but a few at the frame."""
    angle = np.deg2rad(degrees)
    inverse = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # rows count downwards
    offset = np.full(2, 7.5) - inverse @ np.array([7.5 - up, 7.5 - left])
    images = dataset.inputs[dataset.domains == degrees // 15, 0].numpy()
    upright = dataset.inputs[dataset.domains == 0, 0].numpy()
    turned = [ndimage.affine_transform(image, inverse, offset=offset, order=1) for image in upright]
    assert (np.abs(np.stack(turned) - images) < 1e-3).mean() > 0.99


def test_pictures_at_75_degrees_are_blurred(dataset):
    deviations = [float(dataset.inputs[dataset.domains == domain].std()) for domain in range(6)]
    assert deviations == pytest.approx([0.29, 0.257, 0.257, 0.257, 0.257, 0.223], abs=0.001)


def test_another_file_in_its_place_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path))
    FILE.place.parent.mkdir()
    FILE.place.write_bytes(gzip.compress(b"(l."))
    with pytest.raises(DataError, match=r"MNIST_6rot\.pkl\.gz' is not the file of Ghifary et al"):
        load_rotated_mnist()
    FILE.place.write_bytes(gzip.compress(f"cos\nsystem\n(S'touch {tmp_path}/sentinel'\ntR.".encode()))
    with pytest.raises(DataError, match="asks for 'os system'"):
        load_rotated_mnist()
    assert not os.path.exists(tmp_path / "sentinel")
