"""The paper's handwriting: HP Labs' isolated Devanagari characters, collected with the LipiTk toolkit."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad.data.archives import read_files
from crossgrad.data.benchmarks.benchmark import Benchmark
from crossgrad.data.benchmarks.handwriting import PEN_PIXELS, TEST_SHARE, VALIDATION_SHARE
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.domain_split import random_domain_split
from crossgrad.data.ink import fit_ink, read_ink
from crossgrad.data.naming import name_indices, quoted
from crossgrad.data.raw_files import RawFile
from crossgrad.data.strokes import draw_strokes
from crossgrad.data.unipen import read_strokes
from crossgrad.errors import DataError, DataWarning, SettingsError

_FOLDER = RawFile(path="lipitk", sha256=None, n_bytes=0)
_MOST_BYTES = 1_000_000_000
_N_CLASSES = 111

_WRITER = re.compile(r"usr_?(\d+)", re.IGNORECASE)
_SAMPLE = re.compile(r"(\d{1,3})t(\d+)\.(tiff?|txt)", re.IGNORECASE)


def load_lipitk(
    *,
    form: Literal["offline", "online"] = "offline",
    size: int = 32,
    thickness: float | None = None,
    folder: Path | None = None,
) -> DomainDataset:
    """Load HP Labs' hpl-devnagari-iso-char: 111 characters of the Devanagari script by many writers.

    Folders usr_N, one a writer, hold LLLtNN.tiff (offline) or LLLtNN.txt (online, UNIPEN), where LLL is the class, 000
    to 110, and NN the trial. Both may lie in one place; that of the other form is passed over. Characters are cut to
    their ink and scaled with their aspect kept. (The authors' later code, vihari/CSD, stretches them to squares.)

    Args:
        form: published images of dark ink on light ground, or pen strokes (y down), drawn with one pen for all.
        size: height and width of the inputs, in pixels, at most 512.
        thickness: of that pen, in pixels of the inputs; None: 2.
        folder: the folder or archive (.zip, .tar.gz) to read; None: the folder "lipitk" of the data root.

    Returns:
        Ink 1 on ground 0, shape (n, 1, size, size); labels "000" to "110", domains the writers' numbers; `domain_split`
        has 15 % of the writers for validation and 25 % for test.

    Raises:
        DataError: nothing to read, or two files for one trial.
        SettingsError: a thickness for images, or a size in which a character has no room.

    Warns:
        DataWarning: files that were left out, since their names or contents are not those above.

    Source:
        http://lipitk.sourceforge.net/hpl-datasets.htm
    """
    if form == "offline" and thickness is not None:
        raise SettingsError(f"thickness={thickness} is for form=online: images have the thickness that they have")
    pen = PEN_PIXELS if thickness is None else thickness

    def drawn(content: bytes) -> NDArray[np.float32]:
        return draw_strokes(read_strokes(content.decode("latin-1")), size=size, thickness=pen)

    def pictured(content: bytes) -> NDArray[np.float32]:
        return fit_ink(read_ink(content), size=size)

    place = _FOLDER.place if folder is None else folder
    samples = _read_samples(place, form, pictured if form == "offline" else drawn)
    inputs = torch.from_numpy(np.stack([sample for _, sample in samples.values()])[:, None])
    label_indices, label_names = name_indices([f"{label:03}" for _, label, _ in samples], what="labels")
    domain_indices, domain_names = name_indices([writer for writer, _, _ in samples], what="domains")
    return DomainDataset(
        inputs,
        label_indices,
        domain_indices,
        label_names,
        domain_names,
        name="lipitk",
        domain_split=random_domain_split(domain_names, validation=VALIDATION_SHARE, test=TEST_SHARE),
    )


def _read_samples(
    place: Path, form: Literal["offline", "online"], convert: Callable[[bytes], NDArray[np.float32]]
) -> dict[tuple[int, int, int], tuple[PurePosixPath, NDArray[np.float32]]]:
    """Every sample by (writer, label, trial), with its path, in this order."""
    samples: dict[tuple[int, int, int], tuple[PurePosixPath, NDArray[np.float32]]] = {}
    unexpected: list[str] = []
    damaged: list[str] = []
    for path, content in read_files(place, most_bytes=_MOST_BYTES):
        writer = _WRITER.fullmatch(path.parent.name)
        sample = _SAMPLE.fullmatch(path.name)
        if not writer or not sample or int(sample[1]) >= _N_CLASSES:
            unexpected.append(str(path))
            continue
        if (sample[3].lower() == "txt") != (form == "online"):
            continue
        key = int(writer[1]), int(sample[1]), int(sample[2])
        if key in samples:
            raise DataError(
                f"{str(place)!r} has two files of writer {key[0]}, class {key[1]}, trial {key[2]}: "
                f"{str(samples[key][0])!r} and {str(path)!r}; leave one of them there"
            )
        try:
            samples[key] = path, convert(content)
        except DataError as error:
            damaged.append(f"{path}: {error}")
    told = [
        f"{len(names)} {what}: {quoted(names)}"
        for names, what in (
            (unexpected, "files are not named usr_N/LLLtNN.tiff or .txt with a class from 000 to 110"),
            (damaged, "files cannot be read"),
        )
        if names
    ]
    if not samples:
        raise DataError(f"no {form} characters in {str(place)!r}. {'; '.join(told)}".rstrip(". "))
    if told:
        warnings.warn(f"left out of {str(place)!r}: {'; '.join(told)}", DataWarning, stacklevel=3)
    return dict(sorted(samples.items()))


LIPITK = Benchmark(
    name="lipitk",
    description="111 Devanagari characters across their writers, the paper's handwriting (to be obtained by hand)",
    load=load_lipitk,
    net="lenet",
    settings={"max_steps": 2000, "batch_size": 64},
    licence="research only (not to be passed on)",
    facts=None,
    files=(_FOLDER,),
    how=(
        "Get hpl-devnagari-iso-char, offline or online, from http://lipitk.sourceforge.net/hpl-datasets.htm, unpack "
        "it, and put its folders usr_0, usr_1, ... anywhere under {root}/lipitk; or name its folder, or its archive "
        "(.tar.gz or .zip, not .rar), by the option folder."
    ),
)
