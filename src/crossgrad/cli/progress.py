"""What a person sees while models train: what will be done, how far it is, how long it still takes."""

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
)
from rich.text import Text

from crossgrad.comparison import Comparison
from crossgrad.experiments.runs import Run
from crossgrad.records import Record
from crossgrad.report.names import display_name, printable

SECONDS_BETWEEN_LINES = 10


def duration(seconds: float) -> str:
    """Words for a duration.

    Example:
        >>> duration(42), duration(180), duration(9000)
        ('42 s', '3 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def describe(values: dict[str, float]) -> str:
    """Losses (on moved inputs in brackets), and how far inputs are moved beside how large they are.

    Example:
        >>> describe({"label_loss": 0.5, "perturbed_label_loss": 0.75, "perturbation_l2": 0.3, "input_l2": 6.0})
        'label loss 0.500 (moved 0.750), moved by 0.30 of 6.0'
    """
    parts = []
    for what in ("label", "domain"):
        if f"{what}_loss" in values:
            moved = values.get(f"perturbed_{what}_loss")
            parts.append(
                f"{what} loss {values[f'{what}_loss']:.3f}" + (f" (moved {moved:.3f})" if moved is not None else "")
            )
    if "perturbation_l2" in values:
        parts.append(f"moved by {values['perturbation_l2']:.2f} of {values['input_l2']:.1f}")
    return ", ".join(parts)


class _TimeLeft(ProgressColumn):
    """From the work done so far, in estimated seconds, and the time it really took."""

    def render(self, task: Task) -> Text:
        work, total, elapsed = task.fields.get("work", 0.0), task.fields.get("total_work"), task.elapsed
        if not total or not elapsed:
            return Text("")
        # Until some of it is done the estimate speaks, then more and more what was measured.
        expected = task.fields["expected"]
        left = expected * (1 - work / total) if work / total < 0.02 else elapsed * (total - work) / work
        return Text(f"{duration(max(0.0, left))} left", style="cyan")


class ComparisonProgress:
    """A follower that draws a bar over all runs, and a line for each run in training.

    Where the console is no terminal, a plain line is printed now and then instead.

    Args:
        console: to draw on.
        step_seconds: of each method, as estimated.
        jobs: runs at once.
    """

    def __init__(self, console: Console, *, step_seconds: dict[str, float], jobs: int) -> None:
        self._console = console
        self._step_seconds = step_seconds
        self._jobs = jobs
        self._runs: dict[str, Run] = {}
        self._lines: dict[Run, str] = {}
        self._work: dict[Run, float] = {}
        self._total_work = self._printed = 0.0
        self._started = time.monotonic()
        self._bar = Progress(SpinnerColumn(), TextColumn("runs"), BarColumn(), MofNCompleteColumn(), _TimeLeft())
        self._live = Live(get_renderable=self._render, console=console, transient=True, refresh_per_second=8)

    def __enter__(self) -> "ComparisonProgress":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def plan(self, comparison: Comparison, done: int) -> None:
        self._runs = {run.key(comparison.dataset): run for run in comparison.runs}
        finished = {record["key"] for record in comparison.records} if done else set()
        to_do = [run for key, run in self._runs.items() if key not in finished]
        self._total_work = sum(self._cost(run) * run.settings.max_steps for run in to_do)
        self._done = done
        expected = self._total_work / min(self._jobs, max(1, len(to_do)))
        self._task = self._bar.add_task(
            "", total=len(comparison.runs), completed=done, work=0.0, total_work=self._total_work, expected=expected
        )

    def advance(self, run: Run, step: int, values: dict[str, float]) -> None:
        where = printable(", ".join(run.held_out))
        self._lines[run] = (
            f"  {display_name(run.method)}, held out {where}, seed {run.seed}: "
            f"step {step}/{run.settings.max_steps}, {describe(values)}"
        )
        self._work[run] = self._cost(run) * step
        self._bar.update(self._task, work=sum(self._work.values()))

    def finish(self, record: Record) -> None:
        run = self._runs[record["key"]]
        self._lines.pop(run, None)
        self._work[run] = self._cost(run) * run.settings.max_steps
        self._done += 1
        self._bar.update(self._task, completed=self._done, work=sum(self._work.values()))
        if record["error"]:
            where = printable(", ".join(run.held_out))
            self._console.print(
                Text(f"{display_name(run.method)}, held out {where}, seed {run.seed}: {record['error']['message']}"),
                style="red",
            )
        elif not self._console.is_terminal and time.monotonic() - self._printed > SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            elapsed, work = time.monotonic() - self._started, sum(self._work.values())
            left = duration(elapsed * (self._total_work - work) / work)
            self._console.print(f"{self._done} of {len(self._runs)} runs, about {left} left")

    def _render(self) -> Group:
        lines = [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in self._lines.values()]
        return Group(self._bar, *lines)

    def _cost(self, run: Run) -> float:
        return self._step_seconds[run.method]
