from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from crossgrad._types import UNLABELLED, Batch
from crossgrad.building import build_method
from crossgrad.methods import ERM, METHODS, LabelGrad
from crossgrad.processes import ALONE, Processes, joined
from crossgrad.training import fit
from crossgrad.training.checkpoints import Checkpoints
from crossgrad.training.combining import combine
from crossgrad.training.generators import seeded
from crossgrad.training.stopping import EarlyStopping
from small import images, vectors
from together import Raised, call_together

STEPS = 50
BATCH = 7  # four examples for one process, three for the other: of four domains it lacks one at least


class Case(NamedTuple):
    method: str
    fields: Mapping[str, Any] = {}
    net: str = "mlp"
    dropout: float = 0.0
    unlabelled: bool = False


EXACT = {
    "erm": Case("erm"),
    "erm on images": Case("erm", net="conv2"),
    "label_grad": Case("label_grad"),
    "label_grad, calibrated step": Case("label_grad", {"label_gradient_step": "calibrated:0.1"}),
    "dann": Case("dann"),
    "crossgrad": Case("crossgrad"),
    "crossgrad on images": Case("crossgrad", {"condition": True}, net="conv2"),
    "crossgrad, condition": Case("crossgrad", {"condition": True}),
    "crossgrad, gradient through features": Case("crossgrad", {"condition": True, "gradient_through_features": True}),
    "crossgrad, calibrated steps": Case(
        "crossgrad", {"domain_gradient_step": "calibrated:0.2", "label_gradient_step": "calibrated:0.1"}
    ),
    "crossgrad, mean and clip": Case(
        "crossgrad", {"reduction": "mean", "clip": 0.001, "domain_gradient_step": 10.0, "label_gradient_step": 10.0}
    ),
    "crossgrad, mean, l2, calibrated": Case(
        "crossgrad", {"reduction": "mean", "norm": "l2", "domain_gradient_step": "calibrated:0.2"}
    ),
    "crossgrad, no clean losses": Case("crossgrad", {"label_weight": 1.0, "domain_weight": 1.0}),
    "hybrid, sum": Case("hybrid", {"design": "sum"}),
    "hybrid, both": Case("hybrid", {"design": "both"}),
    "repeat": Case("repeat"),
    "crossgrad, unlabelled": Case("crossgrad", unlabelled=True),
    "crossgrad, unlabelled, mean, calibrated": Case(
        "crossgrad",
        {"reduction": "mean", "domain_gradient_step": "calibrated:0.2", "label_gradient_step": "calibrated:0.1"},
        unlabelled=True,
    ),
    "dann, unlabelled": Case("dann", unlabelled=True),
    "hybrid, unlabelled": Case("hybrid", {"design": "both"}, unlabelled=True),
}
"""Sums over examples, without noise and batch statistics: what several processes do is what one does."""
OTHERS = {
    "crossgrad_separate": Case("crossgrad_separate"),
    "ccsa": Case("ccsa"),
    "mtae": Case("mtae"),
    "hybrid": Case("hybrid"),
    "random": Case("random"),
    "repeat with dropout": Case("repeat", dropout=0.3),
    "crossgrad with batch statistics": Case("crossgrad", net="resnet"),
}
"""Pairs within a batch, noise, batch statistics."""


def train(case: Case, processes: Processes, *, steps: int) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """Everything that the method's state holds, and the losses of the last steps."""
    dataset = vectors() if case.net == "mlp" else images()
    dataset = replace(dataset, inputs=(dataset.inputs / (30 if case.net == "mlp" else 1)).double())
    if case.unlabelled:  # of batches of seven, three in four: now and then a process has no label, or nobody has
        labels = torch.where(torch.arange(len(dataset)) % 4 > 0, UNLABELLED, dataset.labels)
        dataset = replace(dataset, labels=labels, partly_labelled=True)
    # Which parameters start out alike is the loop's work: that of the first process.
    method = build_method(
        case.method,
        net=case.net,
        input_shape=dataset.inputs.shape[1:],
        n_labels=3,
        n_domains=4,
        fields=dict(case.fields),
        dropout=case.dropout,
        seed=processes.rank,
    ).double()
    history = fit(
        method,
        dataset,
        optimizer=torch.optim.SGD(method.parameters(), lr=0.05),
        max_steps=steps,
        batch_size=BATCH,
        seed=0,
        processes=processes,
    )
    return {name: value.numpy() for name, value in method.state_dict().items()}, history.last


