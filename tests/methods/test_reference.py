"""The fused methods end with the weights that the formulas of tests/reference.py, written literally, end with."""

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any

import jaxtyping
import pytest
import torch
from torch import nn
from toy import N_DOMAINS, N_FEATURES, N_LABELS, small_net, toy_batch

import reference
from crossgrad._types import UNLABELLED, Batch
from crossgrad.methods import PRESETS, CrossGrad, LabelGrad, Method
from crossgrad.perturb import Step

N_STEPS = 100
OPTIMIZERS = {"sgd": partial(torch.optim.SGD, lr=0.1, momentum=0.5), "adam": partial(torch.optim.Adam, lr=0.01)}

LABEL_GRAD_BASE: dict[str, Any] = {
    "label_gradient_step": 0.2,
    "label_weight": 0.5,
    "clip": None,
    "norm": "none",
    "reduction": "example",
}
LABEL_GRAD_CASES: dict[str, dict[str, Any]] = {
    "base": {},
    "no_step": {"label_gradient_step": 0.0},
    "calibrated_clip_mean": {"label_gradient_step": "calibrated:0.1", "clip": 0.01, "reduction": "mean"},
    "clean_only": {"label_weight": 0.0},
    "perturbed_only": {"label_weight": 1.0},
    "clip_l2": {"clip": 0.02, "norm": "l2"},
    "linf": {"norm": "linf"},
    "sign": {"norm": "sign"},
    "mean": {"reduction": "mean", "label_gradient_step": 3.0},
}

CROSSGRAD_BASE = LABEL_GRAD_BASE | {
    "domain_gradient_step": 0.3,
    "domain_weight": 0.5,
    "condition": False,
    "gradient_through_features": False,
    "mixing": "losses",
}
G = {"condition": True}
THROUGH_G = {"condition": True, "gradient_through_features": True}
CROSSGRAD_CASES = LABEL_GRAD_CASES | {
    "no_step": {"domain_gradient_step": 0.0, "label_gradient_step": 0.0},
    "both_calibrated": {"domain_gradient_step": "calibrated:0.2", "label_gradient_step": "calibrated:0.1"},
    "domain_clean_only": {"domain_weight": 0.0},
    "domain_perturbed_only": {"domain_weight": 1.0},
    "both_perturbed_only": {"label_weight": 1.0, "domain_weight": 1.0},
    "perturbed_and_clean": {"label_weight": 1.0, "domain_weight": 0.0},
    "two_weights": {"label_weight": 0.25, "domain_weight": 0.9},
    "clip": {"clip": 0.02},
    "g": G,
    "g_clean_only": G | {"label_weight": 0.0},
    "g_both_perturbed_only": G | {"label_weight": 1.0, "domain_weight": 1.0},
    "through_g_two_weights": THROUGH_G | {"label_weight": 0.25, "domain_weight": 0.9},
    "through_g_clean_only": THROUGH_G | {"label_weight": 0.0},
    "through_g_domain_clean_only": THROUGH_G | {"domain_weight": 0.0},
    "through_g_both_perturbed_only": THROUGH_G | {"label_weight": 1.0, "domain_weight": 1.0},
    "through_g_calibrated_l2": THROUGH_G | {"norm": "l2", "label_gradient_step": "calibrated:0.1"},
    "mixed_examples": {"mixing": "examples", "label_weight": 0.25, "domain_weight": 0.9},
    "mixed_examples_all_moved": {"mixing": "examples", "label_weight": 1.0, "domain_weight": 1.0},
    "mixed_examples_clean_only": {"mixing": "examples", "label_weight": 0.0, "domain_weight": 0.0},
    "mixed_examples_through_g": THROUGH_G | {"mixing": "examples"},
    "paper": PRESETS["paper"],
}
WITH_ADAM = ("two_weights", "through_g_two_weights", "paper")


@pytest.fixture(autouse=True)
def types_unchecked() -> Iterator[None]:
    """Every shape here is checked by other tests, once; over thousands of passes it would take half the time."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def literal(value: float | str) -> reference.LiteralStep:
    step = Step.parse(value)
    return reference.LiteralStep(wanted=step.size) if step.is_calibrated else reference.LiteralStep(epsilon=step.size)


def literal_steps(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: literal(value) if name.endswith("_step") else value for name, value in fields.items()}


def batches() -> list[Batch]:
    """Two sizes, so that whatever a batch's size scales is seen."""
    return [toy_batch(9 if i % 2 else 6, dtype=torch.float64, seed=i) for i in range(N_STEPS)]


