"""What every method promises, over METHODS: a new method is tested by being listed there and in FIELDS."""

import inspect
import math
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toy import INPUT_SHAPE, N_DOMAINS, N_FEATURES, N_LABELS, shortcut_batch, small_net, toy_batch

from crossgrad._types import UNLABELLED, Batch
from crossgrad.errors import SettingsError
from crossgrad.global_state import torch_threads
from crossgrad.methods import METHODS, CrossGrad, CrossGradSeparate, Hybrid, Method, RandomDirection
from crossgrad.nets import headed

SHAPING: dict[str, tuple[dict[str, Any], Any]] = {
    "label_gradient_step": ({}, 0.9),
    "label_weight": ({}, 0.9),
    "clip": ({}, 0.001),
    "norm": ({}, "sign"),
    "reduction": ({}, "mean"),
}
SHAPING_BY_DOMAINS = {"domain_gradient_step" if "step" in name else name: cases for name, cases in SHAPING.items()}
FIELDS: dict[str, dict[str, tuple[dict[str, Any], Any]]] = {
    "erm": {},
    "label_grad": SHAPING,
    "dann": {"reversal": ({}, 0.3), "schedule_rate": ({}, 2.0)},
    "mtae": {"corruption": ({}, 0.9), "fine_tune": ({}, True)},
    "ccsa": {"alignment_weight": ({}, 0.9), "margin": ({"alignment_weight": 0.9}, 9.0)},
    "hybrid": SHAPING | {"design": ({}, "sum"), "domain_gradient_step": ({}, 0.9), "domain_weight": ({}, 0.9)},
    # Only lengths depend on its fields: with a large step they are seen.
    "random": {name: ({"domain_gradient_step": 30.0}, SHAPING[name][1]) for name in SHAPING if "step" not in name}
    | {"domain_gradient_step": ({}, 30.0)},
    "repeat": {"label_weight": ({"dropout": 0.5}, 0.9)},
    "erm_matched": {},
    "crossgrad": SHAPING
    | {
        "domain_gradient_step": ({}, 0.9),
        "domain_weight": ({}, 0.9),
        "condition": ({}, True),
        "gradient_through_features": ({"condition": True}, True),
        "mixing": ({}, "examples"),
    },
    "crossgrad_separate": SHAPING_BY_DOMAINS | {"condition": ({}, True)},
}
"""For each field: the other fields that it needs, and a value that must change training."""


TOY_STEPS = {"mtae": 300}
"""Of each phase, where 80 are too few: features that are learnt without labels take longer."""


def build(
    name: str, *, dtype: torch.dtype = torch.float32, dropout: float = 0.0, batch_norm: bool = False, **fields: Any
) -> Method:
    """A method with the nets that its arguments before the fields ask for by their names."""
    g = N_FEATURES if fields.get("condition") else 0
    net = partial(small_net, dropout=dropout, batch_norm=batch_norm)
    makers: dict[str, Callable[[], nn.Module]] = {
        "label_net": lambda: net(N_LABELS, n_domain_features=g),
        "domain_net": lambda: net(N_DOMAINS),
        "domain_head": lambda: nn.Linear(N_FEATURES, N_DOMAINS),
        "decoders": lambda: nn.Linear(N_FEATURES, N_DOMAINS * math.prod(INPUT_SHAPE)),
    }
    parameters = inspect.signature(METHODS[name].__init__).parameters.values()
    roles = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"]
    return METHODS[name](*(makers[role]() for role in roles), **fields).to(dtype)


