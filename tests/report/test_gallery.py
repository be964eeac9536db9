import base64
import io

import numpy as np
import pytest
from PIL import Image

from crossgrad.errors import RecordError
from crossgrad.report.artefacts import Artefacts
from crossgrad.report.gallery import MOST_CHARACTERS, MOST_EXAMPLES, galleries
from crossgrad.report.pictures import MOST_PIXELS

from .conftest import make_record


def pixels(picture) -> np.ndarray:
    data = base64.b64decode(picture.uri.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(data)))


def saved(folder, method="crossgrad", domain="0", **arrays):
    record = make_record(method, domain, 0, 0.8)
    (folder / record["key"]).mkdir()
    n = len(arrays["inputs"])
    whole = {"labels": np.zeros(n, int), "domains": np.array(["15"] * n), **arrays}
    np.savez(folder / record["key"] / "gallery.npz", **whole)
    return record


def test_a_row_holds_the_input_its_moves_and_their_differences(tmp_path):
    inputs = np.full((2, 1, 4, 4), 0.5)
    record = saved(tmp_path, inputs=inputs, domain_perturbed=inputs + 0.2, label_perturbed=inputs - 0.1)
    (gallery,) = galleries([record], Artefacts(tmp_path))
    assert len(gallery.headers) == 5
    assert gallery.largest == pytest.approx(0.2)
    what, row = gallery.rows[0]
    assert what == "label 0, domain 15"
    clean, domain, domain_difference, label, label_difference = map(pixels, row)
    assert (clean == 128).all()
    assert (domain == round(0.7 * 255)).all()
    assert (label == 102).all()
    assert (domain_difference == (178, 24, 43)).all()
    assert (label_difference == (146, 197, 222)).all()


def test_label_grad_has_one_move(tmp_path):
    inputs = np.random.default_rng(0).random((2, 1, 4, 4))
    (gallery,) = galleries([saved(tmp_path, "label_grad", inputs=inputs, label_perturbed=inputs)], Artefacts(tmp_path))
    assert gallery.headers == ("Input", "Moved along the label gradient", "Difference")
    assert (pixels(gallery.rows[0][1][2]) == 247).all()


@pytest.mark.parametrize("labels", [np.array(["cat", "dog"]), np.array([0, 1])])
def test_labels_come_by_name_or_by_place(tmp_path, labels):
    inputs = np.zeros((2, 1, 4, 4))
    record = saved(tmp_path, inputs=inputs, label_perturbed=inputs, labels=labels)
    record["labels"] = ["cat", "dog"]
    (gallery,) = galleries([record], Artefacts(tmp_path))
    assert [what for what, _ in gallery.rows] == ["label cat, domain 15", "label dog, domain 15"]


def test_values_that_were_moved_out_of_zero_to_one_are_shown_as_the_nearest(tmp_path):
    inputs = np.full((1, 1, 4, 4), 0.5)
    moved = {"label_perturbed": inputs + 3, "domain_perturbed": inputs - 3}
    (gallery,) = galleries([saved(tmp_path, inputs=inputs, **moved)], Artefacts(tmp_path))
    _, domain, _, label, _ = map(pixels, gallery.rows[0][1])
    assert (domain == 0).all()
    assert (label == 255).all()
    assert gallery.contrast is None


def test_inputs_that_are_no_images_are_shown_in_their_own_contrast(tmp_path):
    ramp = np.linspace(-30.0, 70.0, 101).reshape(1, 1, 1, 101)
    inputs = np.concatenate([ramp, 1000 * ramp])[..., :96]
    shifted = inputs + np.array([9.0, 0.0]).reshape(2, 1, 1, 1)
    (gallery,) = galleries([saved(tmp_path, inputs=inputs, label_perturbed=shifted)], Artefacts(tmp_path))
    assert gallery.contrast == (5, 95)
    (small, moved, _), (large, same, _) = ([pixels(picture) for picture in row] for _, row in gallery.rows)
    assert (small == large).all()  # each by its own values
    assert (large == same).all()
    assert (small[:, :5] == 0).all()
    assert (small[:, -5:] == 255).all()
    assert len(np.unique(small)) > 80
    assert (moved.astype(int) >= small).all()
    assert 0 < moved[0, 0] < 255  # on the input's scale, not on one of its own


