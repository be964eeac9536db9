"""A problem small enough for hundreds of steps, and nets to match."""

import torch
from torch import nn

from crossgrad._types import Batch
from crossgrad.nets import HeadedNet, headed

N_LABELS, N_DOMAINS, N_FEATURES, INPUT_SHAPE = 3, 4, 5, (1, 6, 6)


def small_net(
    n_classes: int, *, n_domain_features: int = 0, dropout: float = 0.0, batch_norm: bool = False
) -> HeadedNet:
    """A convolution with tanh under two hidden layers of 8 and N_FEATURES; weights from torch's generator."""
    layers: list[nn.Module] = [nn.Conv2d(1, 3, 3, stride=2), nn.Tanh()]
    if batch_norm:
        layers.insert(1, nn.BatchNorm2d(3))
    return headed(
        nn.Sequential(*layers),
        input_shape=INPUT_SHAPE,
        n_classes=n_classes,
        hidden=(8, N_FEATURES),
        n_domain_features=n_domain_features,
        dropout=dropout,
    )


def shortcut_batch(n: int, *, agreement: float, seed: int) -> Batch:
    """A faint pattern of the label under a strong one of the domain, which is the label's own at a rate of `agreement`.

    Where they agree, a net can tell the label by the domain's pattern; where they do not, that misleads it.
    """
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(N_LABELS, (n,), generator=generator)
    others = torch.randint(N_LABELS, (n,), generator=generator)
    domains = torch.where(torch.rand(n, generator=generator) < agreement, labels, others)
    patterns = torch.randn(2, N_LABELS, *INPUT_SHAPE, generator=torch.Generator().manual_seed(99))
    noise = 0.5 * torch.randn(n, *INPUT_SHAPE, generator=generator)
    return Batch(0.35 * patterns[0][labels] + 1.2 * patterns[1][domains] + noise, labels, domains)


def toy_batch(n: int = 12, *, dtype: torch.dtype = torch.float32, seed: int = 0) -> Batch:
    """Noise with a pattern of the label and one of the domain; label and domain are correlated in part."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(N_LABELS, (n,), generator=generator)
    others = torch.randint(N_DOMAINS, (n,), generator=generator)
    domains = torch.where(torch.rand(n, generator=generator) < 0.5, labels, others)
    patterns = 0.5 * torch.randn(2, max(N_LABELS, N_DOMAINS), *INPUT_SHAPE, generator=torch.Generator().manual_seed(99))
    noise = torch.randn(n, *INPUT_SHAPE, generator=generator)
    return Batch((patterns[0][labels] + patterns[1][domains] + noise).to(dtype), labels, domains)
