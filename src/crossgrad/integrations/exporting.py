"""export(): a model as one file for where crossgrad is not, tried against the model before it is in place."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from crossgrad.data.naming import choices
from crossgrad.errors import ModelError, RecordError, SettingsError
from crossgrad.folders import write_whole
from crossgrad.integrations.graph import Run, sample_inputs
from crossgrad.integrations.onnx import check_onnx, onnx_bytes, open_onnx
from crossgrad.integrations.torch_export import open_pt2, pt2_bytes
from crossgrad.model import Model

TOLERANCE = 1e-5
"""Between a probability of the file and the model's own."""
BATCH_SIZES = (1, 2, 17)
"""A file is tried with batches of these sizes."""


class Format(NamedTuple):
    """A kind of file that a model leaves as."""

    runtime: str
    check: Callable[[], None]
    content: Callable[[Model], bytes]
    open: Callable[[bytes], Run]


FORMATS = {
    ".onnx": Format("onnxruntime", check_onnx, onnx_bytes, open_onnx),
    ".pt2": Format("torch.export", lambda: None, pt2_bytes, open_pt2),
}
"""By the ending of the file's name, which alone decides: a format said besides could contradict it."""


@dataclass(frozen=True)
class Exported:
    """A model as a file.

    Args:
        file: where it is.
        runtime: that was tried with it: "onnxruntime" or "torch.export".
        n_bytes: of the file.
        largest_difference: between a probability of the file and the model's own, over the batches that were tried.
    """

    file: Path
    runtime: str
    n_bytes: int
    largest_difference: float


def export(model: Model, file: Path | str, *, overwrite: bool = False) -> Exported:
    """Write a model as one file that runs without crossgrad: a graph from decoded inputs to probabilities.

    Scaling, and domain features where the label net takes them, are in the graph; names of labels, shape of inputs and
    decoding are in the file as JSON. Before it is moved into place, the file's probabilities are compared with the
    model's.

    Args:
        model: to be exported.
        file: to be written; .onnx for onnxruntime, .pt2 for torch.export.
        overwrite: replace a file that is there.

    Raises:
        SettingsError: another ending, something is there already, it cannot be written, or the extra `onnx` is not
            installed.
        ModelError: the file's probabilities are not the model's (nothing is left of it), or its net cannot be
            recorded as a graph.

    Example:
        >>> import tempfile
        >>> from crossgrad import open_dataset, train
        >>> model = train(open_dataset("digits"), method="erm", max_steps=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     exported = export(model, Path(folder) / "digits.onnx")
        >>> exported.runtime, exported.largest_difference < 1e-5
        ('onnxruntime', True)
    """
    file = Path(file)
    check_export(file, overwrite=overwrite)
    form = FORMATS[file.suffix.lower()]
    content = form.content(model)
    difference = _largest_difference(model, form.open(content))
    if not difference <= TOLERANCE:
        raise ModelError(
            f"{form.runtime} gives probabilities that differ from the model's by up to {difference:.2g}, more than "
            f"{TOLERANCE:g}; nothing was written. Does its net do the same for the same inputs?"
        )
    try:
        write_whole(file, content, overwrite=overwrite)
    except RecordError as error:
        raise SettingsError(str(error)) from error
    return Exported(file, form.runtime, len(content), difference)


def check_export(file: Path, *, overwrite: bool = False) -> None:
    """Refuse early, before a model is loaded, what `export` would refuse later.

    Raises:
        SettingsError: as `export`.

    Example:
        >>> check_export(Path("model.tflite"))
        Traceback (most recent call last):
        crossgrad.errors.SettingsError: no format for 'model.tflite'; there are '.onnx', '.pt2'
    """
    suffix = file.suffix.lower()
    if suffix not in FORMATS:
        raise SettingsError(f"no format for {str(file)!r}{choices(suffix, list(FORMATS))}")
    if file.is_dir():
        raise SettingsError(f"{str(file)!r} is a folder; give the name of a file")
    if file.exists() and not overwrite:
        raise SettingsError(f"{str(file)!r} is there already; give another name, or --overwrite to replace it")
    FORMATS[suffix].check()


def _largest_difference(model: Model, run: Run) -> float:
    """NaN where the file gives one."""
    differences = []
    for n in BATCH_SIZES:
        inputs = sample_inputs(model, n)
        differences.append((run(inputs) - torch.from_numpy(model.predict(inputs).probabilities)).abs().max())
    return float(torch.stack(differences).max())