def variants() -> list[Any]:
    """Every method at its defaults, and CrossGrad in the forms that take other paths."""
    given: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in METHODS]
    given += [
        ("crossgrad", {"condition": True}),
        ("crossgrad", {"condition": True, "gradient_through_features": True}),
        ("crossgrad", {"label_gradient_step": "calibrated:0.1", "domain_gradient_step": "calibrated:0.1"}),
        ("crossgrad", {"label_weight": 1.0, "domain_weight": 1.0}),
        ("crossgrad", {"label_weight": 0.0, "domain_weight": 0.0}),
        ("crossgrad", {"mixing": "examples"}),
        ("crossgrad_separate", {"condition": True, "domain_gradient_step": "calibrated:0.1"}),
        ("hybrid", {"design": "sum"}),
        ("hybrid", {"design": "both", "domain_gradient_step": "calibrated:0.1"}),
        ("hybrid", {"label_weight": 0.0, "domain_weight": 0.0}),
        ("random", {"domain_gradient_step": "calibrated:0.1"}),
        ("random", {"label_weight": 0.0}),
        ("mtae", {"fine_tune": True}),
        ("label_grad", {"label_gradient_step": "calibrated:0.1"}),
        ("label_grad", {"label_weight": 1.0}),
        ("label_grad", {"label_weight": 0.0}),
    ]
    return [pytest.param(name, fields, id="-".join([name, *map(str, fields.values())])) for name, fields in given]


every_variant = pytest.mark.parametrize(("name", "fields"), variants())

EXTREMES: list[tuple[str, dict[str, Any]]] = [
    ("crossgrad", {"label_weight": 0.0, "domain_weight": 1.0}),
    ("crossgrad", {"label_weight": 1.0, "domain_weight": 0.0}),
    ("crossgrad", {"label_weight": 0.0, "domain_weight": 1.0, "condition": True, "gradient_through_features": True}),
    ("crossgrad", {"domain_weight": 0.0, "condition": True, "gradient_through_features": True}),
    ("crossgrad", {"label_weight": 0.0, "mixing": "examples"}),
    ("crossgrad_separate", {"label_weight": 0.0}),
    ("crossgrad_separate", {"label_weight": 1.0, "condition": True}),
    ("hybrid", {"label_weight": 0.0, "domain_weight": 1.0}),
    ("hybrid", {"label_weight": 1.0, "domain_weight": 0.0}),
    ("random", {"label_weight": 1.0}),
]
"""Settings at which a pass of no share in an objective may go forward alone."""

MOVERS: list[tuple[str, dict[str, Any]]] = [
    ("label_grad", {}),
    ("repeat", {}),
    ("crossgrad", {}),
    ("crossgrad_separate", {}),
    ("random", {}),
    *(("hybrid", {"design": design}) for design in ("sum", "either", "both")),
]
"""Methods with a clean loss and perturbed ones, weighed by label_weight and domain_weight."""


def gradients(method: Method) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in method.named_parameters() if p.grad is not None}


def with_inner_modes_mixed(method: Method) -> dict[str, bool]:
    """As somebody leaves it who trains with some layers frozen; the modes by name."""
    method.train()
    for i, module in enumerate(method.modules()):
        module.training = i % 3 != 0
    return {name: module.training for name, module in method.named_modules()}


def test_every_method_has_its_fields_listed_here() -> None:
    assert FIELDS.keys() == METHODS.keys()
    for name, method in METHODS.items():
        parameters = inspect.signature(method.__init__).parameters.values()
        assert FIELDS[name].keys() == {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}


@pytest.mark.parametrize(("name", "field"), [(name, field) for name in METHODS for field in FIELDS[name]])
def test_every_field_changes_the_training_step(name: str, field: str) -> None:
    needed, value = FIELDS[name][field]
    batch = toy_batch()
    results = []
    for fields in (needed, needed | {field: value}):
        torch.manual_seed(0)
        method = build(name, **fields)
        method.progress = 0.1
        optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
        for step in range(2):
            method.phase = min(step, method.N_PHASES - 1)
            optimizer.zero_grad()
            method.backward(batch)
            optimizer.step()
        results.append(torch.cat([g.flatten() for g in gradients(method).values()]))
    before, after = results
    assert before.shape != after.shape or (before - after).norm() > 1e-4 * before.norm()


@every_variant
def test_training_on_a_toy_problem_lowers_the_loss_and_learns_it(name: str, fields: dict[str, Any]) -> None:
    torch.manual_seed(0)
    method = build(name, **fields)
    optimizer = torch.optim.Adam(method.parameters(), lr=0.02)
    losses = []
    n_steps = TOY_STEPS.get(name, 80)
    for i in range(n_steps * method.N_PHASES):
        method.phase, done = divmod(i, n_steps)
        method.progress = done / n_steps
        optimizer.zero_grad()
        results = method.backward(toy_batch(32, seed=i))
        losses += [results["label_loss"].item()] if "label_loss" in results else []
        optimizer.step()
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    unseen = toy_batch(200, seed=1000)
    assert (method(unseen.inputs).argmax(1) == unseen.labels).float().mean() > 0.6


