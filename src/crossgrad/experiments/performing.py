"""One run from data to record: trained, measured, and its artefacts in their place."""

import platform
import shutil
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from crossgrad.data import DomainDataset
from crossgrad.errors import NonFiniteLossError
from crossgrad.experiments.measuring import measure
from crossgrad.experiments.run_training import train_method
from crossgrad.experiments.runs import Run
from crossgrad.experiments.watched import LOG, board_name
from crossgrad.global_state import torch_threads
from crossgrad.records import RECORD_VERSION, Record
from crossgrad.training import Watch, watch_nothing
from crossgrad.training.checkpoints import Checkpoints


def training_folder(folder: Path, run: Run, dataset: DomainDataset) -> Path:
    """Where a run writes while it trains: folder/runs/KEY.training, gone when its artefacts are in place."""
    return folder / "runs" / f"{run.key(dataset)}.training"


def perform(
    run: Run,
    dataset: DomainDataset,
    folder: Path,
    *,
    command: str = "",
    watch: Watch = watch_nothing,
    checkpoints: Checkpoints | None = None,
    tensorboard: Path | None = None,
) -> Record:
    """Carry out a run and leave its artefacts in folder/runs/KEY.

    A loss that becomes NaN or infinite ends the run, not the caller: the record says so in its `error`.

    Args:
        run: what to train.
        dataset: what it is trained on and measured on.
        folder: of the comparison; exists.
        command: that asked for it, for the record.
        watch: follows the training.
        checkpoints: of the run; removed when it has ended.
        tensorboard: folder of event files, one in it for the run's own; None writes none.

    Raises:
        CheckpointError: a checkpoint that is there cannot be used.
    """
    started = time.perf_counter()
    key = run.key(dataset)
    parts = run.split(dataset)
    record: Record = {
        "version": RECORD_VERSION,
        "key": key,
        **run.identity(dataset),
        "n_examples": len(dataset),
        **({} if dataset.unlabelled is None else {"unlabelled": dataset.unlabelled.to_json()}),
        "labels": list(dataset.label_names),
        "domains": list(dataset.domain_names),
        "max_steps": run.settings.max_steps,
        "out_of_domain": None,
        "in_domain": None,
        "training": None,
        "losses": None,
        "perturbation": None,
        "error": None,
    }
    meanwhile = training_folder(folder, run, dataset)
    board = None if tensorboard is None else tensorboard / board_name(run, key)
    with torch_threads(run.settings.threads):
        try:
            trained = train_method(
                dataset, parts, run, watch, checkpoints=checkpoints, log=meanwhile / LOG, tensorboard=board
            )
        except NonFiniteLossError as error:
            record["error"] = {"message": str(error), "step": error.step}
        else:
            record |= measure(trained, dataset, parts, log=meanwhile / LOG, artefacts=folder / "runs" / key)
    if checkpoints is not None:
        checkpoints.remove()
    shutil.rmtree(meanwhile, ignore_errors=True)
    return record | {"seconds": round(time.perf_counter() - started, 3), "versions": versions(), "command": command}


def versions() -> dict[str, str]:
    """Of what results depend on; the processor is among it, for its rounding."""
    return {
        "crossgrad": version("crossgrad"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "processor": processor(),
    }


def processor() -> str:
    """The processor's name, as Linux tells it; elsewhere its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
