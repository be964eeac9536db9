"""Characters in the handwriting fonts of Google Fonts: the paper's first task, drawn anew."""

import csv
import hashlib
import warnings
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path, PurePath

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from crossgrad.data.archives import read_files
from crossgrad.data.benchmarks.benchmark import Benchmark, Facts
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.domain_split import random_domain_split
from crossgrad.data.glyphs import Font, fit_in_circle
from crossgrad.data.ink import check_size
from crossgrad.data.raw_files import RawFile, require
from crossgrad.errors import DataError, DataWarning, SettingsError

LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

FEWEST_IMAGES, MOST_IMAGES = 2, 18
"""Of one character in one font."""

_CONTINUES = 0.6  # probability of each further image up to the most: 3.5 on average, as many as the authors' files have
_SUPERSAMPLING = 4  # an image is drawn and turned at so many times its size
_EM = 2  # a glyph is drawn first at this many times the size of that, so that nearly all are reduced, not enlarged
_MARGIN = 1  # blank pixels at the least between ink and edge
_FEWEST_FONTS = 4  # two to train on, one to validate and one to test
_SUFFIXES = (".ttf", ".otf", ".woff", ".woff2")


def load_fonts(
    *,
    folder: Path | None = None,
    characters: str = LETTERS_AND_DIGITS,
    size: int = 32,
    rotation_degrees: float = 30.0,
    noise: float = 0.1,
    seed: int = 0,
) -> DomainDataset:
    """Draw characters in fonts, each two to eighteen times, turned at random and with noise.

    What is drawn of a character in a font depends on the font's file and name, the character and the options alone, not
    on which other fonts and characters there are.

    Args:
        folder: of font files (.ttf, .otf, .woff, .woff2), or a zip or tar archive of them, all of which are used; a
            font's name is its file's. None: the 109 families that are fetched for this benchmark.
        characters: the labels, at least two.
        size: height and width of an image in pixels, from 8 to 512.
        rotation_degrees: largest turn either way, in [0, 180]; turns are uniform.
        noise: standard deviation of the Gaussian noise on every pixel, for values in [0, 1], before they are clipped.
        seed: of all that is random.

    Returns:
        Inputs in [0, 1], ink 1 on ground 0, shape (n, 1, size, size); labels as in `characters`; a domain a font, with
        10 % of the fonts to validate and 25 % to test.

    Raises:
        DataError: files are missing, two fonts have one name, a font's name is not valid Unicode, fewer than four draw
            every character, or one of the 109 families is damaged.
        SettingsError: options that make no sense.

    Warns:
        DataWarning: fonts that have no drawing of some characters, or that are damaged; they are left out.

    Reference:
        Shankar et al., "Generalizing Across Domains via Cross-Gradient Training", ICLR 2018, section 4.
    """
    _check(characters, size, rotation_degrees, noise, seed)
    names: list[str] = []
    left_out: list[str] = []
    images, labels, domains = [], [], []
    for path, content in sorted(_listed() if folder is None else _found(folder), key=lambda found: found[0].stem):
        try:
            glyphs = Font(content, em_pixels=_EM * _SUPERSAMPLING * size, name=str(path)).draw(characters)
        except DataError as error:
            if folder is None:  # the benchmark is these families and no fewer
                raise
            left_out.append(str(error))
            continue
        if missing := "".join(character for character, glyph in glyphs.items() if glyph is None):
            left_out.append(f"{path.stem} lacks {missing}")
            continue
        for label, (character, glyph) in enumerate(glyphs.items()):
            assert glyph is not None  # else the font is left out
            random = _random(seed, path.stem, character)
            images.append(_noisy(_turned(glyph, size, rotation_degrees, random), noise, random))
            labels += [label] * len(images[-1])
            domains += [len(names)] * len(images[-1])
        names.append(path.stem)
    if len(names) < _FEWEST_FONTS:
        raise DataError(
            f"{len(names)} fonts draw all of {characters!r}, and {_FEWEST_FONTS} are needed to train, validate and "
            f"test{': ' if left_out else ''}{'; '.join(left_out)}"
        )
    if left_out:
        warnings.warn(f"fonts left out: {'; '.join(left_out)}", DataWarning, stacklevel=2)
    return DomainDataset(
        torch.from_numpy(np.concatenate(images)[:, None]).float() / 255,
        torch.tensor(labels),
        torch.tensor(domains),
        label_names=tuple(characters),
        domain_names=tuple(names),
        name="fonts",
        domain_split=random_domain_split(names, validation=0.1, test=0.25),
    )


