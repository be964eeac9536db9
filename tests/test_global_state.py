import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
import torch
import torch._dynamo  # as the first optimiser does; it sets an environment variable and a filter of warnings
from accelerate import PartialState
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from crossgrad import CrossGradClassifier, DomainDataset, compare, diagnose, load, save, train
from crossgrad.errors import NonFiniteLossError
from crossgrad.experiments.run_training import train_method
from crossgrad.experiments.runs import Run
from crossgrad.experiments.settings import Settings
from crossgrad.global_state import Restorer, generators_restored, torch_threads
from crossgrad.methods import ERM
from crossgrad.training import fit
from small import images, vectors

CPU = torch.device("cpu")
DRAWS_NOTHING = ("erm", "label_grad", "dann", "ccsa", "crossgrad", "repeat")
"""Methods whose training draws from no generator of torch's, dropout off."""


def run(method: str, *, net: str = "lenet/8", max_steps: int = 10, batch_size: int = 16, **settings: Any) -> Run:
    given_settings = Settings(max_steps=max_steps, batch_size=batch_size, **settings)
    return Run(("barn",), method, net, 3, given_settings.for_method(method, {}))


def weights(one: Run) -> dict[str, torch.Tensor]:
    data = images(96)
    with torch_threads(one.settings.threads):
        return train_method(data, one.split(data), one).method.state_dict()


def assert_same_bits(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert torch.equal(value, expected[name]), name


@pytest.fixture
def without_device() -> Iterator[None]:
    """Torch makes tensors without values where no device is named, as on a GPU they would be on the GPU."""
    torch.set_default_device("meta")
    yield
    torch.set_default_device(None)


def global_settings() -> dict[str, Any]:
    numpys = np.random.get_state(legacy=False)
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "generator": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "interop threads": torch.get_num_interop_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "matmul": torch.get_float32_matmul_precision(),
        "cudnn": (torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "mkldnn": torch.backends.mkldnn.enabled,
        "autocast": (
            torch.is_autocast_enabled("cpu"),
            torch.get_autocast_dtype("cpu"),
            torch.is_autocast_cache_enabled(),
        ),
        "grad": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()),
        "numpy": (str(numpys), np.geterr(), np.get_printoptions()),
        "sklearn": sklearn.get_config(),
        "accelerate": dict(PartialState._shared_state),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "warnings": list(warnings.filters),
        "python threads": threading.active_count(),
        "hooks": (sys.excepthook, threading.excepthook, sys.getrecursionlimit(), sys.getswitchinterval()),
    }


@pytest.mark.parametrize("method", ["crossgrad", "mtae"])
def test_no_global_setting_outlives_a_training(method: str) -> None:
    np.random.seed(5)
    torch.manual_seed(5)
    before = global_settings()
    train(
        images(96),
        method=method,
        domains=["attic", "barn", "den"],
        max_steps=3,
        dropout=0.5,
        threads=2,
        precision="bf16",
        average=0.9,
        patience=1,
        score_every=2,
        schedule="cosine",
        clip_norm=1.0,
    )
    after = global_settings()
    assert {name: after[name] for name in before if after[name] != before[name]} == {}


def test_no_global_setting_outlives_a_training_that_fails() -> None:
    before = global_settings()
    with pytest.raises(NonFiniteLossError):
        train(vectors(), method="erm", optimizer="sgd", learning_rate=1e30, max_steps=50, threads=2, precision="bf16")
    assert global_settings() == before


def test_the_callers_default_device_changes_nothing(without_device: None, tmp_path: Path) -> None:
    data = DomainDataset.from_arrays(np.random.default_rng(0).random((48, 5)), [0, 1] * 24, [0, 1, 2] * 16, name="made")
    model = train(data, method="crossgrad", max_steps=3, batch_size=8)
    save(model, tmp_path / "model")
    found = load(tmp_path / "model").predict(data.inputs[:4]).probabilities
    estimator = CrossGradClassifier(max_steps=3, batch_size=8).fit(data.inputs, data.labels, domains=data.domains)
    assert estimator.predict(data.inputs.numpy()).shape == (48,)
    assert diagnose(data, max_steps=3).findings.told_apart is not None
    compared = compare(data, methods=["erm", "random"], seeds=[0], max_steps=3, jobs=1, output=tmp_path / "compared")
    assert [record["error"] for record in compared.records] == [None] * 6
    assert torch.get_default_device().type == "meta"

    torch.set_default_device(None)
    again = train(data, method="crossgrad", max_steps=3, batch_size=8)
    assert np.array_equal(found, again.predict(data.inputs[:4]).probabilities)


