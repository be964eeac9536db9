"""A dataset of several domains: inputs, labels and domains in three tensors, and their names."""

import hashlib
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class DomainDataset:
    """Labelled examples of several domains.

    Args:
        inputs: float32, shape (n, *shape); images are (n, channels, height, width) in [0, 1].
        labels: int64 in [0, len(label_names)), shape (n,).
        domains: int64 in [0, len(domain_names)), shape (n,).
        label_names: in the order of the indices, sorted when made from names.
        domain_names: likewise.
        name: of the dataset, for records and reports.
    """

    inputs: Float[Tensor, "n *shape"]
    labels: Int[Tensor, " n"]
    domains: Int[Tensor, " n"]
    label_names: tuple[str, ...]
    domain_names: tuple[str, ...]
    name: str

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits of the arrays and names."""
        digest = hashlib.sha256(repr((self.label_names, self.domain_names)).encode())
        for tensor in (self.inputs, self.labels, self.domains):
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]
