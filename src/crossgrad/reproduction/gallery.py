"""The gallery: of every task inputs, what CrossGrad moves them to, and how far, as a picture and in numbers."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from crossgrad.report.gallery import diverging, panels
from crossgrad.reproduction.made import Made
from crossgrad.reproduction.moves import MEASURED, MOVES, TASKS, Moves, measured_moves, tasks_to_train
from crossgrad.reproduction.paper_table import Cell, PaperTable
from crossgrad.reproduction.scales import Scale
from crossgrad.sheets import lay_out

_HEADINGS = {"domain_perturbed": "Along the domain gradient", "label_perturbed": "Along the label gradient"}
_CELL, _TEXT, _BAR, _FOOT, _INK = 96, 13, (160, 12), 30, (40, 40, 40)  # pixels; a colour


def draw_gallery(scale: Scale, folder: Path) -> Made | None:
    """Draw every task that was measured; the table's notes name the others.

    Args:
        scale: that the trainings are of.
        folder: of the scale.

    Returns:
        None while no task was measured.

    Raises:
        RecordError: what was measured cannot be read.

    Reference:
        Shankar et al., ICLR 2018, section 3: moves along the domain loss's gradient shall change the domain and keep
        the label. The paper shows no moved inputs.
    """
    missing = tasks_to_train(folder)
    if len(missing) == len(TASKS):
        return None
    found = {name: measured_moves(study, scale, folder) for name, study in TASKS.items() if study not in missing}
    rows: list[dict[str, Cell]] = []
    for name, moves in found.items():
        rows.append(
            {"task": name, "moved": "not", **dict.fromkeys(("largest", "median", "length")), **_right(moves, "")}
        )
        for move in MOVES:
            rows.append(
                {
                    "task": name,
                    "moved": _HEADINGS[move].lower(),
                    "largest": f"{moves.numbers[f'{move}/largest']:.3f}",
                    "median": f"{moves.numbers[f'{move}/median']:.3f}",
                    "length": f"{100 * moves.numbers[f'{move}/length']:.1f}",
                    **_right(moves, f"{move}/"),
                }
            )
    notes = [
        "CrossGrad as the paper has it, trained once, with seed 0, on the training domains; on all of rotated MNIST.",
        f"Means over {MEASURED} examples of these domains, or all where there are fewer. A move's largest value is in "
        "the units of the nets' inputs, its length (L2) relative to the input's. Where the median of the largest value "
        "is far below its mean, few examples are moved far and the others hardly.",
        *(
            f"{name}: the cosine between an example's two moves is {moves.numbers['cosine']:.2f} on average."
            for name, moves in found.items()
        ),
        *(f"{study.name}: not trained yet." for study in missing),
    ]
    return Made(
        PaperTable(
            "Gallery: how far CrossGrad moves inputs, and what its nets make of the moved ones",
            {
                "task": "Task",
                "moved": "Moved",
                "largest": "Largest value",
                "median": "Its median",
                "length": "Length, % of the input's",
                "domains": "Domains, % right",
                "labels": "Labels, % right",
            },
            tuple(rows),
            tuple(notes),
        ),
        {f"gallery-{name}.png": _drawn(moves) for name, moves in found.items()},
    )


def _right(moves: Moves, prefix: str) -> dict[str, Cell]:
    return {what: f"{100 * moves.numbers[prefix + what]:.1f}" for what in ("domains", "labels")}


def _drawn(moves: Moves) -> bytes:
    drawn = panels(moves.inputs, moves.moved)
    columns = [("Input", 1), *((_HEADINGS[move], 2) for move in MOVES)]
    sheet = lay_out(drawn.rows, rows=moves.names, columns=columns, least_cell=_CELL)
    picture = Image.new("RGB", (sheet.width, sheet.height + _FOOT), "white")
    picture.paste(sheet)
    width, height = _BAR
    left, top = sheet.width - width - 80, sheet.height + 4
    ramp = diverging(np.tile(np.linspace(-1.0, 1.0, width), (height, 1)), 1.0)
    picture.paste(Image.fromarray(ramp), (left, top))
    text, font = ImageDraw.Draw(picture), ImageFont.load_default(size=_TEXT)
    middle = top + height // 2
    if drawn.contrast is not None:
        low, high = drawn.contrast
        text.text((10, middle), f"Greys: {low} % to {high} % of an input", fill=_INK, font=font, anchor="lm")
    text.text((left - 6, middle), f"Differences: -{drawn.largest:.2g}", fill=_INK, font=font, anchor="rm")
    text.text((left + width + 6, middle), f"+{drawn.largest:.2g}", fill=_INK, font=font, anchor="lm")
    stream = io.BytesIO()
    picture.quantize(palette=_palette(), dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _palette() -> Image.Image:
    """Half greys, half differences: a third of the bytes of full colours, and nothing that is seen is lost."""
    greys = np.repeat(np.linspace(0, 255, 128).round().astype(np.uint8)[:, None], 3, axis=1)
    image = Image.new("P", (1, 1))
    image.putpalette(np.concatenate([greys, diverging(np.linspace(-1.0, 1.0, 128), 1.0)]).tobytes())
    return image
