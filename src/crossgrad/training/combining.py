"""What several processes do as one: start equal, and in every step take the gradients and losses of the whole batch."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from crossgrad.errors import CheckpointError, SettingsError
from crossgrad.methods import Method
from crossgrad.processes import ALONE, Processes


@contextmanager
def together(method: Method, processes: Processes, *, batch_size: int) -> Iterator[None]:
    """Train a method with other processes: all start with the parameters and buffers of the first.

    Raises:
        SettingsError: batch_size leaves a process without an example.
    """
    if batch_size < processes.size:
        raise SettingsError(f"batch_size is {batch_size} for {processes.size} processes; each needs an example a step")
    if processes.size > 1:  # one's own values may lie in memory that nothing can be copied to, as expanded ones do
        with torch.no_grad():
            for value in (*method.parameters(), *method.buffers()):
                value.copy_(processes.of_first(value.contiguous()))
    method.processes = processes
    try:
        yield
    finally:
        method.processes = ALONE


def check_same(step: int, processes: Processes) -> int:
    """Refuse to go on from one step in one process and from another in another.

    Raises:
        CheckpointError: what the checkpoint of this process says differs from the others'.
    """
    if step * processes.size != int(processes.sum(torch.tensor(step))):
        raise CheckpointError(
            f"process {processes.rank} found a checkpoint of step {step}, the others have another; "
            "all need to see the same folder"
        )
    return step


def combine(
    module: nn.Module, results: dict[str, Tensor], *, n_own: int, n: int, processes: Processes
) -> dict[str, Tensor]:
    """Make every process's gradients and losses those of the whole batch, by one sum over the processes.

    The running statistics of batch normalisation are averaged alike: they would drift apart otherwise, and a checkpoint
    holds those of one process. So a value that is NaN in one process is NaN in all. Buffers of modules in evaluation
    mode, such as a frozen encoder's, are the same in all, and stay: a mean would round them.

    Args:
        module: its gradients are means over this process's examples, and are replaced. A parameter without one has
            a zero gradient, if another process has one.
        results: scalars, likewise means; of the same names in every process.
        n_own: this process's examples, at least 1.
        n: examples of all processes.
        processes: all of them call this.

    Returns:
        Means over the whole batch.
    """
    if processes.size == 1:
        return results
    parameters = list(module.parameters())
    buffers = [
        buffer
        for part in module.modules()
        if part.training
        for buffer in part.buffers(recurse=False)
        if buffer.is_floating_point()
    ]
    has_gradient = torch.tensor([parameter.grad is not None for parameter in parameters])
    own = [
        *(torch.zeros_like(value) if value.grad is None else value.grad for value in parameters),
        *buffers,
        *results.values(),
        has_gradient.to(parameters[0]),
    ]
    with torch.no_grad():
        flat = torch.cat([value.to(parameters[0].device).flatten() for value in own])
        total = torch.split(processes.sum(flat.mul_(n_own / n)), [value.numel() for value in own])
        anybody_has = (total[-1] > 0).tolist()
        for parameter, gradient, is_there in zip(parameters, total, anybody_has, strict=False):
            if is_there:
                parameter.grad = gradient.view_as(parameter).to(parameter)
        for buffer, mean in zip(buffers, total[len(parameters) :], strict=False):
            buffer.copy_(mean.view_as(buffer))
    scalars = total[len(parameters) + len(buffers) : -1]
    return {name: mean.view(()).to(results[name]) for name, mean in zip(results, scalars, strict=True)}
