"""compare(): which method labels unseen domains best here, and is the difference more than chance?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crossgrad.comparison.carrying_out import Follower, carry_out
from crossgrad.comparison.planning import DEFAULT_METHODS, Comparison, plan
from crossgrad.data import DomainDataset
from crossgrad.data.dataset import check_opened
from crossgrad.global_state import cpu_by_default


@cpu_by_default()
def compare(
    dataset: DomainDataset,
    *,
    output: Path | str,
    methods: Sequence[str] = DEFAULT_METHODS,
    hold_out: str | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    net: str | None = None,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
    match: str | None = None,
    chosen: Sequence[Path | str] = (),
    engine: str = "local",
    address: str | None = None,
    jobs: int | None = None,
    checkpoint_every: int | None = None,
    tensorboard: Path | str | None = None,
    overwrite: bool = False,
    follower: Follower | None = None,
    **settings: Any,
) -> Comparison:
    """Train every method with domains held out in turn, measure it on them, and report.

    Runs whose records are in `output` already are not done again, so that an interrupted comparison goes on where
    it stopped.

    Args:
        dataset: of at least three domains.
        output: folder for records.jsonl, runs/, report.html, report.md and report.tex.
        methods: names in METHODS.
        hold_out: "protocol" for a benchmark's own split, "each", a number of folds of domains, or names with commas
            between; by default the benchmark's own split where it has one, else each domain in turn up to ten of
            them, five folds above.
        seeds: of the runs; each run is determined by its settings and seed.
        net: name in NETS or the import path of a trunk's factory; by default the benchmark's own, lenet for
            images and audio, mlp for everything else.
        fields: of methods, by method and field, such as {"crossgrad": {"label_weight": 0.25}}.
        match: "passes" or "seconds": also run ERM with so many steps that it takes as many passes of a net, or as much
            time, as the costliest method compared; it is called erm_matched.
        chosen: folders of sweeps, or their chosen.json: methods take net, settings and fields from them, but for those
            given here.
        engine: "local", processes on this machine, or "ray", a Ray cluster (the extra `ray`).
        address: HOST:PORT of a running Ray cluster, or "auto" for the one that this machine is part of; by default one
            is started on this machine.
        jobs: runs at once; by default 1, with Ray as many as the cluster's CPUs allow. More than 1 with the local
            engine needs the script's entry guarded by `if __name__ == "__main__":`.
        checkpoint_every: steps from one checkpoint of a run to the next; None for one a minute. A run that was cut off
            goes on from its last one. The engine ray has none.
        tensorboard: folder of TensorBoard's event files (the extra `tracking`), a folder in it for each run, outside
            `output`; with the local engine. None writes none.
        overwrite: delete what an earlier comparison left in `output`.
        follower: told of the runs as they go.
        **settings: of all runs, by the names of `Settings`: max_steps, batch_size, learning_rate, ...

    Returns:
        The comparison, whose `table` holds the results as numbers.

    Raises:
        TypeError: what is to be compared on is no dataset, such as the path of one.
        CrossGradError: something does not go together; before anything is trained.

    Example:
        >>> import tempfile
        >>> from crossgrad.data import open_dataset
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     result = compare(
        ...         open_dataset("digits"), output=folder, methods=["erm"], hold_out="0", seeds=[0], max_steps=20
        ...     )
        ...     accuracy = result.table.rows[0].mean.value
        >>> 0.1 < accuracy < 1
        True
    """
    check_opened(dataset)
    comparison = plan(
        dataset,
        output=output,
        methods=methods,
        hold_out=hold_out,
        seeds=seeds,
        net=net,
        fields=fields,
        match=match,
        chosen=chosen,
        **settings,
    )
    carry_out(
        comparison,
        engine=engine,
        address=address,
        jobs=jobs,
        checkpoint_every=checkpoint_every,
        tensorboard=tensorboard,
        overwrite=overwrite,
        follower=follower,
    )
    return comparison