def accuracies_with_and_without_the_shortcut(name: str) -> tuple[float, float]:
    torch.manual_seed(0)
    method = build(name)
    optimizer = torch.optim.Adam(method.parameters(), lr=0.01)
    n_steps = TOY_STEPS.get(name, 150)
    for i in range(n_steps * method.N_PHASES):
        method.phase, done = divmod(i, n_steps)
        method.progress = done / n_steps
        optimizer.zero_grad()
        method.backward(shortcut_batch(32, agreement=0.95, seed=i))
        optimizer.step()
    found = []
    for agreement in (0.95, 0.0):
        batch = shortcut_batch(500, agreement=agreement, seed=9999)
        found.append((method(batch.inputs).argmax(1) == batch.labels).float().mean().item())
    return found[0], found[1]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_where_a_domain_shortcut_fools_erm(name: str) -> None:
    with_shortcut, without = accuracies_with_and_without_the_shortcut(name)
    assert with_shortcut > (0.75 if name != "mtae" else 0.55)  # chance is 1/3; five units that no label trained
    if name == "erm":
        assert without < with_shortcut - 0.4


def test_features_aligned_across_domains_are_fooled_less() -> None:
    aligned, plain = (accuracies_with_and_without_the_shortcut(name)[1] for name in ("ccsa", "erm"))
    assert aligned > plain + 0.05


@every_variant
def test_the_callers_tensors_stay_as_they_are(name: str, fields: dict[str, Any]) -> None:
    for requires_grad in (False, True):
        batch = toy_batch()
        batch.inputs.requires_grad_(requires_grad)
        copies = [t.detach().clone() for t in batch]
        method = build(name, **fields)
        method.backward(batch)
        method.perturbed(batch)
        for tensor, copy in zip(batch, copies, strict=True):
            torch.testing.assert_close(tensor.detach(), copy, rtol=0, atol=0)
        assert batch.inputs.requires_grad is requires_grad
        assert batch.inputs.grad is None


@every_variant
def test_modes_and_requires_grad_stay_as_they_are(name: str, fields: dict[str, Any]) -> None:
    method = build(name, **fields)
    modes = with_inner_modes_mixed(method)
    frozen = next(method.label_net.parameters())  # type: ignore[union-attr]
    frozen.requires_grad_(False)
    method.backward(toy_batch())
    method.perturbed(toy_batch())
    assert {name: module.training for name, module in method.named_modules()} == modes
    assert [p.requires_grad for p in method.parameters()] == [p is not frozen for p in method.parameters()]
    assert frozen.grad is None


@every_variant
def test_backward_leaves_a_gradient_in_every_parameter_and_returns_detached_finite_scalars(
    name: str, fields: dict[str, Any]
) -> None:
    method = build(name, **fields)
    results = {}
    for phase in range(method.N_PHASES):
        method.phase = phase
        results |= method.backward(toy_batch())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.parameters())
    assert "label_loss" in results
    assert all(r.shape == () and not r.requires_grad and r.isfinite() for r in results.values())


