"""Draws every picture of docs/images anew, from the raw data that the benchmarks name; all of them have to be here.

The sheets are what the command `crossgrad data show` makes.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from crossgrad.data import BENCHMARKS, DomainDataset
from crossgrad.data.archives import read_files
from crossgrad.data.ink import read_ink

SHEETS = {
    "fonts.png": ("fonts", "--rows", "10"),
    "handwriting.png": ("handwriting", "--rows", "6", "--columns", "12"),
    "rotated-mnist.png": ("rotated_mnist", "--columns", "10"),
}
"""What `crossgrad data show` is given."""

DRAWINGS = (("character07", "01"), ("character14", "13"))
"""An ordinary one; one in whose published picture the lines end in spikes."""

SPOKEN = (
    ("speech_lithuanian", "log_mel", (("taip", "02"), ("taip", "06"), ("taip", "12"), ("stop", "02"))),
    ("speech_lithuanian", "mfcc", (("taip", "02"), ("taip", "06"), ("taip", "12"), ("stop", "02"))),
    (
        *("synthetic_speakers", "log_mel"),
        (*(("yes", f"synthetic-0000{number}") for number in range(3)), ("stop", "synthetic-00000")),
    ),
)
"""Rows of the picture of speech: benchmark, features, and the label and domain of each example."""


def example(dataset: DomainDataset, label: str, domain: str) -> NDArray[np.float32]:
    """The first input of a label in a domain, shape (height, width)."""
    of_both = (dataset.labels == dataset.label_names.index(label)) & (
        dataset.domains == dataset.domain_names.index(domain)
    )
    array: NDArray[np.float32] = dataset.inputs[of_both][0, 0].numpy()
    return array


def draw_strokes_beside_images() -> Image.Image:
    """Of each drawing: the published picture, the input made of it, the input drawn from the strokes."""
    cell, gap = 160, 8
    forms = {form: BENCHMARKS["handwriting"].open(form=form) for form in ("images", "strokes")}
    published = BENCHMARKS["handwriting"].files[0].place
    by_name = {
        (path.parts[-2], path.stem.rpartition("_")[2]): content
        for path, content in read_files(published, most_bytes=20_000_000)
        if path.parts[-3] == "Sanskrit"
    }
    picture = Image.new("L", (3 * (cell + gap), 2 * (cell + gap)), 160)
    for row, drawing in enumerate(DRAWINGS):
        inputs = (np.uint8(255 * example(forms[form], *drawing) + 0.5) for form in ("images", "strokes"))
        for column, pixels in enumerate((read_ink(by_name[drawing]), *inputs)):
            enlarged = Image.fromarray(pixels).resize((cell, cell), Image.Resampling.NEAREST)
            picture.paste(enlarged, (gap // 2 + column * (cell + gap), gap // 2 + row * (cell + gap)))
    return picture


def draw_speech() -> Image.Image:
    """Spectrograms and cepstra, low frequencies below, each from its own 2 % quantile (dark) to its 98 % (light)."""
    width, height, gap, heading = 196, 80, 12, 18
    font = ImageFont.load_default(size=13)
    picture = Image.new("RGB", (gap + 4 * (width + gap), gap + 3 * (heading + height + gap)), "white")
    draw = ImageDraw.Draw(picture)
    for row, (name, features, examples) in enumerate(SPOKEN):
        dataset = BENCHMARKS[name].open(features=features)
        for column, (label, domain) in enumerate(examples):
            values = example(dataset, label, domain)[1 if features == "mfcc" else 0 :][::-1]
            low, high = np.quantile(values, (0.02, 0.98))
            shades = Image.fromarray(np.uint8(255 * ((values - low) / (high - low)).clip(0, 1) + 0.5))
            coloured = ImageOps.colorize(shades, black="#081d58", mid="#2c9ab7", white="#ffffd9")
            x, y = gap + column * (width + gap), gap + row * (heading + height + gap)
            speaker = domain if domain.startswith("synthetic") else f"speaker {domain}"
            draw.text((x, y), f"{label}, {speaker}{', MFCC' if features == 'mfcc' else ''}", fill="black", font=font)
            picture.paste(coloured.resize((width, height), Image.Resampling.NEAREST), (x, y + heading))
    return picture


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "docs" / "images")
    folder = parser.parse_args(arguments).output
    command = [sys.executable, "-c", "from crossgrad.cli import main; main()", "data", "show", "--overwrite"]
    for name, given in SHEETS.items():
        subprocess.run([*command, *given, "--output", str(folder / name)], check=True)
    draw_strokes_beside_images().save(folder / "omniglot-strokes.png", optimize=True)
    draw_speech().save(folder / "speech.png", optimize=True)
    drawn = {*SHEETS, "omniglot-strokes.png", "speech.png"}
    shown = {file.name for file in (Path(__file__).parents[1] / "docs" / "images").glob("*.png")}
    there = {file.name for file in folder.glob("*.png")}
    if missing := (drawn | shown) - there:
        sys.exit(f"not drawn: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
