import os
import re
import shutil
import zipfile

import numpy as np
import pytest
import torch

from crossgrad.data.benchmarks.fonts import FONTS, load_fonts
from crossgrad.data.glyphs import Font, fit_in_circle
from crossgrad.data.raw_files import sha256_of
from crossgrad.errors import DataError, DataWarning, SettingsError
from small_fonts import BOX, font_bytes, shape

LETTERS = "ABQR"
STYLES = {"brush": "ttf", "chalk": "otf", "marker": "woff", "quill": "woff2", "reed": "ttf"}

families_are_here = pytest.mark.skipif(not FONTS.is_here, reason="the families of fonts are not in the data root")


def drawings(style):
    return {character: shape(character, style=style) for character in LETTERS}


@pytest.fixture
def folder(tmp_path):
    for style, (name, kind) in enumerate(STYLES.items()):
        (tmp_path / f"{name}.{kind}").write_bytes(font_bytes(drawings(style), kind=kind))
    return tmp_path


def load(folder, **options):
    return load_fonts(folder=folder, **{"characters": LETTERS, **options})


def of_domain(dataset, name):
    return dataset.subset(dataset.domains == dataset.domain_names.index(name))


@pytest.fixture(scope="module")
def families():
    if not FONTS.is_here:
        pytest.skip("the families of fonts are not in the data root")
    return FONTS.open()


def test_ones_own_folder_of_fonts_in_every_format_is_a_dataset(folder):
    (folder / "LICENCE.txt").write_text("OFL")
    dataset = load(folder)
    assert dataset.domain_names == tuple(sorted(STYLES))
    assert dataset.label_names == tuple(LETTERS)
    assert dataset.inputs.shape[1:] == (1, 32, 32)
    assert set(zip(dataset.domains.tolist(), dataset.labels.tolist(), strict=True)) == {
        (domain, label) for domain in range(5) for label in range(4)
    }


def test_an_archive_of_fonts_is_read_like_a_folder(folder, tmp_path_factory):
    place = tmp_path_factory.mktemp("archive") / "fonts.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"some/folder/{file.name}")
    assert load(place).fingerprint == load(folder).fingerprint


def test_values_are_multiples_of_a_255th_in_float32(folder):
    inputs = load(folder).inputs
    assert inputs.dtype == torch.float32
    assert torch.equal((inputs * 255).round() / 255, inputs)
    assert (inputs.min(), inputs.max()) == (0, 1)


def test_the_same_seed_draws_the_same_and_another_draws_another(folder):
    assert load(folder).fingerprint == load(folder).fingerprint
    assert load(folder, seed=1).fingerprint != load(folder).fingerprint


def test_a_fonts_images_depend_on_no_other_font(folder):
    everything = load(folder)
    (folder / "reed.ttf").unlink()
    fewer = load(folder)
    for name in fewer.domain_names:
        assert torch.equal(of_domain(fewer, name).inputs, of_domain(everything, name).inputs)


def test_a_characters_images_depend_on_no_other_character(folder):
    everything, fewer = load(folder), load(folder, characters="RA")
    for label, character in enumerate("RA"):
        images = everything.inputs[everything.labels == LETTERS.index(character)]
        assert torch.equal(fewer.inputs[fewer.labels == label], images)


def test_two_fonts_are_turned_differently_even_where_they_draw_alike(folder):
    for name in ("brush", "reed"):
        (folder / f"{name}.ttf").write_bytes(font_bytes(drawings(0)))
    dataset = load(folder)
    brush, reed = of_domain(dataset, "brush"), of_domain(dataset, "reed")
    assert not torch.equal(brush.inputs[0], reed.inputs[0])


def test_images_are_of_the_size_that_is_asked_for(folder):
    assert load(folder, size=20).inputs.shape[1:] == (1, 20, 20)


def test_without_rotation_and_noise_all_images_of_a_character_in_a_font_are_the_same(folder):
    dataset = of_domain(load(folder, rotation_degrees=0.0, noise=0.0), "brush")
    for label in range(4):
        images = dataset.inputs[dataset.labels == label]
        assert len(images) >= 2
        assert (images == images[:1]).all()


