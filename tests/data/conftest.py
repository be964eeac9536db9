from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_image(tmp_path: Path) -> Callable[..., Path]:
    """Write a small image under tmp_path: one grey value, or one (red, green, blue), at every pixel."""

    def write(name: str, value: int | tuple[int, int, int] = 128, size: int = 4) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (size, size) if isinstance(value, int) else (size, size, 3)
        Image.fromarray(np.full(shape, value, dtype=np.uint8)).save(path)
        return path

    return write
