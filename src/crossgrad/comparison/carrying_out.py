"""Doing a comparison's runs, those that are not done yet, and writing its report."""

import json
import shlex
import sys
from contextlib import closing
from pathlib import Path

from crossgrad.comparison.planning import Comparison
from crossgrad.experiments.engine import check_engine, perform_all
from crossgrad.experiments.following import FollowerOf, Nobody
from crossgrad.experiments.matching import read_measured
from crossgrad.folders import MATCH_FILE, claim_folder, lock_folder, write_whole
from crossgrad.records import read_records
from crossgrad.report import ReportPaths, write_report
from crossgrad.training.tensorboard import check_tensorboard

Follower = FollowerOf[Comparison]
"""Who follows a comparison."""


def carry_out(
    comparison: Comparison,
    *,
    engine: str = "local",
    address: str | None = None,
    jobs: int | None = None,
    checkpoint_every: int | None = None,
    tensorboard: Path | str | None = None,
    overwrite: bool = False,
    command: str | None = None,
    follower: Follower | None = None,
) -> ReportPaths:
    """Do the runs of a plan that are not done yet, and write the report.

    Args, Raises: as `compare`.
    """
    board = None if tensorboard is None else Path(tensorboard)
    check_engine(engine, address=address, jobs=jobs, checkpoint_every=checkpoint_every, tensorboard=board)
    if board is not None:
        check_tensorboard(board, output=comparison.folder)
    follower = follower or Nobody()
    dataset, folder = comparison.dataset, comparison.folder
    keys = [run.key(dataset) for run in comparison.runs]
    command = command if command is not None else shlex.join(sys.argv)
    command = command.encode(errors="backslashreplace").decode()  # a path may be no valid Unicode, reports are
    with lock_folder(folder):
        begun = ("runs", *([MATCH_FILE] if read_measured(folder / MATCH_FILE) is not None else []))
        claim_folder(folder, keys=set(keys), overwrite=overwrite, begun=begun)
        if comparison.measured is not None:
            write_whole(folder / MATCH_FILE, json.dumps(comparison.measured).encode(), overwrite=True)
        done = {record["key"] for record in read_records(folder)} if (folder / "records.jsonl").exists() else set()
        to_do = [run for run, key in zip(comparison.runs, keys, strict=True) if key not in done]
        follower.plan(comparison, to_do)
        going = perform_all(
            to_do,
            dataset,
            folder,
            engine=engine,
            address=address,
            jobs=jobs,
            command=command,
            checkpoint_every=checkpoint_every,
            tensorboard=board,
            follow=follower.advance,
        )
        with closing(going) as records:
            for record in records:
                follower.finish(record)
        return write_report(folder)
