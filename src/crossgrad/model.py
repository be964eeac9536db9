"""A trained model: what it takes to label inputs with no other file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import Any

import numpy as np
from jaxtyping import Shaped
from numpy.typing import NDArray
from torch import Tensor

from crossgrad.data import Decoding, Standardisation
from crossgrad.data.new_inputs import decode, read_new_inputs
from crossgrad.errors import ModelError
from crossgrad.evaluation import probabilities
from crossgrad.global_state import cpu_by_default
from crossgrad.methods import Method


@dataclass(frozen=True)
class Predictions:
    """Labels of examples, and how sure the model is of each.

    Args:
        labels: the most probable label's name, one an example.
        probabilities: float32, (n, n_labels); rows sum to 1.
        label_names: of the columns.
    """

    labels: tuple[str, ...]
    probabilities: NDArray[np.float32]
    label_names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Model:
    """A method with trained nets, and everything between a file and them.

    Args:
        method: trained.
        label_names: in the order of its logits.
        input_shape: of one input.
        scaling: of inputs before the net.
        decoding: from image or audio files to inputs; None for a model of arrays.
        building: the arguments of `build_method` that made the method.
        card: what it was trained on, how, and how well it did: training domains and their counts, accuracy,
            settings, versions. For people; nothing in it is needed to predict.

    Raises:
        ModelError: the parts do not go together.
    """

    method: Method
    label_names: tuple[str, ...]
    input_shape: tuple[int, ...]
    scaling: Standardisation
    decoding: Decoding | None
    building: dict[str, Any]
    card: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(isinstance(name, str) for name in self.label_names) or len(set(self.label_names)) < len(
            self.label_names
        ):
            raise ModelError(f"names of labels are different texts, not {self.label_names!r}")
        if len(self.label_names) != self.building["n_labels"]:
            raise ModelError(f"{len(self.label_names)} names of labels for {self.building['n_labels']!r} labels")
        if list(self.input_shape) != list(self.building["input_shape"]):
            raise ModelError(f"inputs of shape {self.input_shape} for nets of {self.building['input_shape']!r}")
        if self.scaling.mean.numel() not in (1, self.input_shape[0]):
            raise ModelError(f"{self.scaling.mean.numel()} means for inputs of shape {self.input_shape}")
        if self.decoding is not None and self.decoding.input_shape != self.input_shape:
            raise ModelError(f"files become inputs of shape {self.decoding.input_shape}, not {self.input_shape}")

    @cpu_by_default()
    def predict(self, inputs: Shaped[Tensor, "n *shape"] | NDArray[Any] | Sequence[Any]) -> Predictions:
        """Label inputs.

        Args:
            inputs: a floating point tensor (n, *input_shape) in the units of the training inputs; or any array, read as
                `DomainDataset.from_arrays` reads one (uint8 images are divided by 255; to a model of signals three
                dimensions are signals); or paths of image or audio files where the model was trained on such.

        Raises:
            DataError: another shape, NaN or infinite values, a file that cannot be read, or files for a model of
                arrays.
            TypeError: one path instead of a sequence of paths.

        Example:
            >>> from crossgrad import DomainDataset, train
            >>> inputs, labels, domains = [[0.0], [1.0], [0.1], [0.9]], [0, 1, 0, 1], ["a", "a", "b", "b"]
            >>> dataset = DomainDataset.from_arrays(inputs, labels, domains, name="m")
            >>> model = train(dataset, method="erm", max_steps=2)
            >>> model.predict(np.array([[0.5], [0.7], [0.9]])).probabilities.shape
            (3, 2)
        """
        values = read_new_inputs(inputs, input_shape=self.input_shape, decoding=self.decoding)
        if len(values) == 0:
            return Predictions((), np.zeros((0, len(self.label_names)), np.float32), self.label_names)
        result = probabilities(self.method, self.scaling.apply(values))
        labels = tuple(self.label_names[index] for index in result.argmax(1).tolist())
        return Predictions(labels, result.numpy(), self.label_names)

    def decode(self, file: str | PathLike[str]) -> NDArray[np.float32]:
        """Read one image or audio file as an input, as those of the training were read.

        Raises:
            DataError: it cannot be read, or the model is one of arrays.
        """
        return decode(fspath(file), self.input_shape, self.decoding)
