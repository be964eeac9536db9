"""The commands, listed once, and how errors end."""

import errno
import os
import signal
import sys
import threading
import warnings
from typing import Annotated, Any

import typer

import crossgrad
from crossgrad.cli.compare import compare
from crossgrad.cli.console import say
from crossgrad.cli.data_list import list_benchmarks
from crossgrad.cli.data_prepare import prepare
from crossgrad.cli.data_show import show
from crossgrad.cli.diagnose import diagnose
from crossgrad.cli.examples import epilog
from crossgrad.cli.export import export
from crossgrad.cli.predict import predict
from crossgrad.cli.report import report
from crossgrad.cli.reproduce import reproduce
from crossgrad.cli.several import alone, in_every_process, refuse_several, speaks
from crossgrad.cli.sweep import sweep
from crossgrad.cli.train import train
from crossgrad.errors import CheckpointWarning, CrossGradError, DataWarning, OtherProcessError, TrainingWarning

USAGE_ERROR: type[Any] = typer.BadParameter.__bases__[0]
"""What is raised for arguments that are none: click's, or that of the copy of click that typer has from 0.26 on."""

CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF)
"""Errors of writing; they name no file."""

app = typer.Typer(
    name="crossgrad",
    help="Train classifiers that work on domains they have never seen, and see honestly whether it helped.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        print(f"crossgrad {crossgrad.__version__}")
        raise typer.Exit


app.command(epilog=epilog("compare"))(compare)
app.command(epilog=epilog("diagnose"))(diagnose)
app.command(epilog=epilog("report"))(report)
app.command(epilog=epilog("sweep"))(sweep)
app.command(epilog=epilog("train"))(in_every_process(train))
app.command(epilog=epilog("predict"))(predict)
app.command(epilog=epilog("export"))(export)

data = typer.Typer(
    help="Benchmarks and pictures of data: list, prepare, show.", no_args_is_help=True, rich_markup_mode="markdown"
)
data.command("list", epilog=epilog("data list"))(list_benchmarks)
data.command(epilog=epilog("data prepare"))(prepare)
data.command(epilog=epilog("data show"))(show)
app.add_typer(data, name="data")
app.command(epilog=epilog("reproduce"))(reproduce)


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    if issubclass(category, DataWarning | CheckpointWarning | TrainingWarning):
        say(f"Warning: {message}", style="yellow")
    else:
        say(warnings.formatwarning(message, category, filename, lineno, line), style="dim")


def interrupt_again(unraisable: Any) -> None:
    """Interrupt once more where an interrupt was swallowed, as in another library's callback (llvmlite's, for one).

    What Python ignores in callbacks it hands to `sys.unraisablehook`, whose place this takes; all else is told as ever.
    """
    if isinstance(unraisable.exc_value, KeyboardInterrupt):
        # From another thread and a little later: here, or in the callback, it would be swallowed again.
        again = threading.Timer(0.1, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)


def _tell_usage(error: Any) -> None:
    """Say what is wrong with the arguments, and no more of them to a terminal than is harmless."""
    if message := error.format_message():  # none where no arguments were given, and the help was shown
        if error.ctx is not None:
            say(f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help' for help.")
        say(f"Error: {message}", style="red")


def _flush() -> None:
    """Write what is left to be printed, while a failure can be told; the interpreter would do so as it ends."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # it does so all the same
        if isinstance(error, BrokenPipeError):  # who reads had enough, as `| head` has
            sys.exit(1)
        raise


def _sentence(error: OSError) -> str:
    if error.filename is not None:
        return f"{error.strerror}: {error.filename!r}"
    what = "cannot write the output: " if error.errno in CANNOT_WRITE else ""
    return f"{what}{error.strerror or error}"


def _is_of_memory(error: Exception) -> bool:
    """Whether memory was lacking: torch tells that by its own OutOfMemoryError on a GPU, by words alone on a CPU."""
    is_torchs = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    return isinstance(error, MemoryError) or is_torchs


def main() -> None:
    """Run the command line, with errors as a sentence and an exit code."""
    if sys.stdout is None:  # the next file that is opened would take its place, and what is printed
        say("Error: cannot write the output: standard output is closed", style="red")
        sys.exit(1)
    warnings.showwarning = _show_warning
    for category in (DataWarning, CheckpointWarning, TrainingWarning):
        warnings.simplefilter("always", category)
    # A launcher's processes may be waiting for each other, where Python hears no signal: SIGTERM ends them as it always
    # did.
    if alone():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # what `kill` and batch systems send is as Ctrl-C
    sys.unraisablehook = interrupt_again
    try:
        command = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "train")
        if command != "train":
            refuse_several(command)
        try:
            code = app(standalone_mode=False)
        finally:
            _flush()
        sys.exit(code)
    except USAGE_ERROR as error:
        if speaks():
            _tell_usage(error)
        sys.exit(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):  # of some versions of typer; others end with 130 themselves
        sys.exit(130)
    except OtherProcessError:
        sys.exit(1)
    except CrossGradError as error:
        say(f"Error: {error}", style="red")
        sys.exit(1 if isinstance(error, RuntimeError | ArithmeticError) else 2)
    except (MemoryError, RuntimeError) as error:
        if not _is_of_memory(error):
            raise
        say(f"Error: there is not enough memory{f': {error}' if str(error) else ''}; ask for less", style="red")
        sys.exit(1)
    except OSError as error:
        say(f"Error: {_sentence(error)}", style="red")
        sys.exit(1)
