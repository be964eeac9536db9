"""The command's help at 80 columns, its examples, what a shell completes, colours, and its exit codes."""

import io
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import typer

from commands import Command
from crossgrad.cli import completion
from crossgrad.cli.app import app, main
from crossgrad.cli.examples import EXAMPLES
from crossgrad.data import BENCHMARKS
from crossgrad.methods import METHODS
from crossgrad.nets import NETS
from processes import COMMAND, end, start, wait_until

SWALLOWS = """
import ctypes, signal, time

@ctypes.CFUNCTYPE(None)
def interrupted():
    signal.raise_signal(signal.SIGINT)

def trunk(input_shape):
    interrupted()
    time.sleep(600)
"""
"""A net within whose making an interrupt comes while a callback of C runs, out of which no exception gets."""

ROOT = Path(__file__).parents[1]
GROUP: Any = typer.main.get_command(app)


def leaves(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, below in group.commands.items():
        yield from leaves(below, (*path, name)) if hasattr(below, "commands") else [(*path, name)]


LEAVES = sorted(leaves(GROUP))
EVERY = [(), ("data",), *LEAVES]


def shown(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "argv", ["crossgrad", *arguments, "--help"])
    with redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    return out.getvalue()


def parse(line: str) -> Any:
    """The context of a command line: parsed as it would be, and not carried out.

    Raises:
        An exception of click's: it cannot be.
    """
    words = shlex.split(line, comments=True)
    assert words[0] == "crossgrad"
    words = words[: words.index(">")] if ">" in words else words
    group, context, words = GROUP, None, words[1:]
    while hasattr(group, "commands"):
        if words[0].startswith("--"):
            assert words[0] in {option for parameter in group.params for option in parameter.opts}
            return context
        context = group.make_context(group.name, [], parent=context, resilient_parsing=True)
        group, words = group.commands[words[0]], words[1:]
    return group.make_context(group.name, words, parent=context)


# Help


@pytest.mark.parametrize("arguments", EVERY, ids=" ".join)
def test_help_is_whole_at_eighty_columns(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(arguments, monkeypatch).splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert [line for line in lines if "…" in line] == []


@pytest.mark.parametrize("command", LEAVES, ids=" ".join)
def test_help_ends_with_examples_each_on_a_line_of_its_own(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, found, below = shown(command, monkeypatch).rpartition("Examples:")
    assert found
    told = [line.strip().removeprefix("• ") for line in below.splitlines() if line.strip()]
    assert told == list(EXAMPLES[" ".join(command)])
    assert told


def test_there_are_examples_of_every_command_and_of_no_other() -> None:
    assert sorted(EXAMPLES) == sorted(map(" ".join, LEAVES))


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_of_their_command_and_can_be_parsed(name: str) -> None:
    for line in EXAMPLES[name]:
        assert line.startswith(f"crossgrad {name} ") or line == f"crossgrad {name}"
        assert parse(line).info_name in name


def test_an_example_with_an_option_that_is_none_would_be_found() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse("crossgrad compare scans/ --folds 3")
    with pytest.raises(Exception, match="valid int"):
        parse("crossgrad compare scans/ --seeds many")


@pytest.mark.parametrize("command", LEAVES, ids=" ".join)
def test_every_command_prints_json_if_asked(command: tuple[str, ...]) -> None:
    group = GROUP
    for name in command:
        group = group.commands[name]
    assert any("--json" in parameter.opts for parameter in group.params)


# Command lines of the documentation


FENCE = re.compile(r"^```(?:\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (?:\$ )?(crossgrad .*)$", re.MULTILINE)


def command_lines(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    fenced = [line.removeprefix("$ ") for block in FENCE.findall(text) for line in block.splitlines()]
    return [line for line in [*fenced, *INDENTED.findall(text)] if line.startswith("crossgrad ")]


PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if command_lines(page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_the_page_can_be_parsed(page: Path) -> None:
    for line in command_lines(page):
        if not re.search(r"\s\.\.\.|[<|]", line):  # something is left out, or goes to another program
            parse(line)


# Completion


def test_names_that_are_completed_are_those_that_there_are() -> None:
    assert tuple(METHODS) == completion.METHODS
    assert tuple(NETS) == completion.NETS
    assert tuple(BENCHMARKS) == completion.BENCHMARKS


BASH = """
eval "$(crossgrad --show-completion bash)"
read -ra COMP_WORDS <<< "$1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
function=$(complete -p crossgrad | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" crossgrad
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(words: str, folder: Path) -> set[str]:
    """What a real bash offers for a line, by the script that --show-completion prints."""
    program = folder / "bin" / "crossgrad"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!{sys.executable}\nfrom crossgrad.cli import main\n\nmain()\n")
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", BASH, "bash", words],
        cwd=folder,
        env=os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return set(done.stdout.split())


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="there is no bash")
def test_bash_completes_commands_options_and_names(tmp_path: Path) -> None:
    (tmp_path / "font-files").mkdir()
    (tmp_path / "fonts.csv").touch()
    assert completed("crossgrad di", tmp_path) == {"diagnose"}
    assert "--hold-out" in completed("crossgrad compare digits --ho", tmp_path)
    assert completed("crossgrad compare font", tmp_path) == {"fonts", "fonts_authors", "font-files/", "fonts.csv"}
    assert completed("crossgrad compare digits --methods erm,ra", tmp_path) == {"erm,random"}
    assert completed("crossgrad compare digits --net con", tmp_path) == {"conv2", "conv1d"}
    assert completed("crossgrad data list rot", tmp_path) == {"rotated_mnist"}


def test_completion_needs_no_torch(tmp_path: Path) -> None:
    code = """
import sys
from crossgrad.cli import main
sys.argv = ["crossgrad"]
try:
    main()
finally:
    assert not {"torch", "numpy", "scipy", "sklearn", "PIL"} & set(sys.modules)
"""
    asked = {"_CROSSGRAD_COMPLETE": "complete_bash", "COMP_WORDS": "crossgrad train --method ", "COMP_CWORD": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True)
    assert done.stdout.split() == list(METHODS)
    assert done.stderr == ""


def test_folders_that_cannot_be_read_are_completed_with_nothing(tmp_path: Path) -> None:
    assert completion.data(f"{tmp_path}/absent/") == []
    (tmp_path / ".hidden").touch()
    assert completion.data(f"{tmp_path}/") == []
    assert completion.data(f"{tmp_path}/.h") == [f"{tmp_path}/.hidden"]


# Colours


def on_a_terminal(arguments: list[str], **environment: str) -> str:
    """Everything that a command writes to a terminal of its own."""
    ours, theirs = pty.openpty()
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=plain | environment, close_fds=True
    )
    os.close(theirs)
    found = b""
    while True:
        try:
            read = os.read(ours, 4096)
        except OSError:  # Linux says so that nobody holds the other end
            read = b""
        if not read:
            break
        found += read
    process.wait(timeout=60)
    os.close(ours)
    return found.decode()


COLOUR = re.compile("\x1b\\[(?:\\d+;)*(?:3|4|9|10)\\d(?:;\\d+)*m")
"""Foreground or background."""


@pytest.mark.skipif(sys.platform != "linux", reason="a terminal of Linux")
def test_a_terminal_has_colours_but_not_if_they_are_unwanted() -> None:
    for arguments in (["report", "nowhere"], ["compare", "--help"]):
        assert COLOUR.search(on_a_terminal(arguments, TERM="xterm-256color"))
        assert not COLOUR.search(on_a_terminal(arguments, TERM="xterm-256color", NO_COLOR="1"))
        assert "\x1b" not in on_a_terminal(arguments, TERM="dumb")


@pytest.mark.parametrize("arguments", [["report", "nowhere"], ["compare", "--help"], ["--nonsense"]], ids=" ".join)
def test_what_is_no_terminal_gets_no_escapes(arguments: list[str]) -> None:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)
    assert done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


# Exit codes; 1 of a run that fails is in test_cli.py, 130 in the middle of runs in test_cli_processes.py


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["report", "--help"], 0),
        (["report", str(ROOT / "results" / "digits"), "--output", "made"], 0),
        (["report", "nowhere"], 2),
        (["report"], 2),
        (["reprot"], 2),
        (["compare", "digits", "--seeds", "many"], 2),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else str(value),
)
def test_exit_codes_are_as_documented(arguments: list[str], code: int, tmp_path: Path) -> None:
    done = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) == bool(code)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", ["data list", "data list --json", "--version", "--help"])
def test_output_that_cannot_be_written_is_told_in_one_sentence(arguments: str, unbuffered: str) -> None:
    for where, why in ((">/dev/full", "No space left on device"), (">&-", "standard output is closed")):
        line = f"{shlex.join(COMMAND)} {arguments} {where}"
        environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"Error: cannot write the output: {why}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="pipes of Linux")
def test_a_reader_that_has_had_enough_is_told_nothing() -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    environment = os.environ | {"PYTHONUNBUFFERED": ""}
    done = subprocess.run(
        [*COMMAND, "data", "list"], env=environment, stdout=ours, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(ours)
    assert (done.returncode, done.stderr) == (1, "")


def test_an_error_of_the_system_names_the_file(command: Command) -> None:
    name = "x" * 300
    done = command("report", name)
    assert (done.code, done.out, done.err) == (1, "", f"Error: File name too long: {name!r}\n")


@pytest.mark.skipif(sys.platform != "linux", reason="signals of Linux")
@pytest.mark.parametrize("arguments", [["data", "list"], ["predict", "model", "new.png"]], ids=" ".join)
def test_a_command_that_is_interrupted_anywhere_ends_with_130(arguments: list[str], tmp_path: Path) -> None:
    process = start(arguments, tmp_path)
    try:
        wait_until(lambda: "torch" in Path(f"/proc/{process.pid}/maps").read_text())  # it is loading
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        end(process)
    assert process.returncode == 130
    assert "Traceback" not in told


def test_an_interrupt_that_a_callback_swallows_ends_the_command_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "swallows.py").write_text(SWALLOWS)
    arguments = ["train", "digits", "--net", "swallows:trunk", "--output", "model"]
    done = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
