"""plan.json: what a sweep set out to do, so that an interrupted one goes on with the same candidates."""

import json
from pathlib import Path
from typing import Any

from crossgrad.errors import RecordError
from crossgrad.experiments.settings import untold_defaults
from crossgrad.folders import CHOICE, PLAN, write_whole
from crossgrad.sweeping.plans import Sweep

PLAN_VERSION = 1


def write_plan(sweep: Sweep) -> None:
    """Write what was asked for, and what of it was kept where a budget left some of it out.

    A choice that was made by another plan goes: until the new one is made there is none.
    """
    untold = untold_defaults(sweep.method)
    plan = {
        "version": PLAN_VERSION,
        "asked": sweep.asked,
        "points": sweep.points,
        "seeds": sweep.seeds,
        "dropped": sweep.dropped,
        "defaults": {name: untold[name] for name in sweep.points[0] if name in untold},
    }
    content = (json.dumps(plan, indent=2, ensure_ascii=False) + "\n").encode()
    file = sweep.folder / PLAN
    if file.is_file() and file.read_bytes() != content:
        (sweep.folder / CHOICE).unlink(missing_ok=True)
    write_whole(file, content, overwrite=True)


def read_plan(folder: Path) -> dict[str, Any] | None:
    """The plan of an earlier sweep in this folder; None where there is none.

    Raises:
        RecordError: a file of that name is somebody else's.
    """
    file = folder / PLAN
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_bytes())
        if found["version"] != PLAN_VERSION:
            raise ValueError("another version")
        for name, kind in (("asked", dict), ("points", list), ("seeds", list), ("dropped", str)):
            if not isinstance(found[name], kind):
                raise TypeError(f"{name} is no {kind.__name__}")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RecordError(f"{str(file)!r} is no plan that this crossgrad wrote; give another --output") from error
    return dict(found)