def train_together() -> dict[str, Any]:
    with joined(timeout_seconds=60) as processes:
        exact = {name: train(case, processes, steps=STEPS) for name, case in EXACT.items()}
        return exact | {name: train(case, processes, steps=10) for name, case in OTHERS.items()}


@pytest.fixture(scope="module")
def trained_together() -> list[dict[str, Any]]:
    results = call_together(train_together, timeout_seconds=600)  # many trainings, on machines that others share
    assert all(isinstance(result, dict) for result in results), results
    return results


@pytest.mark.parametrize("name", EXACT)
def test_two_processes_train_as_one_does_on_the_whole_batch(name: str, trained_together: list[dict[str, Any]]) -> None:
    expected, expected_losses = train(EXACT[name], Processes(), steps=STEPS)
    for weights, losses in (result[name] for result in trained_together):
        assert weights.keys() == expected.keys()
        for key in expected:
            np.testing.assert_allclose(weights[key], expected[key], rtol=0, atol=1e-10, err_msg=key)
        # Accuracies are float32; with examples that do not count, a process's own is divided by a broken number.
        assert losses == pytest.approx(expected_losses, rel=1e-6 if EXACT[name].unlabelled else 1e-9)


@pytest.mark.parametrize("name", [*EXACT, *OTHERS])
def test_all_processes_end_with_the_same_state_to_the_bit(name: str, trained_together: list[dict[str, Any]]) -> None:
    (first, first_losses), (second, second_losses) = (result[name] for result in trained_together)
    assert first_losses == second_losses
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_every_method_trains_in_several_processes() -> None:
    assert {case.method for case in (*EXACT.values(), *OTHERS.values())} == set(METHODS) - {"erm_matched"}


def what_happens_in_steps(step: float | str) -> list[str]:
    """In two steps of CrossGrad: its passes, and what is added up over the processes."""
    events: list[str] = []
    fields = {"domain_gradient_step": step, "label_gradient_step": step}
    method = build_method("crossgrad", net="mlp", input_shape=(5,), n_labels=3, n_domains=4, fields=fields)
    n_parameters = sum(value.numel() for value in method.parameters())
    backward, all_reduce = method.backward, dist.all_reduce

    def told_backward(batch: Batch) -> dict[str, torch.Tensor]:
        events.append("passes begin")
        losses = backward(batch)
        events.append("passes end")
        return losses

    def told_sum(values: torch.Tensor) -> None:
        events.append("sum of all gradients" if values.numel() > n_parameters else f"sum of {values.numel()}")
        all_reduce(values)

    with joined(timeout_seconds=30) as processes:
        method.backward = told_backward  # type: ignore[method-assign]
        dist.all_reduce = told_sum  # type: ignore[assignment]
        try:
            optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
            fit(method, vectors(), optimizer=optimizer, max_steps=2, batch_size=7, seed=0, processes=processes)
        finally:
            dist.all_reduce = all_reduce
    return events


@pytest.mark.parametrize(("step", "norms"), [(0.1, 0), ("calibrated:0.1", 2)])
def test_gradients_of_both_nets_are_added_up_once_a_step_behind_the_last_pass(step: float | str, norms: int) -> None:
    in_passes = ["sum of 2"] * (1 + norms)  # how many examples have a label, and a calibrated step's mean for each net
    one_step = ["passes begin", *in_passes, "passes end", "sum of all gradients"]
    around = ["sum of 1"]  # where the training goes on from, and that all have come to the end
    for events in call_together(what_happens_in_steps, step):
        assert events == [*around, *one_step, *one_step, *around]


