"""A model as an archive of torch.export, which PyTorch runs without crossgrad."""

import io
import json

import torch

from crossgrad._types import Inputs, Logits
from crossgrad.integrations.graph import DESCRIPTION, ProbabilityGraph, Run, describe, sample_inputs, traced
from crossgrad.model import Model


def pt2_bytes(model: Model) -> bytes:
    """The model as the content of a .pt2 file, in which nothing is pickled.

    `torch.export.load(file).module()` takes inputs, float32 (batch, *input_shape), and gives probabilities,
    float32 (batch, n_labels). The archive's extra file "crossgrad" holds the JSON of `describe`.

    PyTorch would pickle the inputs that it recorded the graph with, for `torch.export.load` to unpickle; they are left
    out. That is a property of this file, not of the reader: it unpickles what a file tells it to, and evaluates the
    sizes in it as Python. Load .pt2 files of known origin alone.

    Reference:
        PT2 Archive Spec, https://docs.pytorch.org/docs/stable/export/pt2_archive.html
    """
    program = traced(ProbabilityGraph(model), sample_inputs(model, 2))
    program.example_inputs = None
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={DESCRIPTION: json.dumps(describe(model))})
    return content.getvalue()


def open_pt2(content: bytes) -> Run:
    """What gives probabilities by the content of a .pt2 file that `pt2_bytes` made."""
    module = torch.export.load(io.BytesIO(content)).module()

    def run(inputs: Inputs) -> Logits:
        with torch.inference_mode():
            found: Logits = module(inputs)
        return found

    return run
