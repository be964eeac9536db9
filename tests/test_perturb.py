"""Perturbations for any gradient that hypothesis can think of, and steps read from anything."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor, nn

from crossgrad import Batch, CrossGrad
from crossgrad.errors import CrossGradError, SettingsError
from crossgrad.perturb import Norm, Step, check_shaping, example_norms, input_gradient, shape_gradient

VALUES = {
    32: st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False),
    64: st.floats(-1e300, 1e300, allow_subnormal=False),
}


@st.composite
def gradients(draw: st.DrawFn) -> Tensor:
    """Batches of any shape, in float32 and float64, with zeros and with values whose squares cannot be held."""
    width = draw(st.sampled_from(sorted(VALUES)))
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=4, max_side=5))
    dtype = {32: np.float32, 64: np.float64}[width]
    return torch.from_numpy(draw(hnp.arrays(dtype, shape, elements=VALUES[width])))


@given(gradients(), st.sampled_from(["l2", "linf"]))
@example(torch.full((2, 3), 1e-30), "l2")
@example(torch.full((2, 3), 1e30), "l2")
def test_normalised_examples_have_unit_norm_and_their_direction_and_zeros_stay_zero(
    gradient: Tensor, norm: Norm
) -> None:
    shaped = shape_gradient(gradient, norm=norm)
    is_zero = (gradient == 0).flatten(1).all(1)
    lengths = example_norms(shaped, norm)
    torch.testing.assert_close(lengths, (~is_zero).to(lengths), rtol=1e-5, atol=0)
    assert shaped.dtype == gradient.dtype
    assert (shaped * gradient.sign() >= 0).all()


@given(gradients())
def test_sign_is_the_sign(gradient: Tensor) -> None:
    torch.testing.assert_close(shape_gradient(gradient, norm="sign"), torch.sign(gradient), rtol=0, atol=0)


@given(gradients(), st.floats(1e-3, 1e3))
def test_clip_bounds_every_value_and_changes_none_within(gradient: Tensor, clip: float) -> None:
    shaped = shape_gradient(gradient, clip=clip)
    assert (shaped.abs() <= torch.tensor(clip, dtype=gradient.dtype)).all()
    inside = gradient.abs() < clip
    torch.testing.assert_close(shaped[inside], gradient[inside], rtol=0, atol=0)
    torch.testing.assert_close(shaped.sign(), gradient.sign(), rtol=0, atol=0)


@given(gradients(), st.sampled_from(["none", "l2", "linf", "sign"]), st.none() | st.floats(1e-3, 1e3))
def test_shaping_leaves_its_argument_alone_and_treats_examples_apart(
    gradient: Tensor, norm: Norm, clip: float | None
) -> None:
    copy = gradient.clone()
    shaped = shape_gradient(gradient, clip=clip, norm=norm)
    torch.testing.assert_close(gradient, copy, rtol=0, atol=0)
    for i in range(len(gradient)):
        alone = shape_gradient(gradient[i : i + 1], clip=clip, norm=norm)
        torch.testing.assert_close(shaped[i : i + 1], alone, rtol=1e-6, atol=0)


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=4, max_side=5), elements=st.floats(-1e6, 1e6)))
def test_norms_are_numpys_over_all_but_the_first_dimension(array: np.ndarray) -> None:
    rows = array.reshape(len(array), -1)
    for norm, order in (("l2", 2), ("linf", np.inf)):
        expected = torch.from_numpy(np.linalg.norm(rows, ord=order, axis=1))
        torch.testing.assert_close(example_norms(torch.from_numpy(array), norm), expected, rtol=1e-12, atol=1e-100)


def test_input_gradient_is_of_each_examples_own_loss_or_of_the_mean() -> None:
    inputs = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    own = input_gradient(lambda x: x.square().sum(1), inputs)
    mean = input_gradient(lambda x: x.square().sum(1), inputs, reduction="mean")
    torch.testing.assert_close(own, 2 * inputs)
    torch.testing.assert_close(mean, inputs)


def test_a_loss_that_is_a_mean_already_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one loss an example, \(2,\), not a tensor of shape \(\)"):
        input_gradient(lambda x: x.square().sum(1).mean(), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))


def test_an_input_gradient_can_be_had_where_gradients_are_turned_off() -> None:
    with torch.no_grad():
        gradient = input_gradient(lambda x: x.square().sum(1), torch.tensor([[1.0, 2.0]]))
    assert gradient.tolist() == [[2.0, 4.0]]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("first", [True, False])
def test_a_batch_without_a_finite_gradient_leaves_a_calibrated_step_as_it_was(bad: float, first: bool) -> None:
    step, expected = Step(calibrated=0.1), Step(calibrated=0.1)
    good, wrong = torch.tensor([[0.0, 4.0], [2.0, 0.0]]), torch.tensor([[0.0, bad], [2.0, 0.0]])
    for gradient in (wrong, good) if first else (good, wrong, good):
        step.observe(gradient)
    for gradient in (good,) if first else (good, good):
        expected.observe(gradient)
    assert torch.equal(step(good), expected(good))


@pytest.mark.parametrize("requires_grad", [False, True])
def test_input_gradient_touches_neither_parameters_nor_inputs(requires_grad: bool) -> None:
    net = nn.Linear(2, 1)
    inputs = torch.randn(3, 2, requires_grad=requires_grad)
    gradient = input_gradient(lambda x: net(x).square().sum(1), inputs)
    assert gradient.shape == inputs.shape
    assert not gradient.requires_grad
    assert inputs.requires_grad is requires_grad
    assert inputs.grad is None
    assert all(p.grad is None and p.requires_grad for p in net.parameters())


@given(st.floats(0, 1e6), gradients())
def test_a_fixed_step_is_a_factor_and_observes_nothing(size: float, gradient: Tensor) -> None:
    step = Step(size)
    step.observe(gradient)
    assert not step.state_dict()
    torch.testing.assert_close(step(gradient), size * gradient, rtol=0, atol=0)
    alike = Step.parse(step)
    assert alike is not step
    assert (alike.size, alike.is_calibrated) == (size, False)


@given(gradients(), st.floats(0.001, 10))
@example(torch.full((2, 3), 1e-37), 10.0)
def test_a_calibrated_step_gives_its_first_batch_the_wanted_mean_size(gradient: Tensor, size: float) -> None:
    step = Step(calibrated=size).to(gradient.dtype)
    before = step(gradient)
    step.observe(gradient)
    wanted = size if (gradient != 0).any() else 0.0
    for perturbation in (before, step(gradient)):
        assert example_norms(perturbation, "linf").mean().item() == pytest.approx(wanted, rel=1e-3)


def test_a_calibrated_step_moves_nothing_where_no_gradient_was_ever_seen() -> None:
    step = Step(calibrated=0.1)
    step.observe(torch.zeros(4, 3))
    torch.testing.assert_close(step(torch.ones(4, 3)), torch.zeros(4, 3))


def test_calling_a_calibrated_step_observes_nothing() -> None:
    step = Step(calibrated=0.1)
    step.observe(torch.ones(2, 3))
    before = {name: value.clone() for name, value in step.state_dict().items()}
    step(torch.full((2, 3), 9.0))
    torch.testing.assert_close(dict(step.state_dict()), before, rtol=0, atol=0)


def test_a_calibrated_step_goes_on_from_its_state_dict() -> None:
    step, other = Step(calibrated=0.1), Step(calibrated=0.1)
    for i in range(5):
        step.observe(torch.full((2, 3), 1.0 + i))
    other.load_state_dict(step.state_dict())
    torch.testing.assert_close(other(torch.ones(2, 3)), step(torch.ones(2, 3)), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_calibrated_step_in_a_module_of_half_precision_follows_the_gradients(dtype: torch.dtype) -> None:
    step = Step(calibrated=0.1)
    step.observe(torch.full((8, 3), 1.3))
    exact = step.running.clone()
    module = nn.Sequential(step).to(dtype)
    assert torch.equal(step.running, exact)
    for value in (1.0, 1.15, 1e-5):
        for _ in range(2000):
            step.observe(torch.full((8, 3), value, dtype=dtype))
        assert step.running.item() == pytest.approx(value, rel=0.02)
    moved = step(torch.full((8, 3), 1e-5, dtype=dtype))
    assert moved.dtype == dtype
    torch.testing.assert_close(moved, torch.full_like(moved, 0.1), rtol=0.02, atol=0)
    # A checkpoint of before, whose mean is of the module's own type.
    state = {name: value.to(dtype) if value.is_floating_point() else value for name, value in step.state_dict().items()}
    other = nn.Sequential(Step(calibrated=0.1)).to(dtype)
    other.load_state_dict({f"0.{name}": value for name, value in state.items()})
    assert [value.dtype for value in other.state_dict().values()] == [torch.float32, torch.int64]
    assert other[0].running.item() == pytest.approx(1e-5, rel=0.02)
    assert module.double()[0].running.dtype == torch.float64


def test_a_calibrated_step_takes_means_that_half_precision_does_not_hold() -> None:
    step = Step(calibrated=0.1).half()
    large = torch.zeros(8, 3, dtype=torch.float16)
    large[:4] = 6e4  # their sum is infinite in half precision
    step.observe(large, n=4)
    assert step.running.item() == pytest.approx(6e4, rel=0.01)
    step = Step(calibrated=0.1).half()
    rare = torch.zeros(64, 3, dtype=torch.float16)
    rare[0] = 2.0**-24  # its mean over the batch is zero in half precision
    step.observe(rare)
    torch.testing.assert_close(step(rare)[0], torch.full((3,), 6.4, dtype=torch.float16), rtol=0.01, atol=0)


def test_gradients_that_return_after_none_move_inputs_a_hundred_times_as_far_at_most() -> None:
    step = Step(calibrated=0.1)
    for value in [1.0] * 500 + [0.0] * 3000:
        step.observe(torch.full((8, 3), value))
    returned = torch.ones(8, 3)
    step.observe(returned)
    torch.testing.assert_close(step(returned), torch.full((8, 3), 0.1 / Step.SHARE), rtol=1e-3, atol=0)


@given(st.floats(0, allow_infinity=False) | st.integers(0, 10**300))
def test_numbers_and_their_texts_parse_to_the_same_step(size: float) -> None:
    for value in (size, str(size), f" {size} "):
        step = Step.parse(value)
        assert (step.size, step.is_calibrated) == (float(size), False)
    step = Step.parse(f"calibrated:{size}")
    assert (step.size, step.is_calibrated) == (float(size), True)


@given(st.text() | st.none() | st.lists(st.floats()) | st.integers() | st.floats() | st.from_regex("calibrated.*"))
@example(":0.3")
@example("calibrated:")
@example("calibrated:calibrated:1")
@example("calibrated:-1")
@example(10**400)
@example(-1)
@example(math.nan)
@example("inf")
def test_whatever_is_parsed_gives_a_usable_step_or_a_message_of_ours(value: object) -> None:
    message = "a step is a "
    try:
        size = Step.parse(value).size
    except SettingsError as error:
        size, message = 0.0, str(error)
    assert 0 <= size < math.inf
    assert message.startswith("a step is a ")


@pytest.mark.parametrize("value", [":0.3", "0.3:0.1", "calibrated:", "calibrated", "Calibrated:0.1", None, [1.0], ""])
def test_what_is_no_step_is_quoted(value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        Step.parse(value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("value", ["-0.5", "nan", "inf", -0.5, math.inf, "calibrated:-0.5", "calibrated:nan"])
def test_steps_out_of_range_are_quoted(value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        Step.parse(value)
    assert repr(float(str(value).removeprefix("calibrated:"))) in str(caught.value)


def test_a_step_is_a_factor_or_calibrated_and_not_both() -> None:
    for given_values in ({}, {"size": 0.1, "calibrated": 0.2}):
        with pytest.raises(SettingsError, match="one of the two"):
            Step(**given_values)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"clip": 0.0}, "clip is a finite number > 0 or none, not 0.0"),
        ({"clip": math.inf}, "not inf"),
        ({"norm": "l3"}, "norm is one of none, l2, linf, sign, not 'l3'"),
        ({"reduction": "sum"}, "reduction is one of example, mean, not 'sum'"),
    ],
)
def test_unknown_shapings_are_named_with_what_is_known(fields: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        check_shaping(**{"clip": None, "norm": "none", "reduction": "example", **fields})
    assert isinstance(caught.value, CrossGradError)
    assert isinstance(caught.value, ValueError)


def test_annotations_of_shapes_are_checked_in_this_run() -> None:
    with pytest.raises(TypeError, match=r"batch"):
        example_norms(torch.zeros(3, dtype=torch.int64), "l2")


def test_one_step_given_twice_is_two_running_means() -> None:
    step = Step(calibrated=0.1)
    method = CrossGrad(nn.Linear(3, 2), nn.Linear(3, 2), domain_gradient_step=step, label_gradient_step=step)
    method.backward(Batch(torch.randn(8, 3), torch.arange(8) % 2, torch.arange(8) % 2))
    assert {int(each.observed) for each in (method.domain_gradient_step, method.label_gradient_step)} == {1}
    assert int(step.observed) == 0
    assert Step.parse(Step(0.3)).size == 0.3
