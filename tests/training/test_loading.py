"""Batches of data that is read when it is needed, by this process or by others; what ends, and what is told."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor

from crossgrad import DomainDataset
from crossgrad.building import build_method
from crossgrad.data import read_folder
from crossgrad.data.reading import read_ahead
from crossgrad.errors import DataError, WorkerLostError
from crossgrad.processes import ALONE, Processes
from crossgrad.training import fit
from crossgrad.training.loading import Loader
from crossgrad.training.sampling import Sampler
from processes import descendants, is_running, wait_until
from small import save_pictures

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    save_pictures(folder, domains=4, each=5)
    return folder


def opened(folder: Path, *, workers: int | None) -> DomainDataset:
    """In memory where workers is None."""
    if workers is None:
        return read_folder(folder, image_size=8)
    return read_folder(folder, image_size=8, memory=0, workers=workers)


def loader_of(dataset: DomainDataset, *, balanced: bool = False, processes: Processes = ALONE) -> Loader:
    sampler = Sampler(dataset, batch_size=7, seed=5, balanced=balanced)
    return Loader(dataset, sampler, processes=processes, device=CPU)


def taken(loader: Loader, n: int) -> list[tuple[Tensor, ...]]:
    return [tuple(loader.next()) for _ in range(n)]


def check_equal(found: list[tuple[Tensor, ...]], expected: list[tuple[Tensor, ...]]) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def trained(dataset: DomainDataset) -> dict[str, Tensor]:
    options = {"n_labels": 2, "n_domains": 4, "fields": {}, "dropout": 0.5, "seed": 0}
    method = build_method("crossgrad", net="lenet", input_shape=(1, 8, 8), **options)
    optimizer = torch.optim.Adam(method.parameters(), lr=0.01)
    fit(method, dataset, optimizer=optimizer, max_steps=6, batch_size=7, seed=1)
    return method.state_dict()


@pytest.fixture(scope="module")
def weights(folder: Path) -> dict[str, Tensor]:
    return trained(opened(folder, workers=None))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_training_on_lazy_data_gives_the_weights_of_data_in_memory_to_the_bit(
    folder: Path, weights: dict[str, Tensor], workers: int
) -> None:
    # With dropout: whoever reads must not draw from its generator.
    torch.testing.assert_close(trained(opened(folder, workers=workers)), weights, rtol=0, atol=0)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_batches_do_not_depend_on_the_number_of_workers(folder: Path, workers: int, balanced: bool) -> None:
    expected = taken(loader_of(opened(folder, workers=None), balanced=balanced), 15)
    loader = loader_of(opened(folder, workers=workers), balanced=balanced)
    check_equal(taken(loader, 15), expected)
    loader.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_goes_on_behind_the_last_batch_that_was_taken_however_far_was_read_ahead(
    folder: Path, workers: int
) -> None:
    expected = taken(loader_of(opened(folder, workers=None)), 12)
    loader = loader_of(opened(folder, workers=workers))
    check_equal(taken(loader, 5), expected[:5])
    state = loader.state_dict()
    taken(loader, 3)
    loader.load_state_dict(state)
    check_equal(taken(loader, 2), expected[5:7])
    loader.close()
    check_equal(taken(loader, 2), expected[7:9])  # closing loses none
    loader.close()
    resumed = loader_of(opened(folder, workers=workers))
    resumed.load_state_dict(state)
    check_equal(taken(resumed, 7), expected[5:])
    resumed.close()


@pytest.mark.parametrize("workers", [0, 1])
def test_processes_share_lazy_batches_as_they_share_those_in_memory(folder: Path, workers: int) -> None:
    whole = taken(loader_of(opened(folder, workers=None)), 4)
    shares = []
    for rank in range(2):
        loader = loader_of(opened(folder, workers=workers), processes=Processes(rank=rank, size=2))
        shares.append(taken(loader, 4))
        loader.close()
    check_equal([tuple(map(torch.cat, zip(*both, strict=True))) for both in zip(*shares, strict=True)], whole)


def readers() -> list[int]:
    """Processes below this one but those that multiprocessing keeps: the server of forks and the tracker."""
    below = descendants(os.getpid())
    servers = [pid for pid in below if b"forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return [pid for server in servers for pid in descendants(server)]


def test_workers_end_with_the_training_that_they_read_for(folder: Path) -> None:
    seen: list[int] = []
    dataset = opened(folder, workers=2)
    method = build_method("erm", net="mlp", input_shape=(1, 8, 8), n_labels=2, n_domains=4, fields={}, seed=0)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.1)

    def watch(stretch: object) -> None:
        seen.extend(readers())

    fit(method, dataset, optimizer=optimizer, max_steps=3, batch_size=4, seed=0, watch=watch)
    assert len(set(seen)) == 2
    wait_until(lambda: not readers(), seconds=10)


def test_workers_end_where_training_ends_with_an_error(folder: Path) -> None:
    method = build_method("erm", net="mlp", input_shape=(1, 8, 8), n_labels=2, n_domains=4, fields={}, seed=0)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.1)

    def watch(stretch: object) -> None:
        assert readers()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(method, opened(folder, workers=1), optimizer=optimizer, max_steps=3, batch_size=4, seed=0, watch=watch)
    wait_until(lambda: not readers(), seconds=10)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_vanished_is_named_without_a_traceback_whoever_reads_it(tmp_path: Path, workers: int) -> None:
    gone = save_pictures(tmp_path)[4]
    loader = loader_of(opened(tmp_path, workers=workers))
    gone.unlink()
    with pytest.raises(DataError, match=f"^cannot read image {re.escape(repr(str(gone)))}: .*No such file") as error:
        taken(loader, 20)
    assert "Traceback" not in str(error.value)
    loader.close()


def test_a_worker_that_is_killed_is_told(folder: Path) -> None:
    loader = loader_of(opened(folder, workers=1))
    loader.next()
    for pid in readers():
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerLostError, match="a process that reads inputs died"):
        taken(loader, 20)
    loader.close()


def test_workers_end_soon_when_the_process_that_trains_is_killed(folder: Path) -> None:
    program = """
        import sys, time, torch
        from crossgrad.data import read_folder
        from crossgrad.data.reading import read_ahead
        if __name__ == "__main__":
            inputs = read_folder(sys.argv[1], memory=0, workers=2).inputs
            batches = read_ahead(inputs, torch.arange(40).split(4))
            next(batches)
            print("reading", flush=True)
            time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        below = descendants(process.pid)
        assert len(below) >= 3
        process.kill()
        wait_until(lambda: not any(map(is_running, below)), seconds=30)


def test_no_more_is_drawn_than_is_read_ahead(folder: Path) -> None:
    drawn: list[int] = []

    def choices() -> Iterator[Tensor]:
        while True:
            drawn.append(1)
            yield torch.tensor([0, 1])

    batches = read_ahead(opened(folder, workers=2).inputs, choices())
    list(islice(batches, 3))
    time.sleep(0.1)
    assert len(drawn) == 3 + 2 * 2
    batches.close()


def test_reading_leaves_the_global_generator_alone(folder: Path) -> None:
    for workers in (0, 1):
        before = torch.get_rng_state()
        list(read_ahead(opened(folder, workers=workers).inputs, torch.arange(8).split(4)))
        assert torch.equal(torch.get_rng_state(), before)
