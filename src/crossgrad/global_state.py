"""What all threads of a process share, changed for a while and found again as it was."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, final

import torch


@final
class Restorer:
    """Brings back a state that several threads change for a while, whatever order they end in.

    Only the first to enter finds the state that is to last; what later ones find is another's. So whoever leaves puts
    back what it found, and leaves it to the next later one to be put back again. Within one thread, where the inner
    always ends first, that is what a `with` does anyway.

    Args:
        restore: puts such a state back.
        lock: held while a state is read or put back.

    Example:
        >>> shared = {"value": 1}
        >>> restorer = Restorer(shared.update, threading.RLock())
        >>> first, second = restorer.restored(shared.copy), restorer.restored(shared.copy)
        >>> first.__enter__(); shared["value"] = 2
        >>> second.__enter__(); shared["value"] = 3  # finds 2
        >>> _ = first.__exit__(None, None, None), second.__exit__(None, None, None)
        >>> shared
        {'value': 1}
    """

    def __init__(self, restore: Callable[[dict[str, Any]], Any], lock: Any) -> None:
        self._restore, self._lock = restore, lock
        self._inside: list[dict[str, Any]] = []

    @contextmanager
    def restored(self, read: Callable[[], dict[str, Any]]) -> Iterator[None]:
        """What is read now is put back in the end."""
        with self._lock:
            found = read()
            self._inside.append(found)
        try:
            yield
        finally:
            with self._lock:
                position = next(index for index, other in enumerate(self._inside) if other is found)
                del self._inside[position]
                if position < len(self._inside):
                    self._inside[position].update(found)
                self._restore(found)


_generators_lock = threading.RLock()


def _restore_generators(states: dict[str, Any]) -> None:
    for device, state in states.items():
        write_generator(torch.device(device), state)


_generators = Restorer(_restore_generators, _generators_lock)


def read_generator(device: torch.device) -> torch.Tensor:
    """The state of torch's global generator of a device."""
    return torch.get_rng_state() if device.type == "cpu" else torch.cuda.get_rng_state(device)


def write_generator(device: torch.device, state: torch.Tensor) -> None:
    """Put torch's global generator of a device in a state."""
    if device.type == "cpu":
        torch.set_rng_state(state)
    else:
        torch.cuda.set_rng_state(state, device)


def seed_generators(device: torch.device, seed: int) -> None:
    """Begin torch's global generators of the CPU and of a device from a seed.

    Generators of other devices are left alone, which torch.manual_seed would not do.
    """
    with _generators_lock:
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)


@contextmanager
def generators_restored(device: torch.device, *, seed: int | None = None) -> Iterator[None]:
    """Torch's global generators of the CPU and of a device are as before afterwards, the last thread's end included.

    Args:
        device: whose generator is used beside the CPU's.
        seed: to begin from; None to go on from their states.
    """
    devices = {str(each): each for each in (torch.device("cpu"), device)}
    with _generators.restored(lambda: {name: read_generator(each) for name, each in devices.items()}):
        if seed is not None:
            seed_generators(device, seed)
        yield


@contextmanager
def generators_alone(device: torch.device, *, seed: int | None = None) -> Iterator[None]:
    """`generators_restored`, while no other thread seeds or restores: short work whose draws must not change.

    Threads that train with dropout still draw.
    """
    with _generators_lock, generators_restored(device, seed=seed):
        yield


def _set_threads(state: dict[str, Any]) -> None:
    torch.set_num_threads(state["threads"])


_threads = Restorer(_set_threads, threading.RLock())


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch use so many threads, and then as many as before.

    The number is each Python thread's own; a new thread begins with what was set last, anywhere.
    """
    with _threads.restored(lambda: {"threads": torch.get_num_threads()}):
        torch.set_num_threads(number)
        yield


@contextmanager
def cpu_by_default() -> Iterator[None]:
    """Tensors that are made where no device is named are on the CPU, whatever `torch.set_default_device` was told.

    What is given to the user or taken from them begins and ends there; nets and batches are moved by name.
    """
    if torch.get_default_device().type == "cpu":  # as nearly always, and then torch asks nobody at each operation
        yield
    else:
        with torch.device("cpu"):
            yield
