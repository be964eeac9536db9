"""What a person sees while models train: what will be done, how far it is, how long it still takes."""

import time
from collections.abc import Mapping, Sequence
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

from crossgrad.cli.console import are, count, say
from crossgrad.cli.first_look import first_look
from crossgrad.comparison import Comparison
from crossgrad.data import DomainDataset
from crossgrad.experiments.estimate import step_seconds
from crossgrad.experiments.matching import MATCHED
from crossgrad.experiments.runs import Run
from crossgrad.printing import printable
from crossgrad.records import Record
from crossgrad.report.names import display_name, fold_name
from crossgrad.training import Stretch

SECONDS_BETWEEN_LINES = 10
LONG_SECONDS = 15 * 60


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


def announce(
    comparison: Comparison, to_do: Sequence[Run], *, expected: float, jobs: int | None, advise: bool = True
) -> None:
    """Say what will be done, and about how long it takes; with `advise`, also which options make less of it."""
    dataset, runs = comparison.dataset, comparison.runs
    n_folds, n_methods = len({run.held_out for run in runs}), len({run.method for run in runs})
    steps = sorted({run.settings.max_steps for run in runs if run.method != MATCHED})
    nets = dict.fromkeys(run.net for run in runs)
    say(
        f"{printable(dataset.name)}: {count(len(dataset), 'example')}, {count(len(dataset.label_names), 'label')}, "
        f"{count(len(dataset.domain_names), 'domain')}"
    )
    n_seeds = len({run.seed for run in runs})
    n_variants = len(runs) // n_folds // n_seeds
    say(
        f"{count(len(runs), 'run')}: {count(n_variants, 'method' if n_variants == n_methods else 'variant')} x "
        f"{count(n_folds, 'fold')} of held-out domains x {count(n_seeds, 'seed')}, "
        f"{' or '.join([*map(str, steps[:-1]), count(steps[-1], 'step')])} of {runs[0].settings.batch_size} with "
        f"{' or '.join(nets)}, {jobs or 'as many as the cluster takes'} at once"
    )
    if runs[0].left_out:
        say(
            f"The benchmark's own split: {count(len(runs[0].held_out), 'domain')} held out together, "
            f"{count(len(runs[0].left_out), 'validation domain')} left out."
        )
    if any(run.select == "held-out" for run in runs):
        say("Each method's settings were chosen on validation domains, not on the held-out one.")
    if oracle := sorted({display_name(run.method) for run in runs if run.select == "oracle"}):
        say(
            f"Settings of {', '.join(oracle)} were chosen by the held-out domains' own labels (oracle).", style="yellow"
        )
    n_done = len(runs) - len(to_do)
    done = f"{n_done} {are(n_done)} done already. " if n_done else ""
    where = "" if jobs else " if one went at a time, here"  # another machine is not timed
    say(done + (f"About {duration(expected)} to go{where}." if to_do else "Nothing is left to do."))
    if advise and expected > LONG_SECONDS:
        say("It can be interrupted at any time and goes on later; fewer --methods are faster.")
        if shorter := first_look(comparison, jobs=jobs):
            say(f"For a first look, in about {duration(shorter[1])}, add: {shorter[0]}", style="bold")


class _TimeLeft(ProgressColumn):
    """What the follower expects."""

    def render(self, task: Task) -> Text:
        left: float = task.fields["seconds_left"]()
        return Text(f"{duration(left)} left", style="cyan")


class ComparisonProgress:
    """A follower that draws a bar over all runs, and a line for each run in training.

    Where the console is no terminal, a plain line is printed now and then instead.

    Args:
        console: to draw on.
        jobs: runs at once; None where a cluster decides.
        advise: whether to say which options make less of a long comparison: those of `crossgrad compare`.
    """

    def __init__(self, console: Console, *, jobs: int | None, advise: bool = True) -> None:
        self._console = console
        self._jobs = jobs
        self._advise = advise
        self._step_seconds: dict[str, float] = {}
        self._runs: dict[str, Run] = {}
        self._lines: dict[Run, str] = {}
        self._work: dict[Run, float] = {}
        self._total_work = self._expected = self._printed = 0.0
        self._first_news: tuple[float, float] | None = None
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

    def plan(self, comparison: Comparison, to_do: Sequence[Run]) -> None:
        self.begin(comparison.runs, to_do, comparison.dataset, step_seconds(to_do, comparison.dataset))
        announce(comparison, to_do, expected=self._expected, jobs=self._jobs, advise=self._advise)

    def begin(
        self, runs: Sequence[Run], to_do: Sequence[Run], dataset: DomainDataset, seconds_of_step: Mapping[str, float]
    ) -> None:
        """Draw the bar of these runs, whatever they belong to.

        Args:
            runs: all of them.
            to_do: those that are not done yet.
            dataset: of the runs.
            seconds_of_step: by method.
        """
        self._runs = {run.key(dataset): run for run in runs}
        self._step_seconds = dict(seconds_of_step)
        self._total_work = sum(self._cost(run) * run.n_steps for run in to_do)
        self._expected = self._total_work / max(1, min(self._jobs or 1, len(to_do)))
        self._done = len(runs) - len(to_do)
        self._task = self._bar.add_task("", total=len(runs), completed=self._done, seconds_left=self._seconds_left)

    def advance(self, run: Run, stretch: Stretch) -> None:
        self._lines[run] = (
            f"  {display_name(run.method)}, held out {fold_name(run.held_out) or 'nothing'}, seed {run.seed}: "
            f"step {stretch.step}/{run.n_steps}, {describe(stretch.means)}"
        )
        self._work[run] = self._cost(run) * stretch.step
        if self._first_news is None:
            self._first_news = time.monotonic(), self._work[run]

    def finish(self, record: Record) -> None:
        run = self._runs[record["key"]]
        self._lines.pop(run, None)
        self._work[run] = self._cost(run) * run.n_steps
        self._done += 1
        self._bar.update(self._task, completed=self._done)
        if record["error"]:
            name, where = display_name(run.method), fold_name(run.held_out) or "nothing"
            self._console.print(
                Text(f"{name}, held out {where}, seed {run.seed}: {record['error']['message']}"),
                style="red",
            )
        elif not self._console.is_terminal and time.monotonic() - self._printed > SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            runs = count(len(self._runs), "run")
            self._console.print(f"{self._done} of {runs}, about {duration(self._seconds_left())} left")

    def _render(self) -> Group:
        now = list(self._lines.values())  # drawn by a thread of its own, while runs come and go
        lines = [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in now]
        return Group(self._bar, *lines)

    def _seconds_left(self) -> float:
        """The estimate until a twentieth of the work is done, then by the pace since the first news of it.

        What comes before the first news is the start of processes, no pace to go by.
        """
        done = sum(self._work.values())
        began, work_then = self._first_news or (0.0, done)
        if done < self._total_work / 20 or done <= work_then:
            return max(0.0, self._expected * (1 - done / self._total_work)) if self._total_work else 0.0
        return (time.monotonic() - began) * (self._total_work - done) / (done - work_then)

    def _cost(self, run: Run) -> float:
        return self._step_seconds[run.method]
