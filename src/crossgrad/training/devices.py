"""Which device a training runs on."""

from typing import Any

import torch

from crossgrad.errors import SettingsError


def resolve_device(name: Any) -> str:
    """The device of that name, "auto" resolved to what is here.

    Args:
        name: "cpu", "cuda", "cuda:1", or "auto" for "cuda" where there is one and "cpu" elsewhere;
            or torch's own device.

    Returns:
        The name without "auto".

    Raises:
        SettingsError: it names no device, or one that is not here.

    Example:
        >>> resolve_device("cpu")
        'cpu'
        >>> resolve_device("gpu")
        Traceback (most recent call last):
        crossgrad.errors.SettingsError: device is cpu, cuda, cuda:N or auto, not 'gpu'
    """
    if isinstance(name, torch.device):
        name = str(name)
    if not isinstance(name, str):
        raise SettingsError(f"device is cpu, cuda, cuda:N or auto, not {name!r}")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, colon, index = name.partition(":")
    if name != "cpu" and (kind != "cuda" or (colon and not (index.isascii() and index.isdigit()))):
        raise SettingsError(f"device is cpu, cuda, cuda:N or auto, not {name!r}")
    n_devices = torch.cuda.device_count() if kind == "cuda" and torch.cuda.is_available() else 0
    if kind == "cuda" and int(index or 0) >= n_devices:
        there = {0: "is no CUDA device", 1: "is one CUDA device"}.get(n_devices, f"are {n_devices} CUDA devices")
        raise SettingsError(f"there {there} here, so not {name!r}; give cpu or auto")
    return name
