"""Characters as fonts draw them, one glyph at a time."""

from collections import Counter
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from crossgrad.errors import DataError

_UNASSIGNED = "\U0010ffff"  # no character will ever be here, so what is drawn is the font's sign for "I have none"
_PLACEHOLDER = 3  # characters that share a drawing; two may honestly (O and 0, a and A)
_MOST_EMS = 10  # FreeType draws nothing larger, but would be asked only after memory was taken for it
_FRAME = 4  # pixels around the stated box of a glyph, should its antialiased edge go beyond


class Font:
    """A font file opened at one size.

    Characters are laid out without the font's own substitutions: a script font may otherwise give a letter that stands
    alone another form, and only where the layout library Raqm is there. Of a variable font, the default instance.

    Args:
        content: of a TrueType, OpenType, WOFF or WOFF2 file.
        em_pixels: size of the em square.
        name: of the font, for messages.

    Raises:
        DataError: no font, or one without outlines.
    """

    def __init__(self, content: bytes, *, em_pixels: int, name: str) -> None:
        self.name = name
        try:
            self._font = ImageFont.truetype(BytesIO(content), em_pixels, layout_engine=ImageFont.Layout.BASIC)
        except OSError as error:
            raise DataError(f"{name!r} cannot be read as a font: {error}") from error

    def draw(self, characters: str) -> dict[str, Image.Image | None]:
        """Draw characters.

        Returns:
            Of each, an image: grey, ink 255 on 0, cut to the ink's box. None where the font has no drawing of it: it
            draws nothing, or what it draws where it has no character, or what it draws for three characters or more
            (or for all of them), a placeholder.

        Raises:
            DataError: an outline is damaged, or beyond all measure.
        """
        drawings = {character: self._drawn(character) for character in characters}
        known = {character: _identity(drawing) for character, drawing in drawings.items()}
        shared = Counter(known.values())
        none = {None, _identity(self._drawn(_UNASSIGNED))}
        most = min(_PLACEHOLDER, max(2, len(drawings)))
        return {
            character: None if known[character] in none or shared[known[character]] >= most else drawing
            for character, drawing in drawings.items()
        }

    def _drawn(self, character: str) -> Image.Image | None:
        try:
            left, top, right, bottom = (round(edge) for edge in self._font.getbbox(character))
            if max(right - left, bottom - top) > _MOST_EMS * self._font.size:
                raise DataError(f"font {self.name!r} draws {character!r} larger than {_MOST_EMS} em squares")
            canvas = Image.new("L", (right - left + 2 * _FRAME, bottom - top + 2 * _FRAME))
            ImageDraw.Draw(canvas).text((_FRAME - left, _FRAME - top), character, fill=255, font=self._font)
        except OSError as error:
            raise DataError(f"font {self.name!r} is damaged where it draws {character!r}: {error}") from error
        box = canvas.getbbox()
        return canvas.crop(box) if box else None


def _identity(drawing: Image.Image | None) -> tuple[tuple[int, int], bytes] | None:
    return None if drawing is None else (drawing.size, drawing.tobytes())


def fit_in_circle(glyph: Image.Image, *, diameter: int) -> Image.Image:
    """Scale a glyph so that its ink just fits in a circle about the middle of its box: no turn leads out of it.

    Args:
        glyph: grey on 0, cut to its ink.
        diameter: of the circle, in pixels.

    Returns:
        A square with sides of the diameter, the middle of the glyph's box in its middle.
    """
    rows, columns = np.nonzero(np.asarray(glyph))
    middle_row, middle_column = (glyph.height - 1) / 2, (glyph.width - 1) / 2
    radius = float(np.hypot(rows - middle_row, columns - middle_column).max()) + 0.5  # to the pixels' far edges
    # The square as a box in the glyph's own pixels, so that the middle is exact whatever is odd or even.
    side = 2 * int(np.ceil(radius)) + 2
    canvas = Image.new("L", (side + glyph.width % 2, side + glyph.height % 2))
    canvas.paste(glyph, ((canvas.width - glyph.width) // 2, (canvas.height - glyph.height) // 2))
    x, y = canvas.width / 2, canvas.height / 2
    box = (x - radius, y - radius, x + radius, y + radius)
    return canvas.resize((diameter, diameter), Image.Resampling.BILINEAR, box=box)
