from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import max_pool2d

from crossgrad.data import BENCHMARKS, DomainDataset
from crossgrad.data.archives import read_files
from crossgrad.data.benchmarks.handwriting import HANDWRITING, load_handwriting, read_omniglot_strokes
from crossgrad.data.ink import read_ink
from crossgrad.errors import DataError, SettingsError

pytestmark = pytest.mark.skipif(not HANDWRITING.is_here, reason="handwriting is not in the data root")

IMAGES, STROKES = HANDWRITING.files
PEOPLE = tuple(f"{number:02}" for number in range(1, 21))


@cache
def opened(form: str) -> DomainDataset:
    return HANDWRITING.open(form=form)


@cache
def raw(form: str) -> dict[str, bytes]:
    place = (IMAGES if form == "images" else STROKES).place
    files = read_files(place, most_bytes=20_000_000)
    return {"/".join((*path.parts[1:-1], path.stem)): content for path, content in files}


def thickened(ink: torch.Tensor, by: int = 1) -> torch.Tensor:
    return max_pool2d(ink, 2 * by + 1, stride=1, padding=by)


def shares_within(ink: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Of every drawing's ink, the share that lies on the other's or right beside it."""
    return (ink * (thickened(other) > 0.3)).sum((1, 2, 3)) / ink.sum((1, 2, 3))


@pytest.mark.parametrize("form", ["images", "strokes"])
def test_every_character_is_drawn_once_by_everybody(form):
    dataset = opened(form)
    pairs = set(zip(dataset.labels.tolist(), dataset.domains.tolist(), strict=True))
    assert len(pairs) == len(dataset) == 42 * 20
    assert dataset.label_names == tuple(f"character{number:02}" for number in range(1, 43))
    assert dataset.domain_names == PEOPLE


def test_the_people_are_split_as_in_the_paper_and_in_both_forms_alike():
    own = opened("images").domain_split
    assert own == opened("strokes").domain_split
    assert (len(own.validation), len(own.test)) == (3, 5)
    assert not set(own.validation) & set(own.test)


def test_images_and_strokes_hold_the_same_drawings_in_the_same_order():
    assert torch.equal(opened("images").labels, opened("strokes").labels)
    assert torch.equal(opened("images").domains, opened("strokes").domains)
    assert [*raw("images")] == [*raw("strokes")]


def test_strokes_coincide_with_the_image_of_the_same_drawing():
    images, strokes = opened("images").inputs, opened("strokes").inputs
    for first, second in ((images, strokes), (strokes, images)):
        shares = shares_within(first, second)
        assert shares.median() > 0.995
        # The others have spikes in the image, where the pen turned sharply, and are cut to those.
        assert (shares > 0.9).float().mean() > 0.97
    for wrong in (strokes.flip(-1), strokes.flip(-2), strokes.transpose(-1, -2), strokes.roll(20, dims=0)):
        assert shares_within(wrong, images).median() < 0.8


def test_the_pen_went_where_the_published_image_has_ink():
    shares = []
    for name in list(raw("images"))[::29]:
        ink = torch.from_numpy(read_ink(raw("images")[name]) / 255)[None, None]
        x, y = np.rint(np.concatenate(read_omniglot_strokes(raw("strokes")[name].decode()))).astype(int).clip(0, 104).T
        shares.append(thickened(ink, by=2)[0, 0, y, x].mean().item())
    assert len(shares) > 90
    assert np.mean(shares) > 0.99


def test_ink_is_one_and_ground_is_zero_and_little_of_an_image_is_ink():
    for form in ("images", "strokes"):
        inputs = opened(form).inputs
        assert inputs.min() == 0
        assert inputs.max() == 1
        assert 0.1 < inputs.mean() < 0.3
        assert inputs[..., 0, :].max() == inputs[..., :, -1].max() == 0


def test_the_pen_that_nobody_asked_for_leaves_about_the_ink_of_the_images():
    assert opened("strokes").inputs.mean().item() == pytest.approx(opened("images").inputs.mean().item(), rel=0.1)


def test_a_thinner_pen_and_smaller_inputs_are_had_by_options():
    dataset = HANDWRITING.open(alphabet="Tagalog", form="strokes", size=20, thickness=0.5)
    assert dataset.inputs.shape == (17 * 20, 1, 20, 20)
    assert dataset.inputs.mean() < opened("strokes").inputs.mean() / 2
    assert dataset.name == "handwriting[alphabet=Tagalog,form=strokes,size=20,thickness=0.5]"


@pytest.mark.parametrize(
    ("alphabet", "n"), [("Greek", 24), ("Japanese_(katakana)", 47), ("Latin", 26), ("Tagalog", 17)]
)
def test_other_alphabets_are_there_too(alphabet, n):
    dataset = HANDWRITING.open(alphabet=alphabet, size=8)
    assert len(dataset.label_names) == n
    assert len(dataset) == n * 20
    assert dataset.domain_names == PEOPLE


def test_an_unknown_alphabet_is_refused_with_those_there_are():
    with pytest.raises(SettingsError, match=r"no alphabet 'Sanscrit'; did you mean 'Sanskrit'.*'Greek'.*'Tagalog'"):
        load_handwriting(alphabet="Sanscrit")


def test_images_have_no_pen_to_choose():
    with pytest.raises(SettingsError, match=r"thickness=1.5 is for form=strokes"):
        load_handwriting(thickness=1.5)


@pytest.mark.parametrize("form", ["images", "strokes"])
def test_a_size_beyond_all_measure_is_quoted(form):
    with pytest.raises(SettingsError, match="size must be at most 512 pixels, not 100000"):
        load_handwriting(form=form, size=100_000)


def test_a_size_without_room_is_a_setting_not_damaged_data():
    with pytest.raises(SettingsError, match="no room"):
        load_handwriting(size=2)


def test_another_archive_in_its_place_is_refused(tmp_path, monkeypatch):
    import zipfile

    (tmp_path / "omniglot").mkdir()
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path))
    with zipfile.ZipFile(IMAGES.place, "w") as archive:
        archive.writestr("set/Sanskrit/character01/0851_01.png", b"no image")
    with pytest.raises(DataError, match=r"images_background_small2.zip': 'set/Sanskrit.*not a readable"):
        load_handwriting()
    with zipfile.ZipFile(IMAGES.place, "w") as archive:
        archive.writestr("README", b"")
    with pytest.raises(DataError, match="holds 'README', which Omniglot's has not"):
        load_handwriting()
    with zipfile.ZipFile(STROKES.place, "w") as archive:
        archive.writestr("set/Sanskrit/character01/0851_01.txt", b"START\n1.0,two,3\nBREAK\n")
    with pytest.raises(DataError, match=r"0851_01.txt'.*two"):
        load_handwriting(form="strokes")


def test_a_number_is_one_person_within_an_alphabet_and_not_across_alphabets():
    """Told by the rhythm of the pen alone: the nearest mean of each drawer's median and mean time between points."""
    rhythms = {alphabet: _rhythms(alphabet) for alphabet in ("Greek", "Sanskrit", "Tagalog")}
    for alphabet, own in rhythms.items():
        told = [_told(own[i], np.delete(own, i, axis=0).mean(axis=0)) for i in range(len(own))]
        assert np.mean(told) > 0.2  # chance is 0.05
        for other, others in rhythms.items():
            if other != alphabet:
                assert np.mean([_told(drawn, own.mean(axis=0)) for drawn in others]) < 0.12


def _rhythms(alphabet: str) -> NDArray[np.float64]:
    """Log milliseconds, shape (characters, drawers, 2), scaled to a deviation of one."""
    found: dict[str, list[list[float]]] = {}
    for name, content in raw("strokes").items():
        if name.startswith(f"{alphabet}/"):
            strokes = content.decode().replace("START", "").split("BREAK")
            times = [[float(line.split(",")[2]) for line in stroke.split()] for stroke in strokes]
            steps = np.concatenate([np.diff(stroke) for stroke in times if stroke])
            rhythm = [np.median(steps), steps.mean()] if len(steps) else [0.0, 0.0]
            found.setdefault(name.split("/")[1], []).append(rhythm)
    logs = np.log1p(np.array([*found.values()]))
    return logs / logs.std(axis=(0, 1))


def _told(drawn: NDArray[np.float64], means: NDArray[np.float64]) -> float:
    """The share of drawings, one a drawer, that lie nearest to their own drawer's mean."""
    nearest = ((drawn[:, None] - means[None]) ** 2).sum(axis=-1).argmin(axis=1)
    return float((nearest == np.arange(len(drawn))).mean())


def test_it_is_listed():
    assert BENCHMARKS["handwriting"] is HANDWRITING
