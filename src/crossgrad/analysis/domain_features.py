"""The domain features g(x) of examples."""

from typing import Any

import torch
from torch import Tensor

from crossgrad._types import Features, Inputs
from crossgrad.errors import SettingsError
from crossgrad.methods import Method


@torch.inference_mode()
def domain_features(method: Method, inputs: Inputs, *, batch_size: int = 512) -> Features:
    """The domain net's last hidden layer in evaluation mode; the modes of the method's nets are left as they were.

    Args:
        method: trained, with a domain net that has `features`, as CrossGrad's and Hybrid's do.
        inputs: as in training, scaled, (n, *shape).
        batch_size: examples a pass; the result depends on it by rounding alone.

    Returns:
        (n, features), on the CPU.

    Raises:
        SettingsError: the method has no domain net, or one whose last hidden layer cannot be had apart.

    Reference:
        Shankar et al., "Generalizing Across Domains via Cross-Gradient Training", ICLR 2018, section 3.
    """
    net: Any = getattr(method, "domain_net", None)
    if net is None:
        raise SettingsError(f"{type(method).__name__} has no domain net, so there are no domain features")
    if not hasattr(net, "features"):
        raise SettingsError(
            f"domain features are what a domain net's features(inputs) gives; {type(net).__name__} lacks it: see "
            "crossgrad.nets.headed"
        )
    device = next(method.parameters()).device
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        parts: list[Tensor] = [net.features(part.to(device)).cpu() for part in torch.split(inputs, batch_size)]
    finally:
        for module, training in modes:
            module.training = training
    return torch.cat(parts)
