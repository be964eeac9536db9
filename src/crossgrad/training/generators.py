"""Torch's global generators: seeded for a training, and left as they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossgrad.global_state import generators_restored, read_generator, seed_generators, write_generator
from crossgrad.processes import Processes


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator["Generators"]:
    """Seed the generators that training on a device draws from; they are as before afterwards.

    They are one for all threads of a process: of trainings in several threads at once, only those that draw nothing
    come out as they would alone.
    """
    with generators_restored(device, seed=seed):
        yield Generators(seed, device)


class Generators:
    """The states of the generators that training on a device draws from, as a part of a checkpoint."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.seed, self.device = seed, device

    def begin(self, step: int, processes: Processes) -> None:
        """Give each of several processes noise of its own for this step; one alone draws on.

        Their states drift apart, since their shares differ in size; a checkpoint holds those of one process. Drawn from
        seed, rank and step the noise needs none.
        """
        if processes.size > 1:
            seed = np.random.SeedSequence([self.seed, processes.rank, step]).generate_state(1)[0]
            seed_generators(self.device, int(seed))

    def state_dict(self) -> dict[str, Tensor]:
        """By kind of device."""
        return {device.type: read_generator(device) for device in {torch.device("cpu"), self.device}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for device in {torch.device("cpu"), self.device}:
            write_generator(device, state[device.type])
