"""The wheel in empty environments, with the lowest versions that pyproject.toml declares and with the newest.

    python benchmarks/versions.py --json results/benchmarks/versions.json

Builds the wheel, looks what is in it, asks pip whether each extra can be had together with it, and makes two virtual
environments: in one every declared requirement has its lower bound exactly, in the other pip chooses. In each first
the core alone is installed and tried, then every extra (`smoke.py` says how). torch is the one version of
constraints.txt in both. It takes a quarter of an hour and a few gigabytes of a temporary folder; the exit code is 1
where anything failed. Parts can be made apart, even at once: `--parts lowest`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from smoke import CHECKS

ROOT = Path(__file__).parent.parent
EXTRAS = tuple(name for name in CHECKS if name != "core")
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")


def declared(project: dict[str, Any]) -> dict[str, list[Requirement]]:
    """Requirements of the core and of each extra for users, from what pyproject.toml says of the project."""
    extras = {name: texts for name, texts in project["optional-dependencies"].items() if name != "dev"}
    return {name: [*map(Requirement, texts)] for name, texts in {"core": project["dependencies"], **extras}.items()}


def lowest(requirements: Iterable[Requirement]) -> dict[str, str]:
    """The lower bound of each, torch's aside.

    Raises:
        ValueError: one has none.
    """
    found: dict[str, str] = {}
    for requirement in requirements:
        bounds = [each.version for each in requirement.specifier if each.operator == ">="]
        if len(bounds) != 1:
            raise ValueError(f"{requirement} has {len(bounds)} lower bounds; declare one")
        found[canonicalize_name(requirement.name)] = bounds[0]
    found.pop("torch", None)
    return found


def torch_pin() -> str:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return next(line for line in lines if line.startswith("torch=="))


def build(folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)], check=True, stdout=-3
    )
    return next(folder.glob("*.whl"))


def pip(python: Path, *arguments: str) -> str | None:
    """What it says where it fails."""
    done = subprocess.run([str(python), *PIP, *arguments], capture_output=True, text=True)
    return done.stderr[-2000:] if done.returncode else None


def environment(folder: Path) -> Path:
    """An empty one; the Python in it."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / "bin" / "python"


def installed(python: Path) -> dict[str, str]:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {canonicalize_name(each["name"]): each["version"] for each in json.loads(done.stdout)}


def smoke(python: Path, names: Sequence[str], folder: Path) -> dict[str, str | None]:
    """Of each check null or why it failed; in a folder of its own, far from the sources."""
    folder.mkdir(exist_ok=True)
    variables = {
        "PYTHONPATH": str(ROOT / "tests"),  # the loopback server of the Hub
        "CROSSGRAD_CACHE": str(folder / "cache"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONDONTWRITEBYTECODE": "",  # what is imported is compiled then, once
    }
    command = [str(python), str(ROOT / "benchmarks" / "smoke.py"), *names]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | variables)
    if done.returncode:
        return dict.fromkeys((check.__name__ for name in names for check in CHECKS[name]), done.stderr[-2000:])
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


def tried(name: str, wheel: Path, pins: Iterable[str], folder: Path) -> dict[str, Any]:
    """The core alone, then with every extra, in one environment."""
    constraints = folder / f"{name}.txt"
    constraints.write_text("".join(f"{pin}\n" for pin in pins))
    python = environment(folder / name)
    result: dict[str, Any] = {}
    for what, extras, names in (("core", "", ["core"]), ("extras", f"[{','.join(EXTRAS)}]", EXTRAS)):
        began = time.monotonic()
        refused = pip(
            python, "install", "--no-compile", "--constraint", str(constraints), f"crossgrad{extras} @ {wheel.as_uri()}"
        )
        checks = {} if refused else smoke(python, names, folder / f"{name}-work")
        result[what] = {"refused": refused, "checks": checks, "versions": installed(python)}
        bad = [check for check, why in checks.items() if why]
        told = f"{len(checks) - len(bad)} of {len(checks)} checks passed" if not refused else "pip refuses"
        print(f"{name:<8} {what:<8} {told:<26} {time.monotonic() - began:>5.0f} s", *bad, flush=True)
        for why in filter(None, (refused, *checks.values())):
            print(why, file=sys.stderr)
    return result


def resolved(wheel: Path, folder: Path) -> dict[str, str | None]:
    """What pip says against each extra beside the versions of constraints.txt."""
    python = environment(folder / "asking")
    constraints = ("--constraint", str(ROOT / "constraints.txt"))
    found = {
        extra: pip(python, "install", "--dry-run", *constraints, f"crossgrad[{extra}] @ {wheel.as_uri()}")
        for extra in EXTRAS
    }
    print(f"extras that pip refuses: {', '.join(extra for extra, why in found.items() if why) or 'none'}", flush=True)
    return found


def main(arguments: Sequence[str]) -> bool:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--parts", default="extras,lowest,newest", help="of these; others stay in FILE as they are")
    parser.add_argument("--folder", type=Path, help="for the environments, which stay there (default a temporary one)")
    options = parser.parse_args(arguments)
    parts = options.parts.split(",")

    requirements = declared(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"])
    bounds = lowest(each for of_one in requirements.values() for each in of_one)
    pins = {"lowest": [torch_pin(), *(f"{name}=={bound}" for name, bound in bounds.items())], "newest": [torch_pin()]}
    with nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wheel = build(folder)
        names = zipfile.ZipFile(wheel).namelist()
        result: dict[str, Any] = {
            "wheel": {"files": len(names), "py_typed": "crossgrad/py.typed" in names},
            "declared": bounds,
            "torch": torch_pin(),
            "python": sys.version.split()[0],
        }
        if "extras" in parts:
            result["extras_refused"] = resolved(wheel, folder)
        result["environments"] = {
            name: tried(name, wheel, each, folder) for name, each in pins.items() if name in parts
        }
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        before = json.loads(options.json.read_text()) if options.json.exists() else {}
        kept = before.get("environments", {}) if before.get("declared") == bounds else {}
        whole = before | result | {"environments": kept | result["environments"]}
        options.json.write_text(json.dumps(whole, indent=2, sort_keys=True) + "\n")
    return passed(result)


def passed(result: dict[str, Any]) -> bool:
    """Whether nothing failed in what was tried."""
    tries = [each for of_one in result["environments"].values() for each in of_one.values()]
    return (
        result["wheel"]["py_typed"]
        and not any(result.get("extras_refused", {}).values())
        and not any(each["refused"] or any(each["checks"].values()) for each in tries)
    )


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1:]))
