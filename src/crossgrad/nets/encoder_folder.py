"""What a trained encoder's folder holds: its configuration in config.json, its weights in model.safetensors."""

import json
from pathlib import Path
from typing import Any

from crossgrad.errors import SettingsError

FILES = ("config.json", "model.safetensors")


def is_json(where: str) -> bool:
    """Whether the configuration itself stands in the folder's place, as in a saved model."""
    return where.startswith("{")


def configuration(where: str, field: str) -> dict[str, Any]:
    """The values of a configuration, of a folder or in its place.

    Args:
        where: the folder, or the configuration as JSON.
        field: what every such configuration has, a text.

    Raises:
        SettingsError: the folder lacks one of its files, or this is no such configuration.
    """
    folder = Path(where)
    if not is_json(where):
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise SettingsError(
                f"no {missing[0]} in {where!r}: crossgrad downloads no encoder and reads no pickled one. "
                "Fetch it first: hf download NAME --local-dir FOLDER"
            )
    try:
        values = json.loads(where if is_json(where) else (folder / "config.json").read_text(encoding="utf-8"))
        if not isinstance(values[field], str):
            raise TypeError(f"{field} is a {type(values[field]).__name__}")
    except (ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{where!r} has no configuration of an encoder: {error!r}") from error
    found: dict[str, Any] = values
    return found
