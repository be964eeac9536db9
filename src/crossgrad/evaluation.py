"""How well a method labels examples: probabilities, and accuracy over all and over each domain."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.data.reading import read_in_order
from crossgrad.methods import Method
from crossgrad.processes import ALONE, Processes


@torch.inference_mode()
def probabilities(
    method: Method,
    inputs: Float[Tensor, "n *shape"] | LazyInputs,
    *,
    batch_size: int = 512,
    processes: Processes = ALONE,
) -> Float[Tensor, "n labels"]:
    """Label probabilities in evaluation mode; the modes of the method and its nets are left as they were.

    Args:
        method: trained.
        inputs: as in training, scaled; each pass's go to the method's device.
        batch_size: examples a pass; the result depends on it by rounding alone.
        processes: each labels its share of the inputs and gets the probabilities of all; all call this.

    Returns:
        On the CPU.
    """
    if 1 < processes.size <= len(inputs):
        own = processes.share(len(inputs))
        part = inputs[own] if isinstance(inputs, Tensor) else inputs.take(own)
        found = probabilities(method, part, batch_size=batch_size)
        gathered = found.new_zeros(len(inputs), found.shape[1])
        gathered[own] = found
        return processes.sum(gathered)
    device = next((parameter.device for parameter in method.parameters()), inputs.device)
    modes = [(module, module.training) for module in method.modules()]
    method.eval()
    try:
        parts = [method(part.to(device)).softmax(1).cpu() for part in read_in_order(inputs, batch_size)]
    finally:
        for module, training in modes:
            module.training = training
    return torch.cat(parts)


def accuracies(probabilities: Float[Tensor, "n labels"], dataset: DomainDataset) -> dict[str, Any]:
    """Accuracy over all examples and over each domain that has some.

    Args:
        probabilities: or logits, of the dataset's examples in its order.
        dataset: n examples, at least one.

    Returns:
        {"accuracy": fraction, "n": examples, "by_domain": {name: fraction}}, as records have it.

    Example:
        >>> dataset = DomainDataset.from_arrays([[0.0], [0.0], [0.0]], [0, 1, 1], ["a", "a", "b"], name="three")
        >>> accuracies(torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), dataset)
        {'accuracy': 0.666..., 'n': 3, 'by_domain': {'a': 0.5, 'b': 1.0}}
    """
    right = probabilities.argmax(1) == dataset.labels
    return {
        "accuracy": right.double().mean().item(),
        "n": len(dataset),
        "by_domain": {
            name: right[dataset.domains == index].double().mean().item()
            for index, name in enumerate(dataset.domain_names)
            if bool((dataset.domains == index).any())
        },
    }
