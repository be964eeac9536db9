"""How files become inputs, of whichever kind they are."""

from typing import Any

from crossgrad.data.audio_decoding import AudioDecoding
from crossgrad.data.image_decoding import ImageDecoding
from crossgrad.data.naming import quoted
from crossgrad.errors import DataError

Decoding = ImageDecoding | AudioDecoding

_KINDS: dict[str, type[ImageDecoding] | type[AudioDecoding]] = {"image": ImageDecoding, "audio": AudioDecoding}


def decoding_from_json(value: Any) -> Decoding | None:
    """What `to_json` of a decoding gave, as a decoding again.

    Raises:
        DataError: it is none, or of a kind not known here.
        SettingsError: its values are out of range.

    Example:
        >>> decoding_from_json({"image_size": 32, "channels": 1})  # of models saved when there were no others
        ImageDecoding(image_size=32, channels=1)
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise DataError(f"a decoding is described by name, not by {value!r}")
    kind = value.get("kind", "image")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise DataError(f"inputs decoded from files of kind {kind!r}; known here are {quoted(_KINDS)}")
    try:
        return _KINDS[kind].from_json(value)
    except (KeyError, TypeError) as error:
        raise DataError(f"no decoding of {kind} files: {error}") from error
