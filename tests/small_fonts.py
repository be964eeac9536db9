"""Small font files: every character a drawing of its own, in every format."""

from collections.abc import Mapping
from io import BytesIO
from typing import Literal

import numpy as np
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen

Box = tuple[int, int, int, int]
"""Left, bottom, right, top; the em square is 1000 units."""

Format = Literal["ttf", "otf", "woff", "woff2"]

BOX: Box = (100, 0, 500, 700)
"""What is drawn where a font has no character."""


def shape(character: str, *, style: int = 0) -> tuple[Box, ...]:
    """Three bars, placed by the character and the style."""
    random = np.random.RandomState([ord(character), style])
    bars = []
    for _ in range(3):
        left, bottom = random.randint(0, 400, 2)
        width, height = random.randint(60, 400, 2)
        bars.append((int(left), int(bottom), int(left + width), int(bottom + height)))
    return tuple(bars)


def font_bytes(drawings: Mapping[str, tuple[Box, ...]], *, kind: Format = "ttf") -> bytes:
    """A font file of characters made of filled boxes; no boxes is an empty glyph."""
    names = {character: f"u{ord(character):04X}" for character in drawings}
    boxes = {".notdef": (BOX,), **{names[character]: drawing for character, drawing in drawings.items()}}
    builder = FontBuilder(1000, isTTF=kind != "otf")
    builder.setupGlyphOrder(list(boxes))
    builder.setupCharacterMap({ord(character): name for character, name in names.items()})
    if kind == "otf":
        builder.setupCFF("Small", {}, {name: _charstring(drawing) for name, drawing in boxes.items()}, {})
    else:
        builder.setupGlyf({name: _outline(drawing) for name, drawing in boxes.items()})
    builder.setupHorizontalMetrics(dict.fromkeys(boxes, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Small", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    if kind in ("woff", "woff2"):
        builder.font.flavor = kind
    file = BytesIO()
    builder.font.save(file)
    return file.getvalue()


def _outline(boxes):
    pen = TTGlyphPen(None)
    _draw(pen, boxes)
    return pen.glyph()


def _charstring(boxes):
    pen = T2CharStringPen(800, None)
    _draw(pen, boxes)
    return pen.getCharString()


def _draw(pen, boxes):
    for left, bottom, right, top in boxes:
        pen.moveTo((left, bottom))
        for corner in ((left, top), (right, top), (right, bottom)):
            pen.lineTo(corner)
        pen.closePath()
