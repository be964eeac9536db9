"""What methods do with examples that have no label: they are for the net that tells domains, and for nobody else."""

from typing import Any

import pytest
import torch
from test_every_method import build, gradients
from torch import Tensor
from toy import toy_batch

from crossgrad._types import UNLABELLED, Batch
from crossgrad.methods import METHODS, CrossGrad, Hybrid
from crossgrad.methods.base import n_labelled
from crossgrad.perturb import Step, mean_over

TAKERS = [name for name, method in METHODS.items() if method.TAKES_UNLABELLED]
HIDDEN = torch.arange(12) % 3 == 1
"""Which examples of a batch have no label."""

with_weights = pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("dann", {"reversal": 0.0}),
        ("crossgrad", {"label_weight": 0.0}),
        ("crossgrad", {"label_weight": 0.0, "domain_weight": 1.0, "mixing": "examples"}),
        ("crossgrad_separate", {"label_weight": 0.0}),
        ("hybrid", {"label_weight": 0.0}),
        ("random", {"label_weight": 0.0}),
    ],
)
"""Methods whose label net has no other loss than its clean one."""


def partly(batch: Batch) -> Batch:
    return batch._replace(labels=torch.where(HIDDEN, UNLABELLED, batch.labels))


def label_gradients(name: str, batch: Batch, **fields: Any) -> dict[str, Tensor]:
    torch.manual_seed(0)
    method = build(name, dtype=torch.float64, **fields)
    method.backward(batch)
    return {key: gradient for key, gradient in gradients(method).items() if key.startswith("label_net")}


def test_methods_with_a_net_that_tells_domains_take_them_and_no_others() -> None:
    tells = [name for name in METHODS if hasattr(build(name), "domain_net") or hasattr(build(name), "domain_head")]
    assert tells == TAKERS
    with pytest.raises(IndexError):  # torch's, rather than a mean that is quietly smaller
        build("erm").backward(partly(toy_batch()))


@with_weights
def test_the_clean_label_loss_is_that_of_the_labelled_examples_alone(name: str, fields: dict[str, Any]) -> None:
    batch = toy_batch(dtype=torch.float64)
    alone = Batch(*(tensor[~HIDDEN] for tensor in batch))
    expected = label_gradients("erm", alone)
    torch.testing.assert_close(label_gradients(name, partly(batch), **fields), expected, rtol=1e-12, atol=1e-15)


