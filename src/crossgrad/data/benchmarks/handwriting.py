"""Handwritten characters across the people who drew them: an alphabet of Omniglot (Lake et al., 2015)."""

from pathlib import PurePosixPath
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad.data.archives import read_files
from crossgrad.data.benchmarks.benchmark import Benchmark, Facts
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.domain_split import random_domain_split
from crossgrad.data.ink import fit_ink, read_ink
from crossgrad.data.naming import choices, name_indices
from crossgrad.data.raw_files import RawFile
from crossgrad.data.strokes import draw_strokes
from crossgrad.errors import DataError, SettingsError

VALIDATION_SHARE = 0.15
TEST_SHARE = 0.25
"""Of the people; the paper's for handwriting (section 4)."""

PEN_PIXELS = 2.0
"""The pen's thickness where none is asked for: about the ink that the published images have at 32 pixels."""

_MOST_BYTES = 20_000_000
_URL = "https://raw.githubusercontent.com/brendenlake/omniglot/057f034baf2ecb8530bc5710e5a23584d2a519cc/python/"
_FILES = {
    "images": RawFile(
        path="omniglot/images_background_small2.zip",
        sha256="3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f",
        n_bytes=1580917,
        urls=(_URL + "images_background_small2.zip",),
    ),
    "strokes": RawFile(
        path="omniglot/strokes_background_small2.zip",
        sha256="345bf2141efbea062833dbb2828abbc23d9e07825e46f2afdd4daecddfed6e78",
        n_bytes=4100947,
        urls=(_URL + "strokes_background_small2.zip",),
    ),
}


def load_handwriting(
    *,
    alphabet: str = "Sanskrit",
    form: Literal["images", "strokes"] = "images",
    size: int = 32,
    thickness: float | None = None,
) -> DomainDataset:
    """Load one alphabet of Omniglot's second small background set: every character drawn once by each of 20 people.

    Drawings are cut to their ink and scaled to the image. One alphabet at a time, since a drawer's number means a
    person within an alphabet only: across alphabets no character is drawn in two domains.

    Args:
        alphabet: Sanskrit (42 characters of the Devanagari script), Greek, Japanese_(katakana), Latin or Tagalog.
        form: the published images, or the pen strokes of the same drawings, drawn anew with one pen for all sizes.
        size: height and width of the inputs, in pixels, at most 512.
        thickness: of that pen, in pixels of the inputs; None: 2.

    Returns:
        Ink 1 on ground 0, shape (n, 1, size, size); labels "character01", ...; domains "01" to "20", the people;
        `domain_split` has 3 of them for validation and 5 for test.

    Raises:
        DataError: raw files are missing, or do not hold what Omniglot's do; whether they are the published ones,
            `data prepare` tells.
        SettingsError: no such alphabet, a thickness for images, or a size in which a drawing has no room.

    Source:
        Lake, Salakhutdinov and Tenenbaum, "Human-level concept learning through probabilistic program induction",
        Science 350, 2015.
    """
    if form == "images" and thickness is not None:
        raise SettingsError(f"thickness={thickness} is for form=strokes: images have the thickness that they have")
    files = read_alphabet(form, alphabet)
    inputs, labels, domains = [], [], []
    for path, content in files:
        character, drawer = path.parts[-2], path.stem.rpartition("_")[2]
        try:
            if form == "images":
                inputs.append(fit_ink(read_ink(content), size=size))
            else:
                pen = PEN_PIXELS if thickness is None else thickness
                inputs.append(draw_strokes(read_omniglot_strokes(content.decode()), size=size, thickness=pen))
        except ValueError as error:
            if isinstance(error, SettingsError):
                raise
            raise DataError(f"{str(_FILES[form].place)!r}: {str(path)!r}: {error}") from error
        labels.append(character)
        domains.append(drawer)
    label_indices, label_names = name_indices(labels, what="labels")
    domain_indices, domain_names = name_indices(domains, what="domains")
    return DomainDataset(
        torch.from_numpy(np.stack(inputs)[:, None]),
        label_indices,
        domain_indices,
        label_names,
        domain_names,
        name="handwriting",
        domain_split=random_domain_split(domain_names, validation=VALIDATION_SHARE, test=TEST_SHARE),
    )


def read_alphabet(form: Literal["images", "strokes"], alphabet: str) -> list[tuple[PurePosixPath, bytes]]:
    """Read one alphabet's files: paths like set/alphabet/character/0851_01.png, and what is in them.

    Args:
        form: the published images, or the pen strokes of the same drawings (`read_omniglot_strokes`).
        alphabet: as for `load_handwriting`.

    Raises:
        DataError: raw files are missing, or do not hold what Omniglot's do; whether they are the published ones,
            `data prepare` tells.
        SettingsError: no such alphabet.
    """
    found: dict[str, list[tuple[PurePosixPath, bytes]]] = {}
    place = _FILES[form].place
    for path, content in read_files(place, most_bytes=_MOST_BYTES):
        if len(path.parts) != 4:
            raise DataError(f"{str(place)!r} holds {str(path)!r}, which Omniglot's has not")
        found.setdefault(path.parts[1], []).append((path, content))
    if alphabet not in found:
        raise SettingsError(f"no alphabet {alphabet!r}{choices(alphabet, list(found))}")
    return found[alphabet]


def read_omniglot_strokes(text: str) -> list[NDArray[np.float64]]:
    r"""Read Omniglot's stroke format: after "START", lines of x, y and milliseconds, and "BREAK" ends a stroke.

    Args:
        text: of one file.

    Returns:
        One array for each stroke, (x, y) in pixels of the published image, y turned to point down; shape (n, 2).

    Raises:
        ValueError: a line that is neither of them.

    Example:
        >>> read_omniglot_strokes("START\n3.5,-20.0,0\n4.5,-21.0,40\nBREAK\n")
        [array([[ 3.5, 20. ],
               [ 4.5, 21. ]])]
    """
    strokes: list[list[tuple[float, float]]] = [[]]
    for line in text.split():
        if line == "BREAK":
            strokes.append([])
        elif line != "START":
            x, y, _ = map(float, line.split(","))
            strokes[-1].append((x, -y))
    return [np.array(stroke) for stroke in strokes if stroke]


HANDWRITING = Benchmark(
    name="handwriting",
    description="42 Devanagari characters across the 20 people who drew them (Omniglot)",
    load=load_handwriting,
    net="lenet",
    settings={"max_steps": 600, "batch_size": 32},
    licence="MIT",
    facts=Facts(labels=42, domains=20, examples=840, input_shape=(1, 32, 32)),
    files=tuple(_FILES.values()),
)
