"""The machine that a benchmark ran on, for its record."""

import os
import platform
from typing import Any

import torch

from crossgrad.experiments.performing import processor


def machine() -> dict[str, Any]:
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
