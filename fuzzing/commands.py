"""Command lines, and one process in which they are carried out."""

import contextlib
import io
import os
import shlex
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from fuzzing.mutation import HOSTILE_TEXTS, Choices

COMMAND_LINES = tuple(
    "\0".join(shlex.split(line)).encode()
    for line in (
        "train data.npz --output out --method erm --max-steps 1 --batch-size 2 --net mlp --overwrite",
        "train data.npz --output out --method crossgrad --set crossgrad.label_weight=0.25 --max-steps 1 --overwrite",
        "train list.csv --output out --image-size 8 --path-column path --domain 1 --seed 3 --max-steps 1 --overwrite",
        "compare absent.npz --output out --methods erm,dann --hold-out each --seeds 2 --match passes",
        "sweep absent.npz --output out --method crossgrad --grid paper --budget 2h --search grid",
        "diagnose absent.npz --output out --max-steps 1",
        "predict absent data.npz --format csv --skip-unreadable",
        "report absent --output out --overwrite --json",
        "data list digits --json",
        "data show data.npz --output out.png --rows 2 --columns 2 --overwrite",
        "data show digits --option seed=1 --output out.png --overwrite",
        "reproduce table3 --output out --json",
        "--version",
        "train --help",
    )
)

_TOKENS = (
    "--json",
    "--overwrite",
    "--help",
    "--balanced",
    "--skip-unreadable",
    "--batch-size",
    "--learning-rate",
    "--optimizer",
    "--scaling",
    "--dropout",
    "--net",
    "--set",
    "--option",
    "--chosen",
    "--domain",
    "--image-size",
    "--channels",
    "--features",
    "--seconds",
    "--hold-out",
    "--seeds",
    "--format",
    "0",
    "-1",
    "1",
    "nan",
    "1e400",
    "true",
    "mlp",
    "lenet",
    "os:system",
    "crossgrad.label_gradient_step=nan",
    "crossgrad.clip=none",
    "crossgrad.=1",
    "=",
    "data.npz",
    "--",
    "-x",
    "--=",
)
_FIXED = (
    "--output",
    "--max-steps",
    "--memory",
    "--workers",
    "--scale",
    "--engine",
    "--address",
    "--jobs",
    "--threads",
    "--install-completion",
    "--show-completion",
)


def altered_command(content: bytes, choices: Choices) -> bytes:
    """With arguments replaced, put in, left out and turned round, but for where results go."""
    words = content.decode().split("\0")
    for _ in range(4):
        if choices.is_over or len(words) < 2:
            break
        place = 1 + choices.below(len(words) - 1)
        if words[place] in _FIXED or words[place - 1] in _FIXED:
            continue
        edit = choices.below(5)
        if edit == 0:
            words[place] = choices.of(HOSTILE_TEXTS).replace("\0", "")
        elif edit == 1:
            words[place] = choices.of(_TOKENS)
        elif edit == 2 and words[place - 1 : place + 2].count("--output") == 0:
            del words[place]
        elif edit == 3:
            words.insert(place, choices.of(_TOKENS))
        elif words[place].startswith("--"):
            words[place] = words[place][: 2 + choices.below(len(words[place]))]
    return "\0".join(words).encode(errors="surrogatepass")


def run_command(content: bytes, folder: Path) -> object:
    """Carry out a command in the folder; what it prints must not steer a terminal."""
    from crossgrad.cli import main

    words = [word.decode(errors="surrogateescape") for word in content.split(b"\0")]
    _prepare(folder)
    before = os.getcwd(), sys.argv, os.environ.get("COLUMNS")
    printed = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", write_through=True)
    os.chdir(folder)
    sys.argv, os.environ["COLUMNS"] = ["crossgrad", *words], "100"
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            main()
        code: object = 0
    except SystemExit as end:
        code = end.code
    finally:
        os.chdir(before[0])
        sys.argv = before[1]
        os.environ.pop("COLUMNS", None)
        if before[2] is not None:
            os.environ["COLUMNS"] = before[2]
    text = printed.buffer.getvalue().decode()  # type: ignore[attr-defined]
    if code not in (0, 1, 2, None):
        raise AssertionError(f"exit code {code!r}")
    if "Traceback (most recent" in text:
        raise AssertionError(text)
    is_data = "--json" in words or "csv" in words or "jsonl" in words  # to a file names go as they are
    is_usage = text.startswith("Usage: ")  # what was typed is echoed by the parser of command lines
    if not (is_data or is_usage) and (steering := {one for one in text if not one.isprintable() and one != "\n"}):
        raise AssertionError(f"control characters reach the terminal: {steering} in {text!r}")
    return code


def _prepare(folder: Path) -> None:
    Image.init()
    if (folder / "data.npz").exists():
        return
    inputs = np.random.default_rng(0).random((24, 1, 8, 8), dtype=np.float32)
    np.savez(folder / "data.npz", inputs=inputs, labels=np.arange(24) % 2, domains=np.arange(24) // 8)
    (folder / "list.csv").write_text("path,label,domain\nabsent.png,a,1\n")
