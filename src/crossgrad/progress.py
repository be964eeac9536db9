"""What a person sees while models train: what will be done, how far it is, how long it still takes."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from crossgrad.comparison import Comparison
from crossgrad.experiments.runs import Run
from crossgrad.records import Record
from crossgrad.report.names import display_name, printable

SHORT_NAMES = {
    "label_loss": "label",
    "perturbed_label_loss": "label moved",
    "domain_loss": "domain",
    "perturbed_domain_loss": "domain moved",
}


def duration(seconds: float) -> str:
    """Words for a duration.

    Example:
        >>> duration(42), duration(150), duration(9000)
        ('42 s', '3 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def describe(values: dict[str, float]) -> str:
    """Losses, and how far inputs are moved beside how large they are, in one short line.

    Example:
        >>> describe({"label_loss": 0.5, "perturbation_l2": 0.3, "perturbation_linf": 0.1, "input_l2": 6.0})
        'loss label 0.500 · moved by 0.30 of 6.0'
    """
    losses = [f"{short} {values[name]:.3f}" for name, short in SHORT_NAMES.items() if name in values]
    parts = ["loss " + ", ".join(losses)]
    if "perturbation_l2" in values:
        parts.append(f"moved by {values['perturbation_l2']:.2f} of {values['input_l2']:.1f}")
    return " · ".join(parts)


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
        self._lines: dict[Run, TaskID] = {}
        self._work: dict[Run, float] = {}
        self._runs: dict[str, Run] = {}
        self._total_work = self._printed = 0.0
        self._started = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            _TimeLeft(),
            TextColumn("{task.fields[losses]}", style="dim"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def plan(self, comparison: Comparison, done: int) -> None:
        keys = [run.key(comparison.dataset) for run in comparison.runs]
        self._runs = dict(zip(keys, comparison.runs, strict=True))
        finished = {record["key"] for record in comparison.records} if done else set()
        to_do = [run for key, run in self._runs.items() if key not in finished]
        self._total_work = sum(self._cost(run) * run.settings.max_steps for run in to_do)
        self._done = done
        self._overall = self._progress.add_task(
            "runs",
            total=len(comparison.runs),
            completed=done,
            losses="",
            work=0.0,
            total_work=self._total_work,
            expected=self._total_work / min(self._jobs, max(1, len(to_do))),
        )

    def advance(self, run: Run, step: int, values: dict[str, float]) -> None:
        if run not in self._lines:
            where = printable(", ".join(run.held_out))
            self._lines[run] = self._progress.add_task(
                f"  {display_name(run.method)}, held out {where}, seed {run.seed}",
                total=run.settings.max_steps,
                losses="",
            )
        self._progress.update(self._lines[run], completed=step, losses=describe(values))
        self._work[run] = self._cost(run) * step
        self._progress.update(self._overall, work=sum(self._work.values()))

    def finish(self, record: Record) -> None:
        run = self._runs[record["key"]]
        self._work[run] = self._cost(run) * run.settings.max_steps
        if run in self._lines:
            self._progress.remove_task(self._lines.pop(run))
        self._done += 1
        self._progress.update(self._overall, completed=self._done, work=sum(self._work.values()))
        if record["error"]:
            where = printable(", ".join(run.held_out))
            self._console.print(
                Text(f"{display_name(run.method)}, held out {where}, seed {run.seed}: {record['error']['message']}"),
                style="red",
            )
        elif not self._console.is_terminal and time.monotonic() - self._printed > 10:
            self._printed = time.monotonic()
            elapsed, work = time.monotonic() - self._started, sum(self._work.values())
            left = duration(elapsed * (self._total_work - work) / work) if work else "?"
            self._console.print(f"{self._done} of {len(self._runs)} runs, about {left} left", highlight=False)

    def _cost(self, run: Run) -> float:
        return self._step_seconds.get(run.method, 1.0)
