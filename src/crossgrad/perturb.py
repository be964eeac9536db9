"""How inputs are moved along the gradient of a loss: pure functions, and the step that may calibrate itself.

All functions work per example: the first dimension is the batch, norms run over all others.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from crossgrad.errors import SettingsError
from crossgrad.processes import ALONE, Processes

Norm = Literal["none", "l2", "linf", "sign"]
"""What an input gradient is scaled to before the step: nothing, unit L2, unit L-infinity, or its sign."""

Reduction = Literal["example", "mean"]
"""Which loss is differentiated: each example's own, or the batch's mean (which shrinks as 1 / batch)."""


def input_gradient(
    losses_of: Callable[[Tensor], Float[Tensor, " batch"]],
    inputs: Float[Tensor, "batch *shape"],
    *,
    reduction: Reduction = "example",
) -> Float[Tensor, "batch *shape"]:
    """Gradient of a loss with respect to the inputs, at the current parameters.

    No parameter's `.grad` is touched, and neither is `inputs`.

    Args:
        losses_of: from inputs to one loss an example.
        inputs: floating point, shape (batch, *shape).
        reduction: "example" gives each example the gradient of its own loss; "mean" that of the batch's mean
            loss, smaller by a factor of batch.

    Raises:
        ValueError: `losses_of` gives a mean, or anything else than one loss an example.

    Example:
        >>> input_gradient(lambda x: x.square().sum(1), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([[2., 4.],
                [6., 8.]])
    """
    moved = inputs.detach().requires_grad_()
    with torch.enable_grad():
        losses = losses_of(moved)
        if losses.shape != (len(inputs),):
            raise ValueError(
                f"losses_of gives one loss an example, ({len(inputs)},), not a tensor of shape {tuple(losses.shape)}; "
                'torch\'s losses do with reduction="none"'
            )
        (gradient,) = torch.autograd.grad(losses.sum(), moved)
    return gradient if reduction == "example" else gradient / len(losses)


def shape_gradient(
    gradient: Float[Tensor, "batch *shape"], *, clip: float | None = None, norm: Norm = "none"
) -> Float[Tensor, "batch *shape"]:
    """Clip a gradient value by value to [-clip, clip], then scale each example's to unit norm.

    A zero gradient stays zero.

    Example:
        >>> gradient = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
        >>> shape_gradient(gradient, norm="l2")
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
        >>> shape_gradient(gradient, clip=3.5)
        tensor([[3.0000, 3.5000],
                [0.0000, 0.0000]])
    """
    if clip is not None:
        gradient = gradient.clamp(-clip, clip)
    if norm == "none":
        return gradient
    if norm == "sign":
        return gradient.sign()
    # By the largest value first: squares of a vanishing gradient would be zero, and those of a huge one infinite.
    gradient = _divided(gradient, by=example_norms(gradient, "linf"))
    return gradient if norm == "linf" else _divided(gradient, by=example_norms(gradient, "l2"))


def _divided(gradient: Float[Tensor, "batch *shape"], *, by: Float[Tensor, " batch"]) -> Float[Tensor, "batch *shape"]:
    """Each example by its own number; by nothing where that is zero."""
    divisor = torch.where(by > 0, by, 1.0)
    return gradient / divisor.reshape(-1, *[1] * (gradient.ndim - 1))


def example_norms(tensor: Float[Tensor, "batch *shape"], norm: Literal["l2", "linf"]) -> Float[Tensor, " batch"]:
    """L2 or L-infinity norm of each example.

    Example:
        >>> example_norms(torch.tensor([[[3.0, -4.0]], [[0.0, 1.0]]]), "l2")
        tensor([5., 1.])
        >>> example_norms(torch.tensor([[[3.0, -4.0]], [[0.0, 1.0]]]), "linf")
        tensor([4., 1.])
    """
    rows = tensor.flatten(1)
    norms: Tensor = torch.linalg.vector_norm(rows, ord=2 if norm == "l2" else torch.inf, dim=1)
    return norms


def mean_over(values: Float[Tensor, " batch"], n: float) -> Float[Tensor, ""]:
    """Mean of the n values that count, where the others are zero; 0 where none counts.

    Example:
        >>> mean_over(torch.tensor([3.0, 0.0, 1.0]), 2)
        tensor(2.)
    """
    # Where all count, the bits that torch's own mean gives.
    return values.mean() if n == len(values) > 0 else values.sum() / (n or 1)


class Step(nn.Module):
    """How far inputs are moved along their (shaped) gradient: a factor, or a size that is held.

    A fixed factor is the paper's epsilon. A calibrated step divides by a running mean of the gradients'
    L-infinity norms, so that perturbations have about that mean size in input units whatever the loss, the net and
    the batch size: the paper chose its "ranges so that L-infinity norms of the perturbations are of similar sizes"
    (section 4) without saying how. The mean looks back over the last fifth of the steps, later over the last hundred:
    while gradients grow, early in training, the size is above what is wanted, while they fall below it. Where
    gradients return after many steps without any, it is up to 1 / SHARE, a hundred times, what is wanted at first.

    The mean is of float32 at least, whatever the module is cast to: in bfloat16 a hundredth would round to nothing.

    Args:
        size: factor on the gradient, >= 0; 0 moves nothing.
        calibrated: mean L-infinity norm of the perturbation, in input units, >= 0. Give one of the two.

    Raises:
        SettingsError: both or neither are given, or the value is negative or not finite.

    Example:
        >>> step = Step(calibrated=0.1)
        >>> gradient = torch.tensor([[0.0, 4.0], [2.0, 0.0]])
        >>> step.observe(gradient)
        >>> step(gradient)  # the mean L-infinity norm was 3, is 0.1
        tensor([[0.0000, 0.1333],
                [0.0667, 0.0000]])
    """

    SHARE = 0.01  # of the newest batch in the running mean, later on: about the last hundred batches count
    YOUNG = 5  # early on the newest of n batches has a share of about YOUNG / n: gradients change fast then

    running: Tensor
    observed: Tensor

    def __init__(self, size: float | None = None, *, calibrated: float | None = None) -> None:
        super().__init__()
        given = size if calibrated is None else calibrated
        if (size is None) == (calibrated is None) or given is None:
            raise SettingsError(f"give size or calibrated, one of the two; got {size!r} and {calibrated!r}")
        if not 0 <= given < float("inf"):
            raise SettingsError(f"a step is a finite number >= 0, not {given!r}")
        self.size = given
        self.is_calibrated = calibrated is not None
        if self.is_calibrated:
            self.register_buffer("running", torch.zeros(()))
            self.register_buffer("observed", torch.zeros((), dtype=torch.int64))

    @classmethod
    def parse(cls, value: Any) -> "Step":
        """Read a step from a number, from "calibrated:0.1", or from a step: one like it, whose running mean is its own.

        Raises:
            SettingsError: it is none of these.

        Example:
            >>> Step.parse("calibrated:0.1")
            Step(calibrated=0.1)
            >>> Step.parse(0.3)
            Step(0.3)
        """
        if isinstance(value, Step):
            return cls(calibrated=value.size) if value.is_calibrated else cls(value.size)
        calibrated, colon, number = value.rpartition(":") if isinstance(value, str) else ("", "", value)
        try:
            if calibrated != ("calibrated" if colon else ""):
                raise ValueError
            size = float(number)
        except (TypeError, ValueError, OverflowError) as error:
            raise SettingsError(f'a step is a number or "calibrated:NUMBER", not {value!r}') from error
        return cls(calibrated=size) if calibrated else cls(size)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Step":
        before = self.running if self.is_calibrated else None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if before is not None and self.running.dtype in (torch.bfloat16, torch.float16):
            self.running = before.to(self.running.device)
        return self

    @torch.no_grad()
    def observe(
        self, gradient: Float[Tensor, "batch *shape"], *, n: float | None = None, processes: Processes = ALONE
    ) -> None:
        """Take a training batch's gradient into the running mean; nothing where the factor is fixed.

        Args:
            gradient: of this process's examples.
            n: examples that the mean is over, where the others have no gradient; None: all.
            processes: the mean is over the examples of all of them, and all call this.
        """
        if self.is_calibrated:
            n = len(gradient) if n is None else n
            mean = mean_over(example_norms(gradient, "linf").to(self.running), n)
            if processes.size > 1:
                total, of_all = processes.sum(torch.stack([mean * n, torch.full_like(mean, n)]))
                mean, n = total / of_all, float(of_all)
            if n == 0:
                return
            # A batch that has no finite mean says nothing; in the running mean it would turn the step off for good.
            finite = mean.isfinite()
            self.observed += finite
            share = (self.YOUNG / (self.observed.to(self.running) + self.YOUNG - 1)).clamp(min=self.SHARE)
            self.running.lerp_(torch.where(finite, mean, self.running), share)

    def forward(self, gradient: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch *shape"]:
        """Perturbation for a gradient; a calibrated step that has observed nothing goes by this one."""
        if not self.is_calibrated:
            return self.size * gradient
        mean = self.running if self.observed > 0 else example_norms(gradient, "linf").mean()
        # A loss that no input can change has zero gradients; there is no direction to hold a size in.
        divisor = torch.where(mean > 0, mean, torch.inf)
        precise = gradient.to(torch.promote_types(gradient.dtype, divisor.dtype))  # half has no small means
        return (self.size * (precise / divisor)).to(gradient.dtype)

    def extra_repr(self) -> str:
        return f"calibrated={self.size}" if self.is_calibrated else f"{self.size}"


def perturbation(
    gradient: Float[Tensor, "batch *shape"],
    step: Step,
    *,
    clip: float | None,
    norm: Norm,
    reduction: Reduction,
    n: float | None = None,
    processes: Processes = ALONE,
) -> Float[Tensor, "batch *shape"]:
    """From the gradient of each example's own loss to what is added to the inputs in a training step; a constant.

    Args:
        gradient: of this process's examples.
        step: observes it, where it is calibrated.
        clip: bound on each value.
        norm: what each example's is scaled to.
        reduction: "mean" divides by the examples of the whole batch.
        n: of this process's examples those that have a loss, as `methods.base.n_labelled` counts them; None: all.
        processes: whose examples are the whole batch; all call this.

    Example:
        >>> gradient = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
        >>> perturbation(gradient, Step(0.5), clip=None, norm="none", reduction="mean")
        tensor([[0.7500, 1.0000],
                [0.0000, 0.0000]])
    """
    if reduction == "mean":
        divisor = len(gradient) if n is None else n
        if processes.size > 1:
            divisor = round(float(processes.sum(torch.tensor(divisor, dtype=torch.float64))))
        gradient = gradient / (divisor or 1)
    gradient = shape_gradient(gradient, clip=clip, norm=norm)
    step.observe(gradient, n=n, processes=processes)
    moved: Tensor = step(gradient)
    return moved


def check_shaping(*, clip: float | None, norm: str, reduction: str) -> None:
    """Refuse values of clip, norm and reduction that `shape_gradient` and `input_gradient` do not know.

    Raises:
        SettingsError: names the field, what came, and what may come.
    """
    if clip is not None and not 0 < clip < float("inf"):
        raise SettingsError(f"clip is a finite number > 0 or none, not {clip!r}")
    for name, value, known in (("norm", norm, get_args(Norm)), ("reduction", reduction, get_args(Reduction))):
        if value not in known:
            raise SettingsError(f"{name} is one of {', '.join(known)}, not {value!r}")