def test_fits_of_other_precision_and_threads_before_them_change_no_bit_of_what_fits_give() -> None:
    runs = [
        run("crossgrad"),
        run("crossgrad", precision="bf16"),
        run("crossgrad", max_steps=2, threads=2, dropout=0.5),
    ]
    first = [weights(one) for one in runs]
    for index in (1, 0, 2):
        assert_same_bits(weights(runs[index]), first[index])
    assert not torch.equal(
        first[0]["label_net.trunk.layers.0.conv.weight"], first[1]["label_net.trunk.layers.0.conv.weight"]
    )


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_trainings_in_threads_at_once_give_bit_for_bit_what_they_give_alone(precision: str) -> None:
    runs = [run(method, precision=precision) for method in DRAWS_NOTHING]
    alone = [weights(one) for one in runs]
    torch.manual_seed(11)
    before = global_settings()
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(weights, runs * 2))
    for found, expected in zip(together, alone * 2, strict=True):
        assert_same_bits(found, expected)
    assert global_settings() == before


def test_trainings_of_other_numbers_of_threads_at_once_give_bit_for_bit_what_they_give_alone() -> None:
    runs = [run("erm", net="lenet", batch_size=64, threads=number) for number in (1, 2)]
    alone = [weights(one) for one in runs]
    layer = "label_net.trunk.layers.0.conv.weight"
    assert not torch.equal(alone[0][layer], alone[1][layer])  # so it would show if one used the other's number
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(weights, runs * 2))
    for found, expected in zip(together, alone * 2, strict=True):
        assert_same_bits(found, expected)
    assert torch.get_num_threads() == 1


def in_turns(*parts: Callable[[], Any]) -> None:
    """Each part in a thread of its own, one after another."""
    for part in parts:
        thread = threading.Thread(target=part)
        thread.start()
        thread.join()


@given(st.permutations(range(8)), st.integers(0, 2**31))
def test_whatever_order_several_leave_in_the_first_ones_state_is_back_in_the_end(order: list[int], seed: int) -> None:
    shared = {"value": -1}
    restorer = Restorer(shared.update, threading.RLock())
    inside: dict[int, Any] = {}
    for event in order:  # numbers below four enter and those four higher leave, where they can
        who = event % 4
        if who in inside:
            inside.pop(who).__exit__(None, None, None)
        else:
            inside[who] = restorer.restored(shared.copy)
            inside[who].__enter__()
            shared["value"] = who
    left = sorted(inside, key=lambda who: hash((who, seed)))
    for who in left:
        inside.pop(who).__exit__(None, None, None)
    assert shared == {"value": -1}


def test_a_fit_that_begins_in_another_and_ends_after_it_leaves_the_callers_generator() -> None:
    torch.manual_seed(4)
    before = torch.get_rng_state()
    first, second = generators_restored(CPU, seed=1), generators_restored(CPU, seed=2)
    in_turns(first.__enter__, second.__enter__)
    in_turns(lambda: first.__exit__(None, None, None))
    torch.rand(3)
    in_turns(lambda: second.__exit__(None, None, None))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_fit_within_a_fit_goes_on_as_if_it_had_not_been() -> None:
    def fitted(watch: Callable[[Any], Any]) -> torch.Tensor:
        torch.manual_seed(0)
        method = ERM(nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.5), nn.Linear(8, 3)))
        optimizer = torch.optim.SGD(method.parameters(), lr=0.01)
        fit(method, vectors(), optimizer=optimizer, max_steps=5, batch_size=8, seed=0, watch=watch, watch_every=2)
        return method.label_net[0].weight

    def another(_: Any) -> None:
        inner = ERM(nn.Linear(5, 3))
        optimizer = torch.optim.SGD(inner.parameters(), lr=0.01)
        fit(inner, vectors(), optimizer=optimizer, max_steps=2, batch_size=8, seed=9)

    # The inner one's own weights are drawn before its fit; those draws are the outer one's.
    assert torch.equal(fitted(lambda _: nn.Linear(5, 3)), fitted(another))


def test_a_number_of_threads_does_not_outlive_two_threads_that_end_out_of_order() -> None:
    torch.set_num_threads(2)
    try:
        first, second = torch_threads(1), torch_threads(1)
        found: list[int] = []
        in_turns(first.__enter__, second.__enter__)
        in_turns(lambda: first.__exit__(None, None, None), lambda: second.__exit__(None, None, None))
        in_turns(lambda: found.append(torch.get_num_threads()))
        assert found == [2]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_a_thousand_fits_grow_neither_memory_nor_threads() -> None:
    data = vectors(16)
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("the memory of a process is read from Linux's /proc")

    def fit_once(seed: int) -> None:
        method = ERM(nn.Linear(5, 3))
        optimizer = torch.optim.SGD(method.parameters(), lr=0.01)
        fit(method, data, optimizer=optimizer, max_steps=2, batch_size=4, seed=seed)

    def resident_bytes() -> int:
        return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    for seed in range(200):
        fit_once(seed)
    before, threads = resident_bytes(), len(os.listdir("/proc/self/task"))
    for seed in range(200, 1000):
        fit_once(seed)
    assert resident_bytes() - before < 4 * 2**20
    assert len(os.listdir("/proc/self/task")) == threads