def test_inputs_without_any_contrast_are_shown(tmp_path):
    inputs = np.full((1, 1, 4, 4), -9.0)
    (gallery,) = galleries([saved(tmp_path, inputs=inputs, label_perturbed=inputs)], Artefacts(tmp_path))
    assert (pixels(gallery.rows[0][1][0]) == 0).all()


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 4)), (2, (4, 4)), (3, (4, 4, 3))])
def test_three_channels_are_colours_and_other_numbers_are_grey(tmp_path, channels, shape):
    inputs = np.random.default_rng(0).random((1, channels, 4, 4))
    (gallery,) = galleries([saved(tmp_path, inputs=inputs, label_perturbed=inputs)], Artefacts(tmp_path))
    assert pixels(gallery.rows[0][1][0]).shape == shape


def test_examples_are_of_as_many_domains_as_there_are(tmp_path):
    inputs = np.zeros((40, 1, 4, 4))
    domains = np.array(["15"] * 30 + ["30"] * 9 + ["45"])
    record = saved(tmp_path, inputs=inputs, label_perturbed=inputs, domains=domains)
    (gallery,) = galleries([record], Artefacts(tmp_path))
    shown = [what.removeprefix("label 0, domain ") for what, _ in gallery.rows]
    assert len(shown) == MOST_EXAMPLES
    assert set(shown) == {"15", "30", "45"}


def test_large_and_many_pictures_stay_within_the_page(tmp_path):
    generator = np.random.default_rng(0)
    records = []
    for n in range(8):
        inputs = generator.random((6, 3, 100, 120), dtype="f4")
        moved = generator.random((6, 3, 100, 120), dtype="f4")
        records.append(saved(tmp_path, f"method {n}", inputs=inputs, domain_perturbed=moved, label_perturbed=moved))
    found = galleries(records, Artefacts(tmp_path))
    size = sum(len(picture.uri) for gallery in found for _, row in gallery.rows for picture in row)
    assert size <= MOST_CHARACTERS
    assert len(found) == 8
    assert 1 <= len(found[0].rows) < 6
    assert max(pixels(found[0].rows[0][1][0]).shape) == MOST_PIXELS


def test_each_method_shows_its_first_run_with_pictures(tmp_path):
    inputs = np.zeros((1, 1, 4, 4))
    without = make_record("crossgrad", "75", 0, 0.8)
    first = saved(tmp_path, domain="0", inputs=inputs, label_perturbed=inputs)
    second = saved(tmp_path, domain="15", inputs=inputs, label_perturbed=inputs)
    (gallery,) = galleries([without, first, second], Artefacts(tmp_path))
    assert gallery.run == "held out 0, seed 0"


def test_a_damaged_gallery_is_refused_by_name(tmp_path):
    record = saved(tmp_path, inputs=np.zeros((1, 1, 4, 4)))
    path = tmp_path / record["key"] / "gallery.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(RecordError, match=r"gallery.npz: not a gallery"):
        galleries([record], Artefacts(tmp_path))
    np.savez(path, inputs=np.zeros((1, 1, 4, 4)))
    with pytest.raises(RecordError, match=r"gallery.npz: not a gallery"):
        galleries([record], Artefacts(tmp_path))


def test_a_gallery_is_never_unpickled(tmp_path):
    record = saved(tmp_path, inputs=np.zeros((1, 1, 4, 4)), domains=np.array([{"a": 1}], dtype=object))
    with pytest.raises(RecordError, match="not a gallery"):
        galleries([record], Artefacts(tmp_path))
