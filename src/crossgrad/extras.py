"""How to get what the core does without: the command that installs an extra as the package itself was installed."""

import json
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from urllib.parse import urlsplit
from urllib.request import url2pathname


def how_to_get(extra: str) -> str:
    """The command that installs an extra, for an error's text.

    Args:
        extra: of pyproject.toml, such as "audio".

    Returns:
        With pip, by the package's name; or by its folder where it was installed from one, as in a clone.
    """
    try:
        origin = json.loads(distribution("crossgrad").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, json.JSONDecodeError):
        origin = {}
    if "dir_info" not in origin:
        return f"pip install 'crossgrad[{extra}]'"
    editable = "-e " if origin["dir_info"].get("editable") else ""
    folder = url2pathname(urlsplit(origin["url"]).path)
    return f"{shlex.quote(sys.executable)} -m pip install {editable}{shlex.quote(f'{folder}[{extra}]')}"
