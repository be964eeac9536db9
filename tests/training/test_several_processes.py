from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from crossgrad.building import build_method
from crossgrad.methods import METHODS
from crossgrad.processes import Processes, joined
from crossgrad.training import fit
from small import images, vectors
from together import call_together

STEPS = 50
BATCH = 7  # four examples for one process, three for the other: of four domains it lacks one at least


class Case(NamedTuple):
    method: str
    fields: Mapping[str, Any] = {}
    net: str = "mlp"
    dropout: float = 0.0


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
}
"""Sums over examples, without noise and batch statistics: what several processes do is what one does."""
OTHERS = {
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
    results = call_together(train_together)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


@pytest.mark.parametrize("name", EXACT)
def test_two_processes_train_as_one_does_on_the_whole_batch(name: str, trained_together: list[dict[str, Any]]) -> None:
    expected, expected_losses = train(EXACT[name], Processes(), steps=STEPS)
    for weights, losses in (result[name] for result in trained_together):
        assert weights.keys() == expected.keys()
        for key in expected:
            np.testing.assert_allclose(weights[key], expected[key], rtol=0, atol=1e-10, err_msg=key)
        assert losses == pytest.approx(expected_losses, rel=1e-9)


@pytest.mark.parametrize("name", [*EXACT, *OTHERS])
def test_all_processes_end_with_the_same_state_to_the_bit(name: str, trained_together: list[dict[str, Any]]) -> None:
    (first, first_losses), (second, second_losses) = (result[name] for result in trained_together)
    assert first_losses == second_losses
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_every_method_trains_in_several_processes() -> None:
    assert {case.method for case in (*EXACT.values(), *OTHERS.values())} == set(METHODS) - {"erm_matched"}
