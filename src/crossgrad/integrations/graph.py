"""What leaves with a model, whatever the format: one graph from inputs to probabilities, and what is known of them."""

import copy
from collections.abc import Callable
from typing import Any, final

import torch
from torch import Tensor, nn

import crossgrad
from crossgrad._types import Inputs, Logits
from crossgrad.data import Standardisation
from crossgrad.errors import ModelError
from crossgrad.model import Model

INPUTS, PROBABILITIES, BATCH = "inputs", "probabilities", "batch"
"""Names in the graph: of what goes in, of what comes out, and of the dimension that may have any size."""

DESCRIPTION = "crossgrad"
"""Where a file keeps its description, as JSON: a property of an ONNX graph, a file in a .pt2 archive."""
DESCRIPTION_VERSION = 1

Run = Callable[[Inputs], Logits]
"""From inputs, float32 (batch, *input_shape), to probabilities, float32 (batch, n_labels), on the CPU."""


@final
class ProbabilityGraph(nn.Module):
    """A model as one module: scaling, domain features where the label net takes them, label net, softmax.

    It shares nothing with the model, whose nets keep their modes and their device.

    Args:
        model: whose probabilities it gives.

    Example:
        >>> model = crossgrad.train(crossgrad.open_dataset("digits"), method="erm", max_steps=1)
        >>> ProbabilityGraph(model)(torch.zeros(2, 1, 16, 16)).shape
        torch.Size([2, 10])
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.method = copy.deepcopy(model.method).cpu().eval().requires_grad_(False)
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", model.scaling.mean.clone())
        self.register_buffer("std", model.scaling.std.clone())
        self.eval()

    def forward(self, inputs: Inputs) -> Logits:
        """Label probabilities, (batch, n_labels), of inputs as files are decoded, before any scaling."""
        scaled = Standardisation(self.mean, self.std).apply(inputs)
        probabilities: Tensor = self.method(scaled).softmax(1)
        return probabilities


def traced(graph: ProbabilityGraph, inputs: Inputs) -> torch.export.ExportedProgram:
    """The graph as PyTorch records it, for any number of inputs of this shape.

    Nets that no probability depends on, such as the domain net where its features are not used, stay behind: they are
    taken out of the graph.

    Args:
        graph: to be recorded.
        inputs: at least two, since a batch of one is recorded as such.

    Raises:
        ModelError: the net is somebody's own, and what it does depends on its inputs' values or on their number.
    """
    try:
        program = _recorded(graph, inputs)
    except Exception as error:  # whatever the code of somebody's own net raises under PyTorch's recorder
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"its net cannot be recorded as one graph by torch.export: {reason}") from error
    names = program.graph_signature.inputs_to_parameters
    used = {names.get(node.name, "") for node in program.graph.nodes if node.op == "placeholder" and node.users}
    unused = [
        role
        for role, net in graph.method.named_children()
        if next(net.parameters(), None) is not None and not any(name.startswith(f"method.{role}.") for name in used)
    ]
    for role in unused:
        setattr(graph.method, role, nn.Identity())
    return _recorded(graph, inputs) if unused else program


def _recorded(graph: ProbabilityGraph, inputs: Inputs) -> torch.export.ExportedProgram:
    return torch.export.export(graph, (inputs,), dynamic_shapes=({0: torch.export.Dim(BATCH)},))


def describe(model: Model) -> dict[str, Any]:
    """What must be known of a graph to use it without crossgrad, as JSON has it.

    "label_names" are those of the columns; "input_shape" is that of one input; "decoding" is how files become inputs,
    null for a model of arrays; "scaling" is in the graph already, and told here for people.
    """
    return {
        "version": DESCRIPTION_VERSION,
        "crossgrad": crossgrad.__version__,
        "label_names": list(model.label_names),
        "input_shape": list(model.input_shape),
        "scaling": model.scaling.to_json(),
        "decoding": model.decoding.to_json() if model.decoding else None,
    }


def sample_inputs(model: Model, n: int) -> Inputs:
    """Inputs to try a graph with: random, always the same, in the range of the training inputs."""
    generator = torch.Generator().manual_seed(n)
    return model.scaling.invert(torch.rand(n, *model.input_shape, generator=generator))
