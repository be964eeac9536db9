"""Arrays as pictures and sounds in a page: PNG and WAV data with the words for who cannot see or hear them."""

import base64
import io
import wave
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crossgrad.printing import printable

MOST_PIXELS = 96
"""Longest side of a picture; larger ones are made smaller."""


@dataclass(frozen=True)
class Picture:
    """A PNG as a data URI, with the words for who cannot see it."""

    uri: str
    text: str
    along: tuple[str, ...] = ()
    """The same moved by each of STEPS; empty for what no step changes, and where there is no room."""
    sounds: tuple[str, ...] = ()
    """WAV data: one, or one a step; empty where nothing can be heard."""


def picture(pixels: NDArray[np.uint8], text: str, *, along: tuple[NDArray[np.uint8], ...] = ()) -> Picture:
    """Draw pixels, no side longer than MOST_PIXELS.

    Args:
        pixels: (height, width) or (height, width, 3), 0 to 255.
        text: what is to be seen.
        along: the same at each step.
    """
    return Picture(_small(pixels), printable(text), tuple(map(_small, along)))


def _small(pixels: NDArray[np.uint8]) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((MOST_PIXELS, MOST_PIXELS))
    return _png(image)


def png(pixels: NDArray[np.uint8]) -> str:
    """A data URI of all pixels.

    Example:
        >>> png(np.zeros((2, 2), dtype=np.uint8))[:22]
        'data:image/png;base64,'
    """
    return _png(Image.fromarray(pixels))


def _png(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def wav(samples: NDArray[np.int16], *, rate_hz: int) -> str:
    """A data URI of one channel of 16-bit sound.

    Example:
        >>> wav(np.zeros(2, dtype=np.int16), rate_hz=8000)[:22]
        'data:audio/wav;base64,'
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(rate_hz)
        stream.writeframes(samples.astype("<i2").tobytes())
    return f"data:audio/wav;base64,{base64.b64encode(file.getvalue()).decode()}"
