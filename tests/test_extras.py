"""What is told of an extra that is missing can be typed as it stands, however the package was installed."""

import json
import sys
from pathlib import Path

import pytest

from crossgrad.extras import how_to_get


def installed(folder: Path, origin: str | None) -> None:
    """As pip leaves a package behind; an origin where it was no index."""
    about = folder / "crossgrad-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: crossgrad\nVersion: 1.0\n")
    if origin is not None:
        (about / "direct_url.json").write_text(origin)


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        (None, "pip install 'crossgrad[audio]'"),
        ("{", "pip install 'crossgrad[audio]'"),
        (
            json.dumps({"url": "https://example.org/crossgrad.whl", "archive_info": {}}),
            "pip install 'crossgrad[audio]'",
        ),
        (
            json.dumps({"url": "file:///home/me/a%20clone", "dir_info": {}}),
            f"{sys.executable} -m pip install '/home/me/a clone[audio]'",
        ),
        (
            json.dumps({"url": "file:///home/me/clone", "dir_info": {"editable": True}}),
            f"{sys.executable} -m pip install -e '/home/me/clone[audio]'",
        ),
    ],
)
def test_an_extra_comes_from_where_the_package_came_from(
    origin: str | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, origin)
    monkeypatch.syspath_prepend(tmp_path)
    assert how_to_get("audio") == told