@every_variant
def test_accuracies_are_the_shares_of_clean_inputs_that_are_given_their_own_label_and_domain(
    name: str, fields: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    method = build(name, **fields)
    batch = toy_batch(40)
    expected = {"label_accuracy": (method(batch.inputs).argmax(1) == batch.labels).float().mean().item()}
    if hasattr(method, "domain_net"):
        expected["domain_accuracy"] = (method.domain_net(batch.inputs).argmax(1) == batch.domains).float().mean().item()
    if hasattr(method, "domain_head"):
        told = method.domain_head(method.label_net.features(batch.inputs)).argmax(1)
        expected["domain_accuracy"] = (told == batch.domains).float().mean().item()
    results = {}
    for phase in range(method.N_PHASES):
        method.phase = phase
        results |= method.backward(batch)
    assert {key: value.item() for key, value in results.items() if key.endswith("_accuracy")} == expected
    assert all(0 < value < 1 for value in expected.values())


@every_variant
def test_backward_accumulates_gradients_as_torch_does(name: str, fields: dict[str, Any]) -> None:
    # A calibrated step is another one at the second call, so the two are summed one by one.
    method = build(name, dtype=torch.float64, **fields)
    first, second = toy_batch(dtype=torch.float64, seed=1), toy_batch(9, dtype=torch.float64, seed=2)
    twin = deepcopy(method)
    torch.manual_seed(1)  # methods that draw draw the same again
    method.backward(first)
    method.backward(second)
    torch.manual_seed(1)
    twin.backward(first)
    sums = gradients(twin)
    twin.zero_grad()
    twin.backward(second)
    torch.testing.assert_close(
        gradients(method), {k: g + sums[k] for k, g in gradients(twin).items()}, rtol=1e-12, atol=1e-15
    )


@every_variant
def test_the_same_seed_gives_the_same_gradients_bit_for_bit(name: str, fields: dict[str, Any]) -> None:
    runs = []
    for _ in range(2):
        torch.manual_seed(4)
        method = build(name, **fields)
        method.backward(toy_batch())
        runs.append(gradients(method))
    torch.testing.assert_close(*runs, rtol=0, atol=0)


@every_variant
def test_the_number_of_threads_changes_a_step_by_rounding_alone(name: str, fields: dict[str, Any]) -> None:
    before = torch.get_num_threads()
    runs = []
    for threads in (1, 2, 2):
        with torch_threads(threads):
            torch.manual_seed(4)
            method = build(name, dtype=torch.float64, **fields)
            method.backward(toy_batch(64, dtype=torch.float64))
            assert torch.get_num_threads() == threads
            runs.append(gradients(method))
    torch.testing.assert_close(runs[1], runs[0], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(runs[2], runs[1], rtol=0, atol=0)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_documented_with_its_reference(name: str) -> None:
    assert "Reference:" in (inspect.getdoc(METHODS[name]) or "")
    page = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
    assert f"\n| `{name}` " in page


@every_variant
def test_a_state_dict_carries_everything_that_training_has_changed(name: str, fields: dict[str, Any]) -> None:
    method = build(name, **fields)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
    for i in range(3):
        optimizer.zero_grad()
        method.backward(toy_batch(seed=i))
        optimizer.step()
    torch.manual_seed(5)
    other = build(name, **fields)
    other.load_state_dict(method.state_dict())
    method.zero_grad()
    results = []
    for each in (method, other):
        torch.manual_seed(6)
        results.append(each.backward(toy_batch(seed=9)))
    torch.testing.assert_close(*results, rtol=0, atol=0)
    torch.testing.assert_close(gradients(method), gradients(other), rtol=0, atol=0)
    torch.testing.assert_close(method.state_dict(), other.state_dict(), rtol=0, atol=0)


def build_with_state(name: str, fields: dict[str, Any]) -> Method:
    """With dropout, batch statistics and a calibrated step that has observed something."""
    method = build(name, dropout=0.5, batch_norm=True, **fields)
    method.backward(toy_batch(seed=5))
    return method


@every_variant
def test_perturbed_touches_no_gradient_no_buffer_and_no_random_state(name: str, fields: dict[str, Any]) -> None:
    method = build_with_state(name, fields)
    before = gradients(method), deepcopy(method.state_dict()), torch.get_rng_state()
    moved = method.perturbed(toy_batch())
    assert not any(t.requires_grad for t in moved.values())
    after = gradients(method), method.state_dict(), torch.get_rng_state()
    torch.testing.assert_close(after, before, rtol=0, atol=0)
    method.zero_grad()
    method.perturbed(toy_batch())
    assert all(p.grad is None for p in method.parameters())


def test_perturbed_puts_back_a_buffer_that_a_net_has_replaced() -> None:
    class Centred(nn.Linear):
        def __init__(self, n_classes: int) -> None:
            super().__init__(6, n_classes)
            self.register_buffer("mean", torch.zeros(6))

        def forward(self, inputs: Tensor) -> Tensor:
            self.mean = 0.9 * self.mean + 0.1 * inputs.detach().mean(0)
            return super().forward(inputs - self.mean)

    method = CrossGrad(Centred(3), Centred(2))
    batch = Batch(torch.randn(8, 6), torch.arange(8) % 3, torch.arange(8) % 2)
    method.backward(batch)
    before = deepcopy(method.state_dict())
    method.perturbed(batch)
    torch.testing.assert_close(dict(method.state_dict()), dict(before), rtol=0, atol=0)


@every_variant
def test_perturbed_can_be_had_where_gradients_are_turned_off(name: str, fields: dict[str, Any]) -> None:
    method, batch = build_with_state(name, fields), toy_batch()
    expected = method.perturbed(batch)
    with torch.no_grad():
        found = method.perturbed(batch)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("build_one", [CrossGrad, CrossGradSeparate, Hybrid, RandomDirection])
def test_nets_that_share_parameters_are_refused(build_one: Callable[..., Method]) -> None:
    trunk = nn.Linear(6, 4)
    nets = [headed(trunk, input_shape=(6,), n_classes=n, hidden=(8,)) for n in (3, 2)]
    for pair in (nets, [nets[0], nets[0]]):
        with pytest.raises(SettingsError, match="label_net and domain_net have parameters in common"):
            build_one(*pair)


@pytest.mark.parametrize("mark", [UNLABELLED, -100])
@pytest.mark.parametrize("name", METHODS)
def test_a_domain_that_is_none_is_never_left_out_in_silence(name: str, mark: int) -> None:
    """Nor a label of -100, which torch itself leaves out of a loss."""
    method, batch = build(name), toy_batch()
    method.phase = method.N_PHASES - 1
    with pytest.raises(IndexError):
        method.backward(batch._replace(labels=torch.full_like(batch.labels, -100)))
    if name in ("crossgrad", "hybrid", "random", "dann"):
        with pytest.raises(IndexError):
            method.backward(batch._replace(domains=torch.full_like(batch.domains, mark)))


@every_variant
def test_perturbed_gives_the_inputs_that_the_next_backward_uses(name: str, fields: dict[str, Any]) -> None:
    # Dropout masks and a calibrated step's next value included.
    method = build_with_state(name, fields)
    batch = toy_batch()
    used: dict[str, list[Tensor]] = {"label_net": [], "domain_net": []}
    moved = method.perturbed(batch)
    for net, seen in used.items():
        if hasattr(method, net):
            getattr(method, net).trunk.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0]))
    method.backward(batch)

    def check(net: str, key: str) -> None:
        torch.testing.assert_close(used[net][-1], moved[key], rtol=1e-5, atol=1e-7)

    if not moved:
        assert len(used["label_net"]) == (2 if name == "repeat" else 1)
    elif fields.get("mixing") == "examples":
        for net, key in (("label_net", "domain_perturbed"), ("domain_net", "label_perturbed")):
            is_moved = (used[net][-1] != batch.inputs).flatten(1).any(1)
            assert 0 < is_moved.sum() < len(batch.inputs)
            torch.testing.assert_close(used[net][-1][is_moved], moved[key][is_moved], rtol=1e-5, atol=1e-7)
    elif isinstance(method, CrossGrad | CrossGradSeparate | Hybrid | RandomDirection):
        if method.label_weight > 0:
            place = -2 if isinstance(method, Hybrid) and method.design == "both" else -1  # its first moved pass
            torch.testing.assert_close(used["label_net"][place], moved["domain_perturbed"], rtol=1e-5, atol=1e-7)
        if not isinstance(method, CrossGradSeparate | RandomDirection) and method.domain_weight > 0:
            check("domain_net", "label_perturbed")
    elif fields.get("label_weight") != 0:
        check("label_net", "label_perturbed")


