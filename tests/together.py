"""A function in several real processes at once, which find each other as a launcher lets them."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

CONTEXT = multiprocessing.get_context("forkserver")
# The server imports once what every child needs, before any of them is made of it.
CONTEXT.set_forkserver_preload(["torch._dynamo", "torch.distributed", "crossgrad.deployment", "crossgrad.training"])


class Raised(NamedTuple):
    """What a process raised, in words: not every exception comes back from another process."""

    kind: str
    message: str


def call_together(
    function: Callable[..., Any], *arguments: Any, size: int = 2, timeout_seconds: float = 120.0
) -> list[Any]:
    """What the function returns in each process, by rank; or what it raised; or None where the process just ended.

    Args:
        function: of a module, so that another process finds it.
        arguments: the same for each.
        size: of processes.
        timeout_seconds: for the last of them to end.
    """
    port = free_port()
    children = []
    for rank in range(size):
        receiving, sending = CONTEXT.Pipe(duplex=False)
        child = CONTEXT.Process(target=_work, args=(sending, rank, size, port, function, arguments))
        child.start()
        sending.close()
        children.append((child, receiving))
    results = []
    try:
        for _, receiving in children:
            try:
                assert receiving.poll(timeout_seconds), f"a process did not end within {timeout_seconds} s"
                results.append(receiving.recv())
            except EOFError:
                results.append(None)
    finally:
        for child, _ in children:
            child.kill()
            child.join()
    return results


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _work(
    sending: Connection, rank: int, size: int, port: int, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(rank)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    try:
        result = function(*arguments)
    except Exception as error:
        result = Raised(type(error).__name__, str(error))
    sending.send(result)
