"""One process that is used for long: its memory and its open files stay what they were."""

import gc
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import crossgrad
from crossgrad.data import open_dataset
from crossgrad.model import Model
from crossgrad.report import write_report
from report.conftest import make_record
from small import save_arrays, save_pictures, vectors

MOST_GROWTH = 8 * 2**20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def grows(use: Callable[[], object], *, times: int) -> tuple[int, int]:
    """Bytes and open files that the later uses of so many leave behind; the first hundred fill caches."""
    for _ in range(100):
        use()
    gc.collect()
    memory, files = resident_bytes(), open_files()
    for _ in range(times - 100):
        use()
    gc.collect()
    return resident_bytes() - memory, open_files() - files


@pytest.fixture(scope="module")
def picture_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path]:
    folder = tmp_path_factory.mktemp("pictures")
    save_pictures(folder)
    return crossgrad.train(open_dataset(folder, image_size=8), net="mlp", max_steps=1, batch_size=4), folder


def test_five_hundred_datasets_and_predictions_leave_nothing_behind(
    picture_model: tuple[Model, Path], tmp_path: Path
) -> None:
    model, folder = picture_model
    arrays = save_arrays(vectors(), tmp_path / "vectors.npz")

    def use() -> None:
        open_dataset(arrays)
        model.predict(open_dataset(folder, image_size=8).inputs)
        model.predict(sorted(folder.rglob("*.png"))[:2])

    memory, files = grows(use, times=500)
    assert files == 0
    assert memory < MOST_GROWTH


def test_five_hundred_reports_leave_nothing_behind(tmp_path: Path) -> None:

    lines = [make_record(method, domain, 0, 0.8) for method in ("erm", "crossgrad") for domain in ("0", "15", "30")]

    (tmp_path / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    memory, files = grows(lambda: write_report(tmp_path), times=500)
    assert files == 0
    assert memory < MOST_GROWTH
