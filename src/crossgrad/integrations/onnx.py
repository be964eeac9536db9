"""A model as an ONNX graph, which onnxruntime runs wherever it runs."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from crossgrad._types import Inputs, Logits
from crossgrad.errors import ModelError, SettingsError
from crossgrad.extras import how_to_get
from crossgrad.integrations.graph import (
    BATCH,
    DESCRIPTION,
    INPUTS,
    PROBABILITIES,
    ProbabilityGraph,
    Run,
    describe,
    sample_inputs,
    traced,
)
from crossgrad.model import Model

MOST_BYTES = 2**31 - 1
"""Of a protocol buffer. A larger ONNX model needs files beside it."""


def check_onnx() -> None:
    """Refuse, before the work, where ONNX cannot be written or tried.

    Raises:
        SettingsError: says what to install.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise SettingsError(f"{error.name} is not installed: {how_to_get('onnx')}") from error


def onnx_bytes(model: Model) -> bytes:
    """The model as the content of an .onnx file.

    The graph takes "inputs", float32 (batch, *input_shape), and gives "probabilities", float32 (batch, n_labels). Its
    property "crossgrad" holds the JSON of `describe`.

    Raises:
        SettingsError: the extra `onnx` is not installed.
        ModelError: it is larger than one file can be.

    Reference:
        Open Neural Network Exchange, https://onnx.ai; the operators are those of PyTorch's own exporter.
    """
    check_onnx()
    recorded = traced(ProbabilityGraph(model), sample_inputs(model, 2))
    if sum(value.nbytes for value in recorded.state_dict.values()) > MOST_BYTES:
        raise ModelError("an ONNX file holds 2 GB at most, and the model's weights take more; give a .pt2 file")
    with _quiet():
        program: Any = torch.onnx.export(
            recorded,
            dynamo=True,
            input_names=[INPUTS],
            output_names=[PROBABILITIES],
            dynamic_shapes=({0: BATCH},),
            verbose=False,
        )
    program.model.metadata_props[DESCRIPTION] = json.dumps(describe(model))
    content: bytes = program.model_proto.SerializeToString()
    return content


def open_onnx(content: bytes) -> Run:
    """What gives probabilities by the content of an .onnx file: onnxruntime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(inputs: Inputs) -> Logits:
        (found,) = session.run([PROBABILITIES], {INPUTS: inputs.numpy()})
        return torch.from_numpy(found)

    return run


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what PyTorch's exporter says of itself: its own deprecated calls, and that torchvision is absent."""
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        registration.setLevel(level)
