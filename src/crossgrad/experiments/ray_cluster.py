"""A Ray cluster: connected to, or started, and what it has room for."""

import importlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from crossgrad.errors import SettingsError
from crossgrad.extras import how_to_get

SECONDS_TO_ANSWER = 10


@contextmanager
def connection(ray: ModuleType, address: str | None, *, cpus: int) -> Iterator[None]:
    """Connect to a cluster, or start one, and leave the process as it was.

    Args:
        ray: the module.
        address: of a running cluster; None takes the one that the process is connected to, or starts one here.
        cpus: of one that is started.

    Raises:
        SettingsError: there is none at that address, or the process is connected to one already.
    """
    if ray.is_initialized():
        if address is not None:
            raise SettingsError(
                f"this process is connected to a Ray cluster already; leave the address {address!r} out to use that "
                "one, or ray.shutdown() first"
            )
        yield
        return
    start = {"num_cpus": cpus, "include_dashboard": False} if address is None else {}
    try:
        with _signals_kept(), _environment(RAY_USAGE_STATS_ENABLED="0"):
            _begin(ray, address or "local", log_to_driver=False, logging_level=logging.ERROR, **start)
        yield
    finally:
        ray.shutdown()


def _begin(ray: ModuleType, address: str, **options: Any) -> None:
    host, _, port = address.rpartition(":")
    try:
        if host and port.isdecimal():  # Ray itself goes on trying for minutes where nobody answers
            socket.create_connection((host.removeprefix("ray://").strip("[]"), int(port)), SECONDS_TO_ANSWER).close()
        ray.init(address=address, **options)
    except Exception as error:  # nobody there, no address, another version; bare where a node does not start in time
        raise SettingsError(
            f"cannot use a Ray cluster at {address!r}: {first_line(error)}; start one by `ray start --head`, or leave "
            "the address out to start one for these runs"
        ) from error


def import_ray() -> ModuleType:
    """The module.

    Raises:
        SettingsError: it is not installed.
    """
    # Ray prints what its daemons say of a lost worker to standard output, which is for results.
    with _environment(RAY_DEDUP_LOGS_SKIP_REGEX=".*"):
        try:
            return importlib.import_module("ray")
        except ImportError as error:
            raise SettingsError(f"the engine ray needs Ray: {how_to_get('ray')}") from error


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Environment variables set meanwhile, where the user has not set them otherwise."""
    mine = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name in mine:
            os.environ.pop(name, None)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes over SIGTERM of the process that starts it."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def check_room(ray: ModuleType, threads: int) -> None:
    """Refuse runs that would wait for ever: a task that asks for more CPUs than any machine has.

    Raises:
        SettingsError: says how many there are.
    """
    most = max(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])
    if threads > most:
        raise SettingsError(f"a run has {threads} threads, and no machine of the cluster more than {most:.0f} CPUs")


def first_line(error: Exception) -> str:
    """Of what an error says; Ray's go on for pages."""
    return next(iter(str(error).splitlines()), type(error).__name__).strip()