def combine_in_three() -> tuple[list[Any], dict[str, float]]:
    with joined(timeout_seconds=30) as processes:
        rank = processes.rank
        net = torch.nn.ParameterList([torch.nn.Parameter(torch.zeros(2)) for _ in range(3)])
        net.register_buffer("running", torch.tensor(float(rank)))
        frozen = torch.nn.Module().eval()
        frozen.register_buffer("constant", torch.arange(1, 1000) / 7)
        net.frozen = frozen
        net[0].grad = torch.tensor([1.0, 10.0]) * rank
        if rank == 1:
            net[1].grad = torch.tensor([7.0, 0.0])
        n_own = (4, 2, 1)[rank]
        results = combine(net, {"loss": torch.tensor(7.0 * rank)}, n_own=n_own, n=7, processes=processes)
        gradients = [None if value.grad is None else value.grad.tolist() for value in net]
        assert torch.equal(frozen.constant, torch.arange(1, 1000) / 7), "a mean of equal values rounds them"
        return [*gradients, float(net.running)], {name: float(value) for name, value in results.items()}


def test_means_are_weighted_by_examples_and_a_gradient_that_one_process_lacks_is_zero_there() -> None:
    # Of 7 examples the processes have 4, 2 and 1.
    for (first, second, third, running), results in call_together(combine_in_three, size=3):
        assert first == pytest.approx([(2 * 1 + 1 * 2) / 7, 10 * (2 * 1 + 1 * 2) / 7])
        assert second == pytest.approx([2.0, 0.0])
        assert third is None  # nobody has one: an optimiser's momentum or decay must not begin to act on it
        assert running == pytest.approx((2 * 1 + 1 * 2) / 7)
        assert results == {"loss": pytest.approx(4.0)}


def train_on_nan() -> str:
    dataset = vectors(2)
    inputs = dataset.inputs.clone()
    inputs[1] = torch.nan  # of each batch of both examples one process has this one
    method = ERM(torch.nn.Linear(5, 3))
    with joined(timeout_seconds=30) as processes:
        try:
            optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
            fit(
                method,
                replace(dataset, inputs=inputs),
                optimizer=optimizer,
                max_steps=3,
                batch_size=2,
                seed=0,
                processes=processes,
            )
        except ArithmeticError as error:
            return str(error)
    return "nothing happened"


def test_a_loss_that_is_nan_in_one_process_ends_all_at_the_same_step() -> None:
    first, second = call_together(train_on_nan)
    assert first == second == "label_loss became nan at step 1; try a smaller learning rate or a smaller step"


def train_with(batch_size: int) -> None:
    method = ERM(torch.nn.Linear(5, 3))
    optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
    with joined(timeout_seconds=30) as processes:
        fit(
            method,
            vectors(),
            optimizer=optimizer,
            max_steps=1,
            batch_size=batch_size,
            seed=0,
            processes=processes,
        )
    assert method.processes is ALONE, "who uses the method later waits for nobody"


def test_a_batch_without_an_example_for_each_process_is_refused() -> None:
    results = call_together(train_with, 1)
    assert {result.kind for result in results} == {"SettingsError", "OtherProcessError"}
    assert "batch_size is 1 for 2 processes; each needs an example a step" in {result.message for result in results}
    assert call_together(train_with, 2) == [None, None]


def move_in_one_process() -> float | None:
    method = LabelGrad(torch.nn.Linear(5, 3), label_gradient_step="calibrated:0.1", reduction="mean")
    with joined(timeout_seconds=5) as processes:
        method.processes = processes
        dataset = vectors()
        if processes.is_first:
            batch = Batch(dataset.inputs, dataset.labels, dataset.domains)
            return float((method.perturbed(batch)["label_perturbed"] - batch.inputs).abs().amax(1).mean())
        return None


def test_looking_at_perturbations_in_one_process_waits_for_no_other() -> None:
    assert call_together(move_in_one_process) == [pytest.approx(0.1, rel=1e-4), None]


