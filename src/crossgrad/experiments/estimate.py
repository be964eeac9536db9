"""How long runs will take, from a few timed steps of each method."""

import statistics
import time
from collections.abc import Sequence

import torch

from crossgrad._types import Batch
from crossgrad.building import build_method
from crossgrad.data import DomainDataset, training_subset
from crossgrad.experiments.run_training import building_of
from crossgrad.experiments.runs import Run
from crossgrad.experiments.scaling import scaling_for
from crossgrad.global_state import generators_restored, torch_threads
from crossgrad.training import batches
from crossgrad.training.precision import autocast

TIMED_STEPS = 5


def step_seconds(runs: Sequence[Run], dataset: DomainDataset) -> dict[str, float]:
    """Seconds of one training step of each method among runs, timed on its first run; changes nothing.

    Args:
        runs: of one dataset; those of one method cost about the same.
        dataset: of the runs.

    Returns:
        From the method's name to the median of a few steps, after one that is not counted; the mean over its phases.
    """
    return {run.method: _time_step(run, dataset) for run in {run.method: run for run in reversed(runs)}.values()}


def _time_step(run: Run, dataset: DomainDataset) -> float:
    train = training_subset(dataset, run.split(dataset))
    device = torch.device(run.settings.device)
    method = build_method(**building_of(run, train)).to(device)
    optimizer = run.settings.make_optimizer(method.parameters())
    scaling = scaling_for(run.settings, train.inputs)
    stream = batches(train, batch_size=run.settings.batch_size, seed=0)
    by_phase = []
    with torch_threads(run.settings.threads), generators_restored(device):  # dropout draws
        for phase in range(method.N_PHASES):
            method.phase = phase
            seconds = []
            for _ in range(TIMED_STEPS + 1):
                batch = next(stream)
                batch = batch._replace(inputs=scaling.apply(batch.inputs))
                started = time.perf_counter()
                batch = Batch(*(tensor.to(device) for tensor in batch))
                optimizer.zero_grad()
                with autocast(device, run.settings.precision):
                    method.backward(batch)
                optimizer.step()
                if device.type == "cuda":
                    torch.cuda.synchronize(device)
                seconds.append(time.perf_counter() - started)
            by_phase.append(statistics.median(seconds[1:]))
    return statistics.fmean(by_phase)
