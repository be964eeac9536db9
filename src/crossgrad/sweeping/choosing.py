"""sweep(): which settings of a method are best, judged without the domains that it will be tested on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crossgrad.data import DomainDataset
from crossgrad.data.dataset import check_opened
from crossgrad.experiments.grids import Dimension
from crossgrad.global_state import cpu_by_default
from crossgrad.selection import Candidate
from crossgrad.sweeping.carrying_out import SweepFollower, carry_out_sweep
from crossgrad.sweeping.planning import FIRST_SEED, plan_sweep


@cpu_by_default()
def sweep(
    dataset: DomainDataset,
    *,
    output: Path | str,
    method: str = "crossgrad",
    grid: Sequence[Dimension] | None = None,
    search: str = "grid",
    trials: int | None = None,
    select: str = "held-out",
    hold_out: str | None = None,
    seeds: Sequence[int] = (FIRST_SEED,),
    net: str | None = None,
    fields: Mapping[str, Any] | None = None,
    budget: float | None = None,
    engine: str = "local",
    address: str | None = None,
    jobs: int | None = None,
    checkpoint_every: int | None = None,
    overwrite: bool = False,
    follower: SweepFollower | None = None,
    **settings: Any,
) -> list[Candidate]:
    """Try a method's settings, choose the best without a look at the test domains, and write them to chosen.json.

    Runs whose records are in `output` already are not done again.

    Args:
        dataset: as `compare` takes it.
        output: folder for records.jsonl, runs/, plan.json and chosen.json.
        method: name in METHODS.
        grid: what is varied, as `experiments.grids.parse_grid` reads it; None for the paper's.
        search: "grid": every point; "random": so many points as `trials` says, drawn by Optuna; "halving": Optuna's
            successive halving of the grid's points, or of `trials` drawn ones.
        trials: points to draw.
        select: how candidates are judged, a key of `selection.WAYS`; only "oracle" looks at the test domains.
        hold_out: test domains, as in `compare`; the choice is made for each fold of them.
        seeds: of each training.
        net: as in `compare`.
        fields: of the method, for all candidates; the grid's go before them.
        budget: seconds that the runs may take: seeds are halved, then candidates left out, until they do.
        engine: as in `compare`.
        address: as in `compare`.
        jobs: as in `compare`.
        checkpoint_every: as in `compare`.
        overwrite: delete what an earlier sweep left in `output`.
        follower: told of the runs as they go.
        **settings: of all candidates, by the names of `Settings`.

    Returns:
        All candidates in the grid's order.

    Raises:
        CrossGradError: something does not go together; before anything is trained.
        TypeError: what is to be trained on is no dataset, such as the path of one.

    Example:
        >>> import tempfile
        >>> from crossgrad.data import open_dataset
        >>> from crossgrad.experiments.grids import parse_grid
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     candidates = sweep(
        ...         open_dataset("digits"), output=folder, method="erm", hold_out="0,75", max_steps=20,
        ...         grid=parse_grid("erm", ["learning_rate=0.00001,0.003"]),
        ...     )
        >>> best = next(candidate for candidate in candidates if ("0", "75") in candidate.chosen_for)
        >>> best.point["learning_rate"]
        0.003
    """
    check_opened(dataset)
    planned = plan_sweep(
        dataset,
        output=output,
        method=method,
        grid=grid,
        search=search,
        trials=trials,
        select=select,
        hold_out=hold_out,
        seeds=seeds,
        net=net,
        fields=fields,
        budget=budget,
        jobs=jobs or 1,
        overwrite=overwrite,
        **settings,
    )
    return carry_out_sweep(
        planned,
        engine=engine,
        address=address,
        jobs=jobs,
        checkpoint_every=checkpoint_every,
        overwrite=overwrite,
        follower=follower,
    )