def test_each_process_draws_noise_of_its_own_in_each_step_and_for_its_own_device_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeded_everywhere: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded_everywhere.append)
    drawn = []
    with seeded(5, torch.device("cpu")) as generators:
        for _ in range(2):
            for rank, step in ((0, 1), (1, 1), (0, 2), (1, 2)):
                generators.begin(step, Processes(rank, size=2))
                drawn.append(torch.rand(8).tolist())
    assert drawn[:4] == drawn[4:]
    assert len({tuple(values) for values in drawn}) == 4
    assert not seeded_everywhere


class BrokenOff(Exception):  # noqa: N818
    """As a signal would do it, but in all processes between the same two steps."""


def train_in_parts(folder: Path, steps_at_once: int) -> dict[str, NDArray[Any]]:
    """Thirty steps with dropout, broken off and taken up again."""
    dataset = vectors()
    with joined(timeout_seconds=30) as processes:
        for _ in range(0, 30, steps_at_once):
            method = build_method(
                "crossgrad",
                net="mlp",
                input_shape=(5,),
                n_labels=3,
                n_domains=4,
                fields={"label_gradient_step": "calibrated:0.1"},
                dropout=0.3,
            )
            n_done = 0

            def break_off(module: torch.nn.Module) -> None:
                nonlocal n_done
                n_done += 1
                if n_done > steps_at_once:
                    raise BrokenOff

            with suppress(BrokenOff):
                fit(
                    method,
                    dataset,
                    optimizer=torch.optim.Adam(method.parameters(), lr=0.01),
                    max_steps=30,
                    batch_size=BATCH,
                    seed=0,
                    clip=break_off,
                    processes=processes,
                    checkpoints=Checkpoints(folder, identity={}, every_steps=steps_at_once),
                )
    return {name: value.numpy() for name, value in method.state_dict().items()}


def test_processes_that_go_on_from_a_checkpoint_end_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole, whole_again = call_together(train_in_parts, tmp_path / "whole", 30)
    parts, _ = call_together(train_in_parts, tmp_path / "parts", 10)
    assert all(np.array_equal(whole[key], whole_again[key]) and np.array_equal(whole[key], parts[key]) for key in whole)


def train_from_folders(folder: Path) -> None:
    dataset, method = vectors(), ERM(torch.nn.Linear(5, 3))
    with joined(timeout_seconds=30) as processes:
        checkpoints = Checkpoints(folder / str(processes.rank), identity={}, every_steps=5)
        optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
        if processes.is_first:
            fit(method, dataset, optimizer=optimizer, max_steps=6, batch_size=7, seed=0, checkpoints=checkpoints)
        fit(
            method,
            dataset,
            optimizer=optimizer,
            max_steps=10,
            batch_size=7,
            seed=0,
            processes=processes,
            checkpoints=checkpoints,
        )


def test_processes_that_see_different_checkpoints_do_not_start(tmp_path: Path) -> None:
    results = call_together(train_from_folders, tmp_path)
    assert all(isinstance(result, Raised) for result in results)
    (told,) = (result for result in results if result.kind != "OtherProcessError")
    assert told.kind == "CheckpointError"
    assert "all need to see the same folder" in told.message


def stop_early() -> tuple[int, float | None]:
    dataset, method = vectors(), ERM(torch.nn.Linear(5, 3))
    with joined(timeout_seconds=30) as processes:
        scores = iter([0.5, 0.7, 0.6, 0.6, 0.9])
        stopping = EarlyStopping(lambda method: next(scores), every=2, patience=2)
        optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
        history = fit(
            method,
            dataset,
            optimizer=optimizer,
            max_steps=20,
            batch_size=7,
            seed=0,
            processes=processes,
            stopping=stopping,
        )
    return len(history.steps), stopping.best


def test_processes_stop_early_together() -> None:
    assert call_together(stop_early) == [(8, 0.7), (8, 0.7)]