def test_noise_has_the_standard_deviation_that_is_asked_for(folder):
    clean, noisy = (load(folder, noise=noise).inputs for noise in (0.0, 0.08))
    inside = (clean > 0.4) & (clean < 0.6)  # five deviations from being clipped
    added = (noisy - clean)[inside]
    assert len(added) > 200
    assert added.std().item() == pytest.approx(0.08, rel=0.15)
    assert added.mean().item() == pytest.approx(0, abs=0.02)
    on_ground = noisy[clean == 0]  # half of what falls there is clipped
    assert on_ground.mean().item() == pytest.approx(0.08 / np.sqrt(2 * np.pi), rel=0.03)


def test_turns_are_uniform_up_to_the_degrees_that_are_asked_for(folder):
    """A bar's direction, from the second moments of its ink."""
    for name, kind in STYLES.items():
        bars = {character: ((0, 300, 800, 400 + 10 * i),) for i, character in enumerate("ABCDEFGHIJ")}
        (folder / f"{name}.{kind}").write_bytes(font_bytes(bars, kind=kind))
    ink = load(folder, characters="ABCDEFGHIJ", rotation_degrees=40.0, noise=0.0).inputs[:, 0]
    x = torch.arange(32.0) - 15.5
    xx, yy = torch.einsum("nrc,c->n", ink, x**2), torch.einsum("nrc,r->n", ink, x**2)
    xy = torch.einsum("nrc,r,c->n", ink, -x, x)  # rows count downwards
    turns = torch.rad2deg(torch.atan2(2 * xy, xx - yy)) / 2
    assert turns.abs().max() < 41
    assert turns.min() < -35
    assert turns.max() > 35
    assert turns.std().item() == pytest.approx(80 / np.sqrt(12), rel=0.12)


def test_no_turn_cuts_ink_off(folder):
    upright = load(folder, rotation_degrees=0.0, noise=0.0).inputs.sum((1, 2, 3))
    turned = load(folder, rotation_degrees=180.0, noise=0.0).inputs.sum((1, 2, 3))
    torch.testing.assert_close(turned, upright, rtol=0.02, atol=0.1)


def test_a_font_that_lacks_a_character_is_left_out_and_named(folder):
    (folder / "quill.woff2").write_bytes(font_bytes({c: shape(c) for c in "ABR"}, kind="woff2"))
    with pytest.warns(DataWarning, match="fonts left out: quill lacks Q$"):
        dataset = load(folder)
    assert dataset.domain_names == ("brush", "chalk", "marker", "reed")


def test_empty_glyphs_and_boxes_are_named_too(folder):
    (folder / "empty.ttf").write_bytes(font_bytes(drawings(7) | {"A": (), "R": ()}))
    (folder / "boxes.ttf").write_bytes(font_bytes(dict.fromkeys(LETTERS, (BOX,))))
    (folder / "blots.ttf").write_bytes(font_bytes(dict.fromkeys(LETTERS, ((0, 0, 90, 90),))))
    with pytest.warns(DataWarning, match="blots lacks ABQR; boxes lacks ABQR; empty lacks AR$"):
        assert load(folder).domain_names == tuple(sorted(STYLES))


def test_fewer_than_four_fonts_are_refused_with_those_left_out(folder):
    (folder / "brush.ttf").unlink()
    (folder / "chalk.otf").write_bytes(font_bytes({c: shape(c) for c in "ABR"}, kind="otf"))
    with pytest.raises(DataError, match=r"3 fonts draw all of 'ABQR', and 4 are needed .*: chalk lacks Q"):
        load(folder)


def test_a_folder_without_fonts_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(DataError, match="0 fonts draw all of 'ABQR', and 4 are needed"):
        load(tmp_path)


def test_a_file_that_is_no_font_is_left_out_and_named(folder):
    whole = load(folder)
    (folder / "letter.ttf").write_text("Dear Sir,")
    with pytest.warns(DataWarning, match=r"fonts left out: 'letter\.ttf' cannot be read as a font"):
        assert load(folder).fingerprint == whole.fingerprint


def test_broken_fonts_are_named_where_too_few_are_left(folder):
    for file in ("brush.ttf", "chalk.otf"):
        (folder / file).write_bytes((folder / file).read_bytes()[:100])
    with pytest.raises(DataError, match=r"3 fonts draw all of .*: 'brush\.ttf' cannot .*; 'chalk\.otf' cannot be read"):
        load(folder)


