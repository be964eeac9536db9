"""Where raw data lies, and where what is made of it is kept."""

import os
from pathlib import Path

import platformdirs

from crossgrad.errors import SettingsError


def data_root() -> Path:
    """The folder of raw files as they were downloaded; may be read-only.

    CROSSGRAD_DATA where that is set, else "data" in the platform's cache folder of crossgrad.

    Raises:
        SettingsError: it begins with the home folder (~) of somebody who is not known.
    """
    return _root("CROSSGRAD_DATA", "data")


def cache_root() -> Path:
    """The folder of what is made from raw files; may be deleted at any time.

    CROSSGRAD_CACHE where that is set, else "prepared" in the platform's cache folder of crossgrad.

    Raises:
        SettingsError: it begins with the home folder (~) of somebody who is not known.
    """
    return _root("CROSSGRAD_CACHE", "prepared")


def _root(variable: str, name: str) -> Path:
    asked = os.environ.get(variable)
    if not asked:
        return platformdirs.user_cache_path("crossgrad", appauthor=False) / name
    try:
        return Path(asked).expanduser()
    except RuntimeError as error:
        raise SettingsError(
            f"{variable} is {asked!r}, and whose home folder that is is not known here; write the path in full"
        ) from error
