"""Inputs without labels that train as one more domain, beside a dataset."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jaxtyping import Float
from torch import Tensor

from crossgrad.data.lazy_inputs import LazyInputs

UNLABELLED_DOMAIN = "unlabelled"
"""Name of their domain, where it has no other."""


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """Inputs of one domain whose labels nobody knows.

    Args:
        inputs: float32, shape (n, *shape), of the shape and in the units of the dataset's; or read when needed.
        domain: its name. If the dataset has labelled examples of that domain, they are of one domain.
    """

    inputs: Float[Tensor, " n *shape"] | LazyInputs
    domain: str

    def __len__(self) -> int:
        return len(self.inputs)

    def to_json(self) -> dict[str, Any]:
        """What records and models' cards tell of them."""
        return {"domain": self.domain, "n": len(self)}

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hex digits of the inputs and the domain's name."""
        digest = hashlib.sha256(repr((self.domain, tuple(self.inputs.shape))).encode())
        if isinstance(self.inputs, Tensor):
            digest.update(self.inputs.cpu().contiguous().numpy().tobytes())
        else:
            digest.update(self.inputs.fingerprint.encode())
        return digest.hexdigest()[:16]
