"""A training for TensorBoard: every logged value as a curve, and pictures of inputs and of how they are moved."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from crossgrad._types import Batch
from crossgrad.errors import SettingsError
from crossgrad.extras import how_to_get
from crossgrad.methods import Method
from crossgrad.training.stretch import Stretch

GROUPS = {"_loss": "loss", "_accuracy": "accuracy", "perturbation_": "size", "input_": "size"}
"""Values whose names end, or begin, like this are shown side by side; all others are of the training itself."""


def check_tensorboard(folder: Path, *, output: Path | None = None) -> None:
    """Refuse, before the work, a folder of event files that cannot be written, and any where there is no TensorBoard.

    Args:
        folder: made where there is none.
        output: folder of models or records, which is to hold nothing else.

    Raises:
        SettingsError: says what to install, or what is wrong with the folder.
    """
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise SettingsError(f"TensorBoard is not installed: {how_to_get('tracking')}") from error
    if output is not None and folder.resolve().is_relative_to(output.resolve()):
        raise SettingsError(f"{str(folder)!r} is in the output folder {str(output)!r}; give one outside it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(f"cannot write to {str(folder)!r}: {error.strerror}; give another folder") from error


class TensorBoard:
    """A watch that writes TensorBoard's event files.

    Losses, accuracies, sizes of perturbations, learning rate, examples a second and the share of waiting are curves.
    A few examples are drawn at the end of the first stretch, at half time and at the last step: as they are, and below
    that moved as the method moves them now, and what was added (grey is nothing, the brightest value the largest).
    Drawing changes nothing in the training: no gradient, no buffer, no generator.

    A training that is resumed gets a further file, which hides what the earlier one says of later steps.

    Args:
        folder: of this training's event files.
        method: that is trained.
        examples: to draw; inputs (n, channels, height, width) as the net gets them. Others are not drawn.
        n_steps: of the training, all phases together.

    Raises:
        SettingsError: TensorBoard is not installed, or the folder cannot be written to.
    """

    def __init__(self, folder: Path, *, method: Method, examples: Batch, n_steps: int) -> None:
        check_tensorboard(folder)
        self.folder = folder
        self._method, self._examples, self._n_steps = method, examples, n_steps
        self._step = self._drawn = 0
        self._writer: Any = None

    def __enter__(self) -> "TensorBoard":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is None:
            return
        if kind is None and self._drawn < self._step:  # ended early
            self._draw(self._step)
        self._writer.close()

    def __call__(self, stretch: Stretch) -> None:
        """Write a stretch down."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(self.folder, purge_step=stretch.start + 1)
        training = {
            "learning_rate": stretch.learning_rate,
            "examples_per_second": stretch.examples_per_second,
            "waiting_share": stretch.waiting_seconds / max(stretch.seconds, 1e-9),
        }
        for name, value in {**stretch.means, **training}.items():
            self._writer.add_scalar(f"{_group(name)}/{name}", value, stretch.step)
        for name, sentence in stretch.warnings.items():
            self._writer.add_text(f"warnings/{name}", sentence, stretch.step)
        if stretch.start < self._n_steps / 2 <= stretch.step or stretch.step == self._n_steps or not self._drawn:
            self._draw(stretch.step)
        self._step = stretch.step

    def _draw(self, step: int) -> None:
        self._drawn = step
        if self._examples.inputs.ndim != 4:
            return
        moved = self._method.perturbed(self._examples)
        inputs = self._examples.inputs
        rows = [_visible(inputs, like=inputs)]
        for each in moved.values():
            rows += [_visible(each, like=inputs), _contrasted(each - inputs)]
        self._writer.add_image("pictures/inputs_and_perturbations", grid(rows), step)


def _group(name: str) -> str:
    for part, group in GROUPS.items():
        if name.endswith(part) or name.startswith(part):
            return group
    return "training"


def _visible(inputs: Tensor, *, like: Tensor) -> Tensor:
    """Values in [0, 1]; by the range of clean inputs where that is another."""
    low, high = like.min(), like.max()
    if low < 0 or high > 1:
        inputs = (inputs - low) / (high - low)
    return inputs.clamp(0, 1)


def _contrasted(added: Tensor) -> Tensor:
    largest = added.abs().max()
    return 0.5 + added / (2 * torch.where(largest > 0, largest, 1.0))


def grid(rows: Sequence[Tensor]) -> Tensor:
    """Rows of pictures (n, channels, height, width) as one, (3 or 1, rows * height, n * width).

    Example:
        >>> grid([torch.zeros(4, 3, 8, 8), torch.ones(4, 3, 8, 8)]).shape
        torch.Size([3, 16, 32])
    """
    picture = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    return picture if len(picture) in (1, 3) else picture.mean(0, keepdim=True)
