"""How files become inputs, of whichever kind they are."""

from typing import Any

from crossgrad.data.audio_decoding import AudioDecoding
from crossgrad.data.image_decoding import ImageDecoding
from crossgrad.data.naming import quoted
from crossgrad.errors import DataError

Decoding = ImageDecoding | AudioDecoding

_KINDS: dict[str, type[ImageDecoding] | type[AudioDecoding]] = {"image": ImageDecoding, "audio": AudioDecoding}


def decoding_from_json(value: dict[str, Any] | None) -> Decoding | None:
    """What `to_json` of a decoding gave, as a decoding again.

    Raises:
        DataError: a kind not known here.

    Example:
        >>> decoding_from_json({"image_size": 32, "channels": 1})  # of models saved when there were no others
        ImageDecoding(image_size=32, channels=1)
    """
    if value is None:
        return None
    kind = value.get("kind", "image")
    if kind not in _KINDS:
        raise DataError(f"inputs decoded from files of kind {kind!r}; known here are {quoted(_KINDS)}")
    return _KINDS[kind].from_json(value)