def _check(characters: str, size: int, rotation_degrees: float, noise: float, seed: int) -> None:
    if len(characters) < 2 or len(set(characters)) < len(characters):
        raise SettingsError(f"characters must be two or more that differ, not {characters!r}")
    if size < 8:
        raise SettingsError(f"size must be at least 8 pixels, not {size}")
    check_size(size)
    if not 0 <= rotation_degrees <= 180:
        raise SettingsError(f"rotation_degrees must be from 0 to 180, not {rotation_degrees}")
    if not 0 <= noise <= 1:
        raise SettingsError(f"noise must be from 0 to 1, the range of the pixels, not {noise}")
    if seed < 0:
        raise SettingsError(f"seed must not be negative, but is {seed}")


def _listed() -> Iterator[tuple[PurePath, bytes]]:
    require(FONTS.files, name="fonts")
    for file in FONTS.files:
        yield file.place, file.place.read_bytes()


def _found(folder: Path) -> Iterator[tuple[PurePath, bytes]]:
    paths: dict[str, PurePath] = {}
    for path, content in read_files(folder, most_bytes=2_000_000_000):
        if path.suffix.lower() in _SUFFIXES:
            if path.stem != path.stem.encode(errors="replace").decode():  # no record could hold it
                raise DataError(f"the font {str(path)!r} in {str(folder)!r}: its name is not valid Unicode; rename it")
            if path.stem in paths:
                raise DataError(
                    f"{str(folder)!r} has two fonts named {path.stem!r}: {str(paths[path.stem])!r} and {str(path)!r}"
                )
            paths[path.stem] = path
            yield path, content


def _random(seed: int, font: str, character: str) -> np.random.RandomState:
    digest = hashlib.sha256(f"{seed} {character} {font}".encode()).digest()
    return np.random.RandomState(np.frombuffer(digest, "<u4"))


def _turned(glyph: Image.Image, size: int, rotation_degrees: float, random: np.random.RandomState) -> NDArray[np.uint8]:
    """Two to eighteen images of the glyph, shape (n, size, size), each turned about its middle."""
    n_images = min(FEWEST_IMAGES - 1 + int(random.geometric(1 - _CONTINUES)), MOST_IMAGES)
    upright = Image.new("L", (_SUPERSAMPLING * size, _SUPERSAMPLING * size))
    margin = _SUPERSAMPLING * _MARGIN
    upright.paste(fit_in_circle(glyph, diameter=upright.width - 2 * margin), (margin, margin))
    return np.stack(
        [
            np.asarray(upright.rotate(degrees, Image.Resampling.BILINEAR).reduce(_SUPERSAMPLING))
            for degrees in random.uniform(-rotation_degrees, rotation_degrees, n_images)
        ]
    )


def _noisy(images: NDArray[np.uint8], noise: float, random: np.random.RandomState) -> NDArray[np.uint8]:
    noisy = images + 255 * noise * random.standard_normal(images.shape)
    return np.round(noisy).clip(0, 255).astype(np.uint8)


def _families() -> tuple[RawFile, ...]:
    """The families of fonts_families.tsv, as the Fontsource packages hold them."""
    table = files(__package__).joinpath("fonts_families.tsv").read_text(encoding="utf-8")
    return tuple(
        RawFile(
            f"fonts/{row['family']}.woff2",
            sha256=row["sha256"],
            n_bytes=int(row["n_bytes"]),
            urls=(
                f"https://cdn.jsdelivr.net/npm/@fontsource/{row['family']}@{row['version']}/files/"
                f"{row['family']}-latin-400-normal.woff2",
            ),
        )
        for row in csv.DictReader(table.splitlines(), delimiter="\t")
    )


FONTS = Benchmark(
    name="fonts",
    description="letters and digits in 109 handwriting fonts, turned and with noise, as the paper describes them",
    load=load_fonts,
    net="lenet",
    settings={"max_steps": 2000, "batch_size": 64},
    licence="of each font: OFL-1.1, Apache-2.0 or MIT (fonts_families.tsv)",
    facts=Facts(labels=36, domains=109, examples=13_514, input_shape=(1, 32, 32)),
    files=_families(),
)
