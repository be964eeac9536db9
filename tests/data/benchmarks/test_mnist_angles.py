import gzip
import shutil

import numpy as np
import pytest
import torch

from crossgrad.data.benchmarks import BENCHMARKS
from crossgrad.data.benchmarks.mnist_angles import _read_mnist, _resized, _turned, load_mnist_angles
from crossgrad.data.benchmarks.rotated_mnist import load_rotated_mnist
from crossgrad.data.raw_files import sha256_of
from crossgrad.errors import DataError, SettingsError

IMAGES, LABELS = BENCHMARKS["mnist_angles"].files

FIRST_OF_EACH_CLASS = (9994, 7789, 26646, 27173, 18223, 40154, 44728, 47733, 36915, 17674)
"""Which digits of MNIST the 0th, 100th, ..., 900th of Ghifary et al. are, found by comparing them with all."""

pytestmark = pytest.mark.skipif(not BENCHMARKS["mnist_angles"].is_here, reason="MNIST is not in the data root")
needs_rotated_mnist = pytest.mark.skipif(
    not BENCHMARKS["rotated_mnist"].is_here, reason="rotated MNIST is not in the data root"
)


@pytest.fixture(scope="module")
def ours():
    return load_mnist_angles()


@pytest.fixture(scope="module")
def theirs():
    return load_rotated_mnist()


def counts(dataset):
    table = torch.zeros(len(dataset.label_names), len(dataset.domain_names), dtype=torch.int64)
    return table.index_put_((dataset.labels, dataset.domains), torch.ones_like(dataset.labels), accumulate=True)


def test_defaults_are_the_design_of_rotated_mnist(ours):
    facts = BENCHMARKS["mnist_angles"].facts
    assert ours.inputs.shape == (facts.examples, *facts.input_shape)
    assert ours.inputs.dtype == torch.float32
    assert ours.inputs.min() == 0
    assert ours.inputs.max() <= 1
    assert (counts(ours) == 100).all()
    assert (ours.labels.reshape(6, 1000) == ours.labels[:1000]).all()
    assert ours.domain_names == ("0", "15", "30", "45", "60", "75")


@needs_rotated_mnist
def test_its_statistics_are_those_of_rotated_mnist(ours, theirs):
    """Other digits of the same classes: means within 0.002, standard deviations within 0.003.

    Not the standard deviation at 75 degrees, where theirs are blurred.
    """
    for domain in range(6):
        a, b = ours.inputs[ours.domains == domain], theirs.inputs[theirs.domains == domain]
        assert float(a.mean()) == pytest.approx(float(b.mean()), abs=0.002)
        if domain < 5:
            assert float(a.std()) == pytest.approx(float(b.std()), abs=0.003)
        mean_a, mean_b = a.mean(0).flatten(), b.mean(0).flatten()
        assert torch.corrcoef(torch.stack([mean_a, mean_b]))[0, 1] > (
            0.95 if domain == 3 else 0.99
        )  # half a pixel aside at 45


@needs_rotated_mnist
@pytest.mark.parametrize(("domain", "degrees"), list(enumerate((0, 15, 30, 45, 60, 75))))
def test_the_same_digits_are_made_as_theirs_were(theirs, domain, degrees):
    """Pixel for pixel but at the frame; half a pixel elsewhere at 45 degrees, blurred at 75."""
    drawings, _ = _read_mnist()
    upright = _resized(drawings[list(FIRST_OF_EACH_CLASS)].astype(np.float32) / 255, 16)
    made = torch.from_numpy(_turned(upright, degrees))
    expected = theirs.inputs[theirs.domains == domain, 0][::100]
    if degrees in (0, 15, 30, 60):
        assert ((made - expected).abs() < 1e-3).float().mean() > 0.995
    else:
        assert torch.corrcoef(torch.stack([made.flatten(), expected.flatten()]))[0, 1] > 0.85
        assert ((made - expected).abs() < 1e-3).float().mean() < 0.8


