"""More hostile input than a test run has time for; what is found is printed with a way to see it again.

    python -m fuzzing.campaign --seconds 600 --json results/benchmarks/fuzz.json
    python -m fuzzing.campaign --again image 1234          # one input once more, with its traceback

Every target is altered by random decisions (`mutation`), numbered from 0, for its part of the time. The readers of
binary formats get as much time again from atheris (libFuzzer), which alters bytes by what code they reach; it is
installed with the development tools on Linux. Each target has a process of its own.
"""

import argparse
import contextlib
import io
import json
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from crossgrad.errors import CrossGradError
from fuzzing.guard import ForbiddenError, guarded, limited_memory
from fuzzing.targets import TARGETS, altered

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of the whole campaign")
    parser.add_argument("--target", action="append", choices=TARGETS, help="this one alone; repeatable")
    parser.add_argument("--json", type=Path, help="where the record goes")
    parser.add_argument("--again", nargs=2, metavar=("TARGET", "NUMBER"), help="one input once more")
    parser.add_argument("--part", nargs=2, metavar=("TARGET", "SECONDS"), help=argparse.SUPPRESS)
    parser.add_argument("--atheris", nargs=2, metavar=("TARGET", "SECONDS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.again:
        name, number = arguments.again
        with tempfile.TemporaryDirectory() as folder:
            _prepare(name, Path(folder))
            content = altered(name, decisions(int(number)))
            print(content[:2000])
            _read(name, content, Path(folder))
    elif arguments.part:
        print(json.dumps(by_decisions(arguments.part[0], seconds=float(arguments.part[1]))))
    elif arguments.atheris:
        by_coverage(arguments.atheris[0], seconds=float(arguments.atheris[1]))
    else:
        campaign(arguments.target or list(TARGETS), arguments.seconds, arguments.json)


def campaign(names: list[str], seconds: float, output: Path | None) -> None:
    """Fuzz targets one after another, and write what came of it."""
    binary = [name for name in names if TARGETS[name].is_binary]
    each = seconds / (len(names) + len(binary))
    results: dict[str, Any] = {}
    for name in names:
        results[name] = {"by_decisions": _part(name, each)}
        if name in binary:
            results[name]["by_coverage"] = _atheris(name, each)
        print(f"{name}: {json.dumps(results[name])}", flush=True)
    parts = [part for result in results.values() for part in result.values()]
    record = {
        "inputs": sum(part["inputs"] for part in parts),
        "findings": sum(len(part["findings"]) for part in parts),
        "seconds": round(sum(part["seconds"] for part in parts), 1),
        "targets": results,
        "command": f"python -m fuzzing.campaign {shlex.join(sys.argv[1:])}",
    }
    print(f"{record['inputs']} inputs, {record['findings']} findings")
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(record, indent=2) + "\n")


def decisions(number: int) -> bytes:
    """Of the input of that number."""
    generator = random.Random(number)
    return generator.randbytes(1 + generator.randrange(40))


def by_decisions(name: str, *, seconds: float) -> dict[str, Any]:
    """Read inputs for so long; each finding once, with the number of its first input."""
    findings: dict[str, int] = {}
    number = 0
    with tempfile.TemporaryDirectory() as name_of_folder, limited_memory():
        folder = Path(name_of_folder)
        _prepare(name, folder)
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            content = altered(name, decisions(number))
            try:
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    _read(name, content, folder)
            except (Exception, ForbiddenError) as error:
                findings.setdefault(_described(error), number)
            number += 1
    return {"inputs": number, "seconds": round(time.monotonic() - started, 1), "findings": findings}


def by_coverage(name: str, *, seconds: float) -> None:
    """Let atheris make inputs; it ends the process."""
    import atheris

    folder = Path(tempfile.mkdtemp())
    corpus = folder / "corpus"
    corpus.mkdir()
    for index, content in enumerate(TARGETS[name].seeds()):
        (corpus / str(index)).write_bytes(content)
    with atheris.instrument_imports(include=["crossgrad.data"], enable_loader_override=False):
        _prepare(name, folder)

    def read(content: bytes) -> None:
        _read(name, content, folder)

    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={int(seconds)}",
            "-max_len=4096",
            f"-artifact_prefix={folder}/",
            "-timeout=20",
            "-rss_limit_mb=4096",
            str(corpus),
        ],
        read,
    )
    atheris.Fuzz()


def _prepare(name: str, folder: Path) -> None:
    """Import what a reader imports, by sound input."""
    warnings.simplefilter("ignore")
    os.environ["CROSSGRAD_CACHE"] = str(folder / "cache")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for content in TARGETS[name].seeds():
            with contextlib.suppress(CrossGradError):
                TARGETS[name].read(content, folder)


def _read(name: str, content: bytes, folder: Path) -> None:
    with guarded(folder, most_bytes=TARGETS[name].most_bytes), contextlib.suppress(CrossGradError):
        TARGETS[name].read(content, folder)


def _described(error: BaseException) -> str:
    """What was raised and where in the package."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/crossgrad/" in frame.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "-"
    return f"{type(error).__name__} at {where}: {str(error)[:160]}"


def _part(name: str, seconds: float) -> dict[str, Any]:
    done = _run("--part", name, str(seconds))
    if done.returncode:
        return {
            "inputs": 0,
            "seconds": seconds,
            "findings": {f"the process ended with {done.returncode}": done.stderr[-500:]},
        }
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _atheris(name: str, seconds: float) -> dict[str, Any]:
    started = time.monotonic()
    done = _run("--atheris", name, str(seconds))
    counted = re.search(r"Done (\d+) runs", done.stderr) or re.search(r"#(\d+)[^#]*\Z", done.stderr)
    findings = {} if done.returncode == 0 else {f"exit code {done.returncode}": (done.stdout + done.stderr)[-1500:]}
    return {
        "inputs": int(counted[1]) if counted else 0,
        "seconds": round(time.monotonic() - started, 1),
        "findings": findings,
    }


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "fuzzing.campaign", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", check=False
    )


if __name__ == "__main__":
    main()
