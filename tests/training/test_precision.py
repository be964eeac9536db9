from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from crossgrad import Batch, train
from crossgrad.building import build_method
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.errors import SettingsError
from crossgrad.methods import ERM, METHODS, Method
from crossgrad.nets import InputConv2d
from crossgrad.training import fit
from crossgrad.training.precision import autocast
from small import images, vectors

CPU = torch.device("cpu")
ROUNDING = 2.0**-8
"""Of bfloat16: half the distance of two neighbours, relative."""
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in METHODS},
    "crossgrad with g": ("crossgrad", {"condition": True, "gradient_through_features": True}),
    "crossgrad calibrated": (
        "crossgrad",
        {"domain_gradient_step": "calibrated:0.1", "label_gradient_step": "calibrated:0.1"},
    ),
    "crossgrad without a clean loss": ("crossgrad", {"label_weight": 1.0, "domain_weight": 1.0}),
}


def build(variant: str, net: str = "lenet") -> Method:
    name, fields = VARIANTS[variant]
    return build_method(name, net=net, input_shape=(1, 8, 8), n_labels=3, n_domains=4, fields=fields, seed=0)


def batch() -> Batch:
    data = images(48)
    return Batch(data.inputs, data.labels, data.domains)


def gradients(variant: str, precision: str, phase: int) -> tuple[dict[str, Tensor | None], dict[str, Tensor]]:
    torch.manual_seed(0)
    method = build(variant)
    method.phase = phase
    with autocast(CPU, precision):
        results = method.backward(batch())
    return {name: parameter.grad for name, parameter in method.named_parameters()}, results


@pytest.mark.parametrize(
    ("variant", "phase"),
    [(variant, phase) for variant in VARIANTS for phase in range(METHODS[VARIANTS[variant][0]].N_PHASES)],
)
def test_every_methods_gradients_and_losses_in_bf16_are_float32_and_those_of_float32_but_for_rounding(
    variant: str, phase: int
) -> None:
    exact, exact_results = gradients(variant, "float32", phase)
    rounded, results = gradients(variant, "bf16", phase)
    assert {name for name, gradient in rounded.items() if gradient is None} == {
        name for name, gradient in exact.items() if gradient is None
    }
    for name, gradient in exact.items():
        other = rounded[name]
        if gradient is not None and other is not None:
            assert other.dtype is torch.float32
            # Terms of untrained nets cancel and leave their rounding; one that was missing would leave its own size.
            assert (other - gradient).norm() <= 0.4 * gradient.norm(), name
    assert any(
        gradient is not None and not torch.equal(gradient, rounded[name])  # type: ignore[arg-type]
        for name, gradient in exact.items()
    )
    for name, value in results.items():
        assert value.dtype is torch.float32, name
        if not name.endswith("accuracy"):
            torch.testing.assert_close(value, exact_results[name], rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_method_trains_in_bf16_as_in_float32_and_keeps_float32_weights(variant: str) -> None:
    last = {}
    for precision in ("float32", "bf16"):
        method = build(variant, net="mlp")
        optimizer = torch.optim.Adam(method.parameters(), lr=0.003)
        options = {"max_steps": 40, "batch_size": 32, "seed": 0, "precision": precision}
        last[precision] = fit(method, images(96), optimizer=optimizer, **options).last["label_loss"]
        assert {value.dtype for value in method.state_dict().values() if value.is_floating_point()} == {torch.float32}
    assert last["bf16"] == pytest.approx(last["float32"], abs=0.2)
    assert last["bf16"] != last["float32"]


def test_input_gradients_and_the_perturbations_size_stay_within_bfloat16s_precision() -> None:
    found = {}
    for precision in ("float32", "bf16"):
        method = build("crossgrad")
        with autocast(CPU, precision):
            moved = method.perturbed(batch())["domain_perturbed"]
        assert moved.dtype is torch.float32
        found[precision] = (moved - batch().inputs).flatten(1).norm(dim=1).mean()
    torch.testing.assert_close(found["bf16"], found["float32"], rtol=4 * ROUNDING, atol=0.0)
    assert not torch.equal(found["bf16"], found["float32"])


@pytest.mark.parametrize("wants_inputs", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_the_input_convolution_under_autocast_is_conv2d_under_autocast(wants_inputs: bool, bias: bool) -> None:
    conv = InputConv2d(1, 4, 3, padding=1, bias=bias)
    inputs = torch.rand(5, 1, 8, 8)
    found = []
    for forward in (conv, conv.conv):
        leaf = inputs.clone().requires_grad_(wants_inputs)
        conv.zero_grad()
        with autocast(CPU, "bf16"):
            output = forward(leaf)
            assert output.dtype is torch.bfloat16
            output.float().square().sum().backward()
        found.append([output.float(), *(p.grad for p in conv.parameters()), *([leaf.grad] if wants_inputs else [])])
    for ours, torchs in zip(*found, strict=True):
        assert ours.dtype is torch.float32
        assert (ours - torchs).norm() <= 4 * ROUNDING * torchs.norm()


def test_a_pass_without_gradients_takes_none_from_the_next() -> None:
    net = nn.Linear(3, 2)
    with autocast(CPU, "bf16"):
        with torch.no_grad():
            net(torch.ones(1, 3))
        net(torch.ones(1, 3)).float().sum().backward()
    assert net.weight.grad is not None


def test_fp16_is_refused_with_the_reason_and_other_names_with_the_choice() -> None:
    with pytest.raises(
        SettingsError, match=r"there is no precision 'fp16': its losses would have to be scaled up, .* 'bf16'"
    ):
        autocast(CPU, "fp16")
    with pytest.raises(SettingsError, match="precision is one of float32, bf16, not 'bf17'"):
        autocast(CPU, "bf17")


class Unreadable:
    input_shape, in_unit_range, fingerprint = (5,), False, "unreadable"

    def __len__(self) -> int:
        return 96

    def read(self, index: int) -> Any:
        raise AssertionError(index)


def test_fit_refuses_fp16_before_it_reads_a_batch() -> None:
    dataset = replace(vectors(), inputs=LazyInputs(Unreadable(), torch.arange(96)))
    method = ERM(nn.Linear(5, 3))
    optimizer = torch.optim.SGD(method.parameters(), lr=0.1)
    with pytest.raises(SettingsError, match="there is no precision 'fp16'"):
        fit(method, dataset, optimizer=optimizer, max_steps=1, batch_size=8, seed=0, precision="fp16")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_method_learns_on_a_cuda_device(variant: str, precision: str) -> None:
    data = images(96)
    method = build(variant).to("cuda")
    before = torch.get_rng_state(), torch.cuda.get_rng_state()
    optimizer = torch.optim.Adam(method.parameters(), lr=0.01)
    history = fit(method, data, optimizer=optimizer, max_steps=60, batch_size=32, seed=0, precision=precision)
    assert history.last["label_loss"] < history.first["label_loss"]
    assert torch.equal(before[0], torch.get_rng_state())
    assert torch.equal(before[1], torch.cuda.get_rng_state())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_model_trained_on_a_cuda_device_is_measured_there_and_given_back_on_the_cpu() -> None:
    model = train(images(96), method="crossgrad", domains=["attic", "barn"], max_steps=30, device="cuda", average=0.9)
    assert {value.device.type for value in model.method.state_dict().values()} == {"cpu"}
    assert model.card["settings"]["device"] == "cuda"
    assert model.card["in_domain"]["accuracy"] > 0.4
    assert model.predict(images(6).inputs).probabilities.shape == (6, 3)