def test_each_digit_is_at_one_angle_only_where_they_do_not_overlap(ours):
    apart = load_mnist_angles(overlapping=False)
    assert len(apart) == 1000
    table = counts(apart)
    assert (table.max(1).values - table.min(1).values).max() <= 1
    assert table.sum(0).max() - table.sum(0).min() <= 1
    assert (table.sum(1) == 100).all()
    images = ours.inputs.reshape(6, 1000, -1)
    for domain in range(6):
        here = apart.inputs[apart.domains == domain].flatten(1)
        assert torch.equal(here, images[domain, domain::6])


def test_no_digit_is_drawn_twice():
    upright = load_mnist_angles(angles=(0, 90), digits=2000, size=28).inputs[:2000].flatten(1)
    assert len(torch.unique(upright, dim=0)) == 2000


def test_upright_digits_of_28_pixels_are_mnists_own():
    dataset = load_mnist_angles(angles=(0, 90), digits=10, size=28)
    assert dataset.inputs.shape == (20, 1, 28, 28)
    drawings, labels = _read_mnist()
    for image, label in zip(dataset.inputs[:10, 0], dataset.labels[:10], strict=True):
        same = (drawings[labels == int(label)] == (image * 255).round().numpy().astype(np.uint8)).all((1, 2))
        assert same.sum() == 1


@pytest.mark.parametrize("size", [16, 28])
def test_a_quarter_turn_goes_anti_clockwise(size):
    dataset = load_mnist_angles(angles=(0, 90), digits=50, size=size)
    upright, turned = dataset.inputs[:50], dataset.inputs[50:]
    torch.testing.assert_close(turned, torch.rot90(upright, 1, (2, 3)), atol=1e-5, rtol=0)


def test_other_seeds_draw_other_digits():
    first, again, other = (load_mnist_angles(digits=10, angles=(0, 45), seed=seed) for seed in (0, 0, 1))
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_fewer_digits_are_the_first_of_more():
    fewer, more = (load_mnist_angles(digits=digits, angles=(0, 45)) for digits in (20, 50))
    assert torch.equal(fewer.inputs.reshape(2, 10, 2, 256), more.inputs.reshape(2, 10, 5, 256)[:, :, :2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"angles": ()}, r"angles must be two or more"),
        ({"angles": (15,)}, r"angles must be two or more"),
        ({"angles": (0, 360)}, r"each another turn, not \(0, 360\)"),
        ({"digits": 0}, "a multiple of ten"),
        ({"digits": 1001}, "a multiple of ten, as many of each class, not 1001"),
        ({"digits": 54_220}, "54220 digits need 5422 of each class; the rarest has 5421: at most 54210"),
        ({"digits": 50, "overlapping": False}, "50 digits are too few to have each class at each of 6 angles"),
        ({"size": 32}, "size must be 16 or 28, not 32"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        load_mnist_angles(**options)


def test_options_are_read_from_text():
    options = BENCHMARKS["mnist_angles"].parse_options({"angles": "0,90", "overlapping": "false", "digits": "10"})
    assert options == {"angles": (0, 90), "overlapping": False, "digits": 10}


def test_the_unpacked_files_are_mnist_however_they_were_packed(tmp_path, monkeypatch):
    labels = gzip.decompress(LABELS.place.read_bytes())
    images = IMAGES.place
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path))
    IMAGES.place.parent.mkdir()
    shutil.copyfile(images, IMAGES.place)
    LABELS.place.write_bytes(gzip.compress(labels, compresslevel=1))
    assert sha256_of(LABELS.place) != LABELS.sha256
    assert len(load_mnist_angles(digits=10)) == 60
    LABELS.place.write_bytes(gzip.compress(labels[:-1] + bytes([labels[-1] ^ 1])))
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz' is not the file of MNIST; delete it"):
        load_mnist_angles()
    LABELS.place.unlink()
    with pytest.raises(DataError, match="no such file"):
        load_mnist_angles()
