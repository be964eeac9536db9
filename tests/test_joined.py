import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from crossgrad.deployment import train
from crossgrad.errors import DataError, SettingsError
from crossgrad.evaluation import probabilities
from crossgrad.methods import ERM
from crossgrad.processes import ALONE, Processes, joined, launched
from small import images, vectors
from together import Raised, call_together, free_port


def test_a_process_that_nobody_launched_is_alone_and_waits_for_nobody() -> None:
    with joined() as processes:
        assert processes is ALONE
        assert processes.is_first
        assert not torch.distributed.is_initialized()
        assert processes.sum(torch.tensor(3.0)) == 3
        assert processes.of_first(torch.tensor(3.0)) == 3


@pytest.mark.parametrize("n", [1, 2, 7, 64])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_shares_are_a_partition_and_differ_by_one_example_at_most(n: int, size: int) -> None:
    shares = [list(range(n))[Processes(rank, size).share(n)] for rank in range(size)]
    assert [example for share in shares for example in share] == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"WORLD_SIZE": "2", "RANK": "0"}, "WORLD_SIZE is 2, but LOCAL_RANK is not set"),
        ({"WORLD_SIZE": "two"}, "the launcher's variables are no whole numbers: .*'two'"),
    ],
)
def test_half_a_launcher_is_refused(variables: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message):
        launched()


def on_one_device() -> None:
    with joined(device="cuda:1", timeout_seconds=10):
        pass


def test_one_device_for_all_processes_is_refused() -> None:
    for result in call_together(on_one_device):
        assert result == Raised(
            "SettingsError", "device is cpu or cuda for several processes, one device each, not 'cuda:1'"
        )


def sum_and_leave() -> tuple[float, float, bool]:
    with joined(timeout_seconds=10) as processes:
        total = processes.sum(torch.tensor(1.0 + processes.rank))
        first = processes.of_first(torch.tensor(5.0 + processes.rank))
    return float(total), float(first), torch.distributed.is_initialized()


def test_all_get_the_sum_and_what_the_first_has_and_leave_nothing_behind() -> None:
    assert call_together(sum_and_leave, size=3) == [(6.0, 5.0, False)] * 3


THREADS_LEFT = """
import os, sys
import torch
from crossgrad.errors import DataError, OtherProcessError
from crossgrad.processes import joined

def threads():
    return len(os.listdir("/proc/self/task"))

before = threads()
with joined(timeout_seconds=90) as processes:
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(3))], lr=0.1)
    assert "torch._dynamo" in sys.modules  # by the optimiser
    processes.sum(torch.zeros(()))
    within = threads()
os.environ["MASTER_PORT"] = sys.argv[1]
try:
    with joined(timeout_seconds=90) as processes:
        if processes.is_first:
            raise DataError("a file is missing here")
        processes.sum(torch.zeros(()))
except (DataError, OtherProcessError):
    pass
print(before, within > before, threads())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_no_thread_of_the_group_outlives_it_whatever_was_imported_within() -> None:
    """In interpreters that have imported nothing yet, unlike those of `call_together`."""
    first, second = free_port(), free_port()
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(first), "GLOO_SOCKET_IFNAME": "lo", "WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", THREADS_LEFT, str(second)],
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        for process in processes:
            assert process.communicate(timeout=240)[0] == "1 True 1\n"
            assert process.returncode == 0
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def leave_late() -> float:
    with joined(timeout_seconds=30) as processes:
        if processes.is_first:
            time.sleep(1)
            return time.time()
    return time.time()


def test_nobody_leaves_before_the_last_has_done_its_work() -> None:
    first, second = call_together(leave_late)
    assert second >= first


def fail(rank: int) -> None:
    with joined(timeout_seconds=30) as processes:
        if processes.rank == rank:
            raise DataError("a file is missing here")
        processes.sum(torch.zeros(()))


@pytest.mark.parametrize("rank", [0, 1])
def test_an_error_in_one_process_ends_all_and_is_told_once(rank: int) -> None:
    results = call_together(fail, rank)
    assert results[rank] == Raised("DataError", "a file is missing here")
    assert results[1 - rank].kind == "OtherProcessError"


def be_killed() -> float:
    start = time.monotonic()
    try:
        with joined(timeout_seconds=30) as processes:
            processes.sum(torch.zeros(()))
            if processes.rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            processes.sum(torch.zeros(()))
    except Exception as error:
        raise type(error)(f"{error} after {time.monotonic() - start:.0f} s") from error
    return 0.0


def test_a_killed_process_ends_the_others_with_an_error() -> None:
    start = time.monotonic()
    first, second = call_together(be_killed)
    assert second is None
    assert first.kind == "ProcessesError"
    assert first.message.startswith("a process of this training ended, or did not answer in time: ")
    assert time.monotonic() - start < 30, "a connection that closes is noticed before the time is over"


def hang() -> None:
    with joined(timeout_seconds=3) as processes:
        if processes.rank == 1:
            time.sleep(8)
        processes.sum(torch.zeros(()))


def test_a_process_that_hangs_ends_all_when_the_time_is_over() -> None:
    results = call_together(hang)
    assert "ProcessesError" in {result.kind for result in results}
    assert {result.kind for result in results} <= {"ProcessesError", "OtherProcessError"}


def wait_alone() -> None:
    if os.environ["RANK"] == "0":
        with joined(timeout_seconds=2):
            pass


def test_a_process_whose_others_never_come_says_so_in_time() -> None:
    first, second = call_together(wait_alone)
    assert second is None
    assert first.kind == "ProcessesError"


def label_together(n: int) -> tuple[list[list[float]], list[list[float]]]:
    torch.manual_seed(0)
    method = ERM(torch.nn.Linear(5, 3))
    inputs = vectors().inputs[:n]
    with joined(timeout_seconds=30) as processes:
        shared = probabilities(method, inputs, processes=processes)
    return shared.tolist(), probabilities(method, inputs).tolist()


@pytest.mark.parametrize("n", [1, 2, 7])
def test_probabilities_by_shares_are_those_of_all_examples_in_their_order(n: int) -> None:
    results = call_together(label_together, n, size=3)
    for shared, alone in results:
        torch.testing.assert_close(torch.tensor(shared), torch.tensor(alone), rtol=1e-6, atol=1e-7)
    assert len({str(shared) for shared, _ in results}) == 1


def train_model(settings: dict[str, int]) -> dict[str, object]:
    with joined(timeout_seconds=30) as processes:
        seen = []
        model = train(
            images(),
            method="crossgrad",
            net="conv2",
            max_steps=20,
            batch_size=9,
            processes=processes,
            watch=seen.append,
            **settings,
        )
        card = {place: model.card[place] for place in ("in_domain", "out_of_domain")}
        n_seen = int(processes.sum(torch.tensor(len(seen) > 0)))
    return card | {"watching": n_seen, "weights": [float(value.detach().sum()) for value in model.method.parameters()]}


@pytest.mark.parametrize("settings", [{}, {"patience": 2, "score_every": 2}])
def test_a_model_of_several_processes_is_the_one_of_one(settings: dict[str, int]) -> None:
    alone = train_model(settings)
    first, second = call_together(train_model, settings)
    assert first == second
    assert first["watching"] == 1, "the first alone watches"
    assert first["in_domain"] == alone["in_domain"]
    assert first["weights"] == pytest.approx(alone["weights"], abs=1e-3)
