"""What follows a run's training: the log, the warnings and TensorBoard, put together for its data and method."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import torch
from torch import Tensor

from crossgrad._types import UNLABELLED, Batch
from crossgrad.data import DomainDataset
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.methods import Method
from crossgrad.training import Watch, watch_nothing
from crossgrad.training.log import Log
from crossgrad.training.sampling import Choice, load
from crossgrad.training.tensorboard import TensorBoard
from crossgrad.training.troubles import Baseline
from crossgrad.training.watching import Watching

LOG = "log.jsonl"
"""Name of the log in the folder of what a training writes, and among a run's artefacts."""

DRAWN = 8
"""Examples that TensorBoard shows."""

LOOKED_AT = 64
"""Lazy inputs that are read to see over what range they go."""


@contextmanager
def watched(
    method: Method,
    train: DomainDataset,
    settings: Settings,
    *,
    watch: Watch,
    log: Path | None,
    tensorboard: Path | None,
) -> Iterator[Watch]:
    """The watch of a training.

    Args:
        method: that is trained, on its device.
        train: what it is trained on, scaled.
        settings: of the training.
        watch: told of every stretch, warnings included.
        log: file of the log; None keeps none.
        tensorboard: folder of this training's event files; None writes none.

    Raises:
        SettingsError: TensorBoard is asked for and not installed.
    """
    board: AbstractContextManager[Watch] = nullcontext(watch_nothing)
    if tensorboard is not None:
        device = next(method.parameters()).device
        batch = load(train, Choice(examples_in_turn(train, DRAWN), None))
        examples = Batch(*(tensor.to(device) for tensor in batch))
        board = TensorBoard(tensorboard, method=method, examples=examples, n_steps=settings.max_steps * method.N_PHASES)
    with board as draw:
        yield Watching(Log(log), baseline_of(train, settings), draw, watch)


def baseline_of(train: DomainDataset, settings: Settings) -> Baseline:
    """What a training on these examples is judged against."""
    weights = torch.ones(len(train), dtype=torch.float64) if train.weights is None else train.weights.double()
    domains = torch.zeros(len(train.domain_names), dtype=torch.float64).index_add_(0, train.domains, weights)
    if settings.balanced:
        weights, domains = weights / domains[train.domains], (domains > 0).double()
    labelled = train.labels != UNLABELLED
    labels = torch.bincount(train.labels[labelled], weights[labelled])
    inputs = train.inputs
    if not isinstance(inputs, Tensor):
        inputs = inputs[examples_in_turn(train, LOOKED_AT)]
    return Baseline(
        max_steps=settings.max_steps,
        label_chance=float(labels.max() / labels.sum()),
        domain_chance=float(domains.max() / domains.sum()),
        input_range=float(inputs.max() - inputs.min()),
    )


def board_name(run: Run, key: str) -> str:
    """The folder of a run's event files: to be read by people, and no other run's.

    Example:
        >>> run = Run(held_out=("../a", "b"), method="erm", net="mlp", seed=3, settings=Settings())
        >>> board_name(run, "0123456789abcdef")
        'erm-without-a_b-seed-3-01234567'
    """
    names = re.sub(r"[^0-9A-Za-z]+", "_", "_".join(run.held_out)).strip("_")[:40] or "nothing"
    return f"{run.method}-without-{names}-seed-{run.seed}-{key[:8]}"


def examples_in_turn(dataset: DomainDataset, n: int) -> Tensor:
    """Indices of at most n examples, of the domains in turn."""
    by_domain = [torch.where(dataset.domains == index)[0][:n].tolist() for index in range(len(dataset.domain_names))]
    in_turn = [members[turn] for turn in range(n) for members in by_domain if turn < len(members)]
    return torch.tensor(in_turn[:n])