@families_are_here
def test_a_broken_family_of_the_benchmark_is_an_error(tmp_path, monkeypatch):
    shutil.copytree(FONTS.files[0].place.parent, tmp_path / "fonts")
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path))
    FONTS.files[0].place.write_bytes(b"Dear Sir,")
    with pytest.raises(DataError, match="cannot be read as a font"):
        load_fonts()


def test_two_fonts_of_one_name_are_refused(folder):
    (folder / "brush.otf").write_bytes(font_bytes(drawings(8), kind="otf"))
    with pytest.raises(DataError, match=r"two fonts named 'brush': 'brush\.otf' and 'brush\.ttf'"):
        load(folder)


def test_a_font_whose_name_is_not_unicode_is_named(folder):
    (folder / "brush.ttf").rename(os.fsdecode(os.fsencode(folder) + b"/brush\xff.ttf"))
    with pytest.raises(
        DataError, match=r"the font 'brush\\udcff\.ttf' in .*: its name is not valid Unicode; rename it"
    ):
        load(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"characters": "A"}, "characters must be two or more that differ, not 'A'"),
        ({"characters": "ABA"}, "characters must be two or more that differ, not 'ABA'"),
        ({"size": 7}, "size must be at least 8 pixels, not 7"),
        ({"size": 100_000}, "size must be at most 512 pixels, not 100000"),
        ({"rotation_degrees": -1.0}, "rotation_degrees must be from 0 to 180, not -1"),
        ({"rotation_degrees": float("nan")}, "rotation_degrees must be from 0 to 180, not nan"),
        ({"noise": 20.0}, "noise must be from 0 to 1, the range of the pixels, not 20"),
        ({"seed": -1}, "seed must not be negative, but is -1"),
    ],
)
def test_options_that_make_no_sense_are_refused(folder, options, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        load(folder, **options)


def test_there_are_109_families_each_with_an_address_and_a_checksum():
    assert len({file.path for file in FONTS.files}) == len({file.sha256 for file in FONTS.files}) == 109
    for file in FONTS.files:
        (family,) = re.fullmatch(r"fonts/([a-z-]+)\.woff2", file.path).groups()
        (url,) = file.urls
        assert re.fullmatch(
            rf"https://.*/@fontsource/{family}@\d+\.\d+\.\d+/files/{family}-latin-400-normal\.woff2", url
        )


@families_are_here
def test_the_families_files_are_those_that_are_listed():
    for file in FONTS.files:
        assert file.place.stat().st_size == file.n_bytes
        assert sha256_of(file.place) == file.sha256


def test_the_fonts_that_are_drawn_are_those_that_are_listed(families):
    assert families.domain_names == tuple(file.place.stem for file in FONTS.files)
    assert "".join(families.label_names) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def test_every_font_has_two_to_eighteen_images_of_every_character_about_as_many_as_the_authors(families):
    table = torch.zeros(109, 36, dtype=torch.int64)
    table.index_put_((families.domains, families.labels), torch.ones(len(families), dtype=torch.int64), accumulate=True)
    assert table.min() == 2
    assert 12 < table.max() <= 18
    assert len(families) == pytest.approx(13_718, rel=0.02)


def test_fonts_are_split_as_in_the_paper(families):
    own = families.domain_split
    assert (len(own.validation), len(own.test)) == (11, 27)
    assert not set(own.validation) & set(own.test)


def drawn_once(file):
    glyphs = Font(file.place.read_bytes(), em_pixels=100, name=file.path).draw("ABEGKMQRSW2345")
    squares = [np.asarray(fit_in_circle(glyph, diameter=32)) for glyph in glyphs.values()]
    return torch.from_numpy(np.stack(squares)).flatten(1) / 255


@families_are_here
def test_no_two_families_draw_alike():
    """Fonts that were each other's copies would let a training font into the test."""
    images = torch.stack([drawn_once(file) for file in FONTS.files])
    overlap = torch.einsum("acp,bcp->abc", images, images)
    ink = images.square().sum(2)
    alike = (2 * overlap / (ink[:, None] + ink)).mean(2).fill_diagonal_(0)  # Dice's coefficient
    assert alike.max() < 0.9