def partly_labelled(batch: Batch) -> Batch:
    """A domain of its own without labels, and some examples of the others without."""
    labels = batch.labels.clone()
    labels[1:][(batch.domains[1:] == N_DOMAINS - 1) | (torch.arange(1, len(labels)) % 4 == 0)] = UNLABELLED
    return batch._replace(labels=labels)


def train(method: Method, optimizer: torch.optim.Optimizer, given: Iterable[Batch] | None = None) -> None:
    for batch in batches() if given is None else given:
        optimizer.zero_grad()
        method.backward(batch)
        optimizer.step()


def nets(condition: bool) -> tuple[nn.Module, nn.Module]:
    label_net = small_net(N_LABELS, n_domain_features=N_FEATURES if condition else 0)
    return label_net.double(), small_net(N_DOMAINS).double()


def assert_same_weights(ours: Iterable[nn.Module], theirs: Iterable[nn.Module]) -> None:
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(dict(mine.named_parameters()), dict(its.named_parameters()), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("case", "optimizer"), [(case, "sgd") for case in CROSSGRAD_CASES] + [(case, "adam") for case in WITH_ADAM]
)
def test_crossgrad_has_the_weights_of_algorithm_1_after_100_steps(case: str, optimizer: str) -> None:
    fields = CROSSGRAD_BASE | CROSSGRAD_CASES[case]
    ours = nets(fields["condition"])
    theirs = deepcopy(ours)
    method = CrossGrad(*ours, **fields).double()
    torch.manual_seed(1)
    train(method, OPTIMIZERS[optimizer](method.parameters()))
    torch.manual_seed(1)
    reference.algorithm_1(*theirs, batches(), OPTIMIZERS[optimizer], **literal_steps(fields))
    assert_same_weights(ours, theirs)


@pytest.mark.parametrize("case", CROSSGRAD_CASES)
def test_crossgrad_has_the_weights_of_algorithm_1_where_examples_have_no_label(case: str) -> None:
    fields = CROSSGRAD_BASE | CROSSGRAD_CASES[case]
    ours = nets(fields["condition"])
    theirs = deepcopy(ours)
    given = [partly_labelled(batch) for batch in batches()]
    assert 0.2 < sum(int((batch.labels == UNLABELLED).sum()) for batch in given) / (7.5 * N_STEPS) < 0.6
    method = CrossGrad(*ours, **fields).double()
    torch.manual_seed(1)
    train(method, OPTIMIZERS["sgd"](method.parameters()), given)
    torch.manual_seed(1)
    reference.algorithm_1(*theirs, given, OPTIMIZERS["sgd"], **literal_steps(fields))
    assert_same_weights(ours, theirs)


@pytest.mark.parametrize("case", LABEL_GRAD_CASES)
def test_label_grad_has_the_weights_of_its_formula_after_100_steps(case: str) -> None:
    fields = LABEL_GRAD_BASE | LABEL_GRAD_CASES[case]
    ours, _ = nets(condition=False)
    theirs = deepcopy(ours)
    method = LabelGrad(ours, **fields).double()
    train(method, OPTIMIZERS["sgd"](method.parameters()))
    reference.label_grad(theirs, batches(), OPTIMIZERS["sgd"], **literal_steps(fields))
    assert_same_weights([ours], [theirs])


@pytest.mark.parametrize(("preset", "formula"), [("authors-code", reference.authors_code), ("dassl", reference.dassl)])
def test_presets_have_the_weights_of_the_code_they_are_named_after(preset: str, formula: Callable[..., None]) -> None:
    ours = nets(condition=False)
    theirs = deepcopy(ours)
    method = CrossGrad(*ours, **PRESETS[preset])
    train(method, OPTIMIZERS["sgd"](method.parameters()))
    formula(*theirs, batches(), OPTIMIZERS["sgd"])
    assert_same_weights(ours, theirs)


def test_presets_name_every_field_of_crossgrad() -> None:
    for preset in PRESETS.values():
        assert preset.keys() == CROSSGRAD_BASE.keys()