@with_weights
def test_no_clean_gradient_of_the_label_net_depends_on_unlabelled_inputs(name: str, fields: dict[str, Any]) -> None:
    batch = partly(toy_batch(dtype=torch.float64))
    others = batch._replace(inputs=torch.where(HIDDEN.view(-1, 1, 1, 1), 9 - batch.inputs, batch.inputs))
    expected = label_gradients(name, batch, **fields)
    torch.testing.assert_close(label_gradients(name, others, **fields), expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", TAKERS)
def test_the_domain_loss_is_over_all_and_the_label_loss_and_accuracy_over_the_labelled(name: str) -> None:
    batch = toy_batch()
    method = build(name, **({} if name == "dann" else {"label_weight": 0.0}))
    results = {}
    for phase in range(method.N_PHASES):
        method.phase = phase
        results |= method.backward(partly(batch))
    losses = torch.nn.functional.cross_entropy(method(batch.inputs), batch.labels, reduction="none")[~HIDDEN]
    right = (method(batch.inputs).argmax(1) == batch.labels)[~HIDDEN]
    torch.testing.assert_close(results["label_loss"], losses.mean())
    assert results["label_accuracy"].item() == pytest.approx(right.float().mean().item())
    reads = method.label_net.features(batch.inputs) if name == "dann" else batch.inputs  # type: ignore[operator, union-attr]
    logits = (method.domain_head if name == "dann" else method.domain_net)(reads)  # type: ignore[operator]
    torch.testing.assert_close(results["domain_loss"], torch.nn.functional.cross_entropy(logits, batch.domains))


def test_an_unlabelled_input_is_moved_for_the_label_net_alone() -> None:
    batch = partly(toy_batch())
    moved = build("crossgrad").perturbed(batch)
    assert torch.equal(moved["label_perturbed"][HIDDEN], batch.inputs[HIDDEN])
    assert all((moved["label_perturbed"] != batch.inputs)[~HIDDEN].flatten(1).any(1))
    assert all((moved["domain_perturbed"] != batch.inputs).flatten(1).any(1))


@pytest.mark.parametrize("reduction", ["example", "mean"])
@pytest.mark.parametrize("name", ["crossgrad", "hybrid"])
def test_unlabelled_examples_do_not_dilute_a_calibrated_step(name: str, reduction: str) -> None:
    batch = toy_batch(dtype=torch.float64)
    steps = []
    for given in (partly(batch), Batch(*(tensor[~HIDDEN] for tensor in batch))):
        torch.manual_seed(0)
        method = build(name, dtype=torch.float64, label_gradient_step="calibrated:0.1", reduction=reduction)
        assert isinstance(method, CrossGrad | Hybrid)
        method.backward(given)
        steps.append(method.label_gradient_step.running)
    torch.testing.assert_close(*steps, rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", TAKERS)
def test_a_batch_without_any_label_trains_the_domain_net_alone_and_tells_nothing_of_labels(name: str) -> None:
    batch = toy_batch()._replace(labels=torch.full((12,), UNLABELLED))
    fields = {"reversal": 0.0} if name == "dann" else {"domain_gradient_step": "calibrated:0.1"}
    fields |= {"label_gradient_step": "calibrated:0.1"} if name in ("crossgrad", "hybrid") else {}
    method = build(name, **fields)
    results = {}
    for phase in range(method.N_PHASES):
        method.phase = phase
        results |= method.backward(batch)
    assert all(value.isfinite() for value in results.values())
    assert "domain_loss" in results
    assert not any("label" in told for told in results)
    found = gradients(method)
    assert all((gradient == 0).all() for key, gradient in found.items() if key.startswith("label_net"))
    assert any((gradient != 0).any() for key, gradient in found.items() if key.startswith("domain_"))
    if name == "crossgrad":
        assert int(method.label_gradient_step.observed) == 0  # type: ignore[union-attr, arg-type]


def test_a_mean_over_all_is_torchs_to_the_bit() -> None:
    for n in (1, 7, 32, 501):
        values = torch.rand(n)
        assert torch.equal(mean_over(values, n), values.mean())
    assert mean_over(torch.tensor([3.0, 0.0]), 1) == 3
    assert mean_over(torch.zeros(2), 0) == 0
    assert n_labelled(torch.tensor([UNLABELLED, 2])) == 1


def test_a_step_that_observes_nothing_stays_as_it_is() -> None:
    step = Step(calibrated=0.1)
    step.observe(torch.ones(2, 3))
    before = step.running.clone()
    step.observe(torch.zeros(2, 3), n=0)
    assert torch.equal(step.running, before)
    assert int(step.observed) == 1


def new_domain_batch(n: int, *, seed: int) -> tuple[Batch, Batch]:
    """Vectors (label, shortcut, domain): of two labelled domains, and of a new one.

    Labelled domains differ in the third value alone, and the second tells the label better than the first. In the new
    domain it is the same for every label: whoever goes by it gives all inputs one label.
    """
    generator = torch.Generator().manual_seed(seed)
    labels, domains = torch.randint(2, (2, n), generator=generator)
    sign = 2.0 * labels - 1
    noise = torch.tensor([0.6, 0.2, 0.3]) * torch.randn(n, 3, generator=generator)
    known = torch.stack([sign, 0.5 * sign, 2.0 * domains - 1], 1) + noise
    new = torch.stack([sign, torch.full((n,), 1.5), torch.zeros(n)], 1) + noise
    return Batch(known, labels, domains), Batch(new, labels, torch.full((n,), 2))


def accuracy_on_the_new_domain(name: str, *, unlabelled: bool, **fields: Any) -> float:
    torch.manual_seed(0)
    nets = [torch.nn.Sequential(torch.nn.Linear(3, 32), torch.nn.ReLU(), torch.nn.Linear(32, n)) for n in (2, 3)]
    method = METHODS[name](*nets[: 1 if name == "erm" else 2], **fields)
    optimizer = torch.optim.Adam(method.parameters(), lr=0.01)
    for step in range(300):
        known, new = new_domain_batch(32, seed=step)
        batch = known
        if unlabelled:
            hidden = new._replace(labels=torch.full_like(new.labels, UNLABELLED))
            batch = Batch(*(torch.cat([one, other[:16]]) for one, other in zip(known, hidden, strict=True)))
        optimizer.zero_grad()
        method.backward(batch)
        optimizer.step()
    _, new = new_domain_batch(1000, seed=9999)
    return (method(new.inputs).argmax(1) == new.labels).double().mean().item()


def test_unlabelled_inputs_lead_perturbations_to_where_the_new_domain_differs() -> None:
    fields = {"domain_gradient_step": 2.0, "norm": "l2"}
    erm = accuracy_on_the_new_domain("erm", unlabelled=False)
    plain = accuracy_on_the_new_domain("crossgrad", unlabelled=False, **fields)
    led = accuracy_on_the_new_domain("crossgrad", unlabelled=True, **fields)
    assert max(erm, plain) < 0.55
    assert led > 0.7
