"""Optuna's studies, as a sweep uses them: in memory, seeded, silent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from crossgrad.errors import SettingsError
from crossgrad.extras import how_to_get

REDUCTION = 3
"""Of successive halving: about one candidate in so many goes on, to training so many times as long."""

RUNGS = 3
"""Lengths of training: a ninth, a third, all of the steps."""


@contextmanager
def quiet_optuna() -> Iterator[Any]:
    """The module, which says nothing meanwhile.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise SettingsError(f"random search and halving need Optuna: {how_to_get('sweep')}") from error
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(before)


def rung_steps(max_steps: int) -> list[int]:
    """Steps of training at each rung, fewest first.

    Example:
        >>> rung_steps(900), rung_steps(2)
        ([100, 300, 900], [1, 2])
    """
    steps = [max(1, round(max_steps / REDUCTION**below)) for below in reversed(range(RUNGS))]
    return list(dict.fromkeys(steps))


def successive_halving(n_candidates: int, n_rungs: int, accuracy: Callable[[int, int], float]) -> list[int]:
    """The candidates that came through to the last rung.

    One candidate after another is trained for the fewest steps, and for more as long as it is in the best third of
    all that came so far to a rung.

    Args:
        n_candidates: tried in their order, which matters: the first come further than their accuracy alone says.
        n_rungs: lengths of training.
        accuracy: of a candidate (from 0) on a rung (from 0).

    Returns:
        Numbers of candidates, at least one; `accuracy` was asked for them on the last rung.

    Raises:
        SettingsError: Optuna is not installed.

    Reference:
        Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, as Optuna has it.
    """
    finished = []
    with quiet_optuna() as optuna:
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=REDUCTION)
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner)
        for candidate in range(n_candidates):
            trial = study.ask()
            for rung in range(n_rungs):
                value = accuracy(candidate, rung)
                trial.report(value, step=REDUCTION**rung)
                if rung < n_rungs - 1 and trial.should_prune():
                    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                    break
            else:
                finished.append(candidate)
                study.tell(trial, value)
    return finished