@every_variant
def test_the_reported_size_is_that_of_the_perturbation(name: str, fields: dict[str, Any]) -> None:
    method = build(name, **fields)
    batch = toy_batch()
    moved = method.perturbed(batch)
    results = method.backward(batch)
    if not moved or fields.get("label_weight") == 0:
        assert "perturbation_l2" not in results
        return
    key = "domain_perturbed" if "domain_perturbed" in moved else "label_perturbed"
    change = (moved[key] - batch.inputs).flatten(1)
    if isinstance(method, Hybrid) and method.design == "both":
        change = torch.cat([change, (moved["label_perturbed"] - batch.inputs).flatten(1)])
    assert results["perturbation_l2"].item() == pytest.approx(change.norm(dim=1).mean().item(), rel=1e-4)
    assert results["perturbation_linf"].item() == pytest.approx(change.abs().amax(1).mean().item(), rel=1e-4)
    assert results["input_l2"].item() == pytest.approx(batch.inputs.flatten(1).norm(dim=1).mean().item(), rel=1e-4)


@pytest.mark.parametrize(("name", "fields"), [*variants(), *EXTREMES])
def test_a_step_takes_as_many_passes_as_it_says(name: str, fields: dict[str, Any]) -> None:
    method = build(name, **fields)
    counted = {"forward": 0, "backward": 0}

    def count(module: nn.Module, inputs: Any, output: Tensor) -> None:
        counted["forward"] += 1
        if output.requires_grad:
            output.register_hook(lambda _: counted.update(backward=counted["backward"] + 1))

    for net in ("label_net", "domain_net"):
        if hasattr(method, net):
            getattr(method, net).trunk.register_forward_hook(count)
    for phase in range(method.N_PHASES):
        method.phase = phase
        method.backward(toy_batch())
    expected = (counted["forward"] + 2 * counted["backward"]) / 3 / method.N_PHASES
    assert method.passes == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "fields", "partly_labelled"),
    [
        (name, fields, partly_labelled)
        for name, fields in MOVERS
        for partly_labelled in (False, True)
        if METHODS[name].TAKES_UNLABELLED or not partly_labelled
    ],
)
def test_gradients_are_those_of_the_weighed_losses_at_the_inputs_that_were_used(
    name: str, fields: dict[str, Any], partly_labelled: bool
) -> None:
    weights = {"label_net": 0.3, "domain_net": 0.6}
    method = build(name, dtype=torch.float64, label_weight=weights["label_net"], **fields)
    if hasattr(method, "domain_weight"):
        method.domain_weight = weights["domain_net"]
    batch = toy_batch(dtype=torch.float64)
    if partly_labelled:
        batch = batch._replace(labels=torch.where(torch.arange(12) % 3 == 1, UNLABELLED, batch.labels))
    used: dict[str, list[Tensor]] = {}

    def note(net: str) -> Callable[..., None]:
        return lambda _, inputs: used.setdefault(net, []).append(inputs[0].detach().clone())

    hooks = [getattr(method, net).trunk.register_forward_pre_hook(note(net)) for net in weights if hasattr(method, net)]
    results = method.backward(batch)
    for hook in hooks:
        hook.remove()

    for net, classes in (("label_net", batch.labels), ("domain_net", batch.domains)):
        if net == "domain_net" and not hasattr(method, "domain_weight"):
            continue
        has_class = classes != UNLABELLED
        clean, *moved = (
            nn.functional.cross_entropy(getattr(method, net)(inputs[has_class]), classes[has_class])
            for inputs in used[net]
        )
        perturbed = torch.stack(moved).mean()
        kind = net.removesuffix("_net")
        torch.testing.assert_close([results[f"{kind}_loss"], results[f"perturbed_{kind}_loss"]], [clean, perturbed])
        objective = (1 - weights[net]) * clean + weights[net] * perturbed
        parameters = list(getattr(method, net).parameters())
        expected = torch.autograd.grad(objective, parameters)
        torch.testing.assert_close([p.grad for p in parameters], list(expected), rtol=1e-10, atol=1e-14)


@every_variant
def test_forward_gives_label_logits_and_no_gradient_to_anything(name: str, fields: dict[str, Any]) -> None:
    method = build(name, **fields)
    with torch.no_grad():
        logits = method(toy_batch(7).inputs)
    assert logits.shape == (7, N_LABELS)
    assert all(p.grad is None for p in method.parameters())


@pytest.mark.parametrize("name", METHODS)
def test_a_batch_of_one_example_works(name: str) -> None:
    method = build(name)
    for phase in range(method.N_PHASES):
        method.phase = phase
        method.backward(toy_batch(1))
    assert all(p.grad.isfinite().all() for p in method.parameters())
