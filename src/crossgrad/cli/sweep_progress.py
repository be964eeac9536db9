"""What a person sees while a sweep runs: what will be done, what was left out for lack of time, how far it is."""

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console

from crossgrad.cli.console import are, count, say
from crossgrad.cli.progress import LONG_SECONDS, ComparisonProgress, duration
from crossgrad.experiments.runs import Run
from crossgrad.printing import printable
from crossgrad.records import Record
from crossgrad.report.names import display_name
from crossgrad.selection import WAYS
from crossgrad.sweeping import Sweep
from crossgrad.training import Stretch


def announce_sweep(sweep: Sweep, to_do: Sequence[Run], *, jobs: int | None, advise: bool = True) -> None:
    """Say what will be done, and about how long it takes; with `advise`, also which option makes less of it."""
    dataset, runs = sweep.dataset, sweep.runs
    trainings = {(validation.held_out, validation.left_out) for validation in sweep.validations}
    say(
        f"{printable(dataset.name)}: {count(len(dataset), 'example')}, {count(len(dataset.label_names), 'label')}, "
        f"{count(len(dataset.domain_names), 'domain')}"
    )
    say(
        f"{count(len(sweep.points), 'candidate')} for {display_name(sweep.method)}, judged by {WAYS[sweep.select]} "
        f"(--select {sweep.select})"
    )
    if sweep.select == "oracle":
        say("The choice looks at the test labels: what it leads to is no estimate for new domains.", style="yellow")
    if sweep.dropped:
        say(f"Left out to fit in the budget: {sweep.dropped}.")
    halving = sweep.search == "halving"
    rungs = f" x {count(sweep.n_rungs, 'length')}" if halving else ""
    say(
        f"{'At most ' if halving else ''}{count(len(runs), 'run')}: {count(len(sweep.points), 'candidate')} x "
        f"{count(len(trainings), 'training')} x {count(len(sweep.seeds), 'seed')}"
        f"{rungs}, {count(sweep.settings.max_steps, 'step')} of "
        f"{sweep.settings.batch_size} with {sweep.net}, {jobs or 'as many as the cluster takes'} at once"
    )
    expected = sweep.expected_seconds(to_do, jobs=jobs or 1)
    n_done = len(runs) - len(to_do)
    done = f"{n_done} {are(n_done)} done already. " if n_done else ""
    say(done + (f"About {duration(expected)} to go." if to_do else "Nothing is left to do."))
    if advise and expected > LONG_SECONDS:
        say("--budget fits it to your time; it can be interrupted at any time and goes on later.")


class SweepProgress:
    """A follower that says what a sweep does, and draws the bar of its runs.

    Args:
        console: to draw on.
        jobs: runs at once; None where a cluster decides.
        advise: whether to say which option of `crossgrad sweep` makes less of a long one.
    """

    def __init__(self, console: Console, *, jobs: int | None, advise: bool = True) -> None:
        self._bar = ComparisonProgress(console, jobs=jobs)
        self._advise = advise
        self._jobs = jobs

    def __enter__(self) -> "SweepProgress":
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def plan(self, sweep: Sweep, to_do: Sequence[Run]) -> None:
        announce_sweep(sweep, to_do, jobs=self._jobs, advise=self._advise)
        first = next(iter(sweep.step_seconds.values()))
        self._bar.begin(sweep.runs, to_do, sweep.dataset, {sweep.method: first})

    def advance(self, run: Run, stretch: Stretch) -> None:
        self._bar.advance(run, stretch)

    def finish(self, record: Record) -> None:
        self._bar.finish(record)
