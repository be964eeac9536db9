"""Trunks that others trained: an encoder of Hugging Face's transformers or of timm, from a folder on this machine."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from crossgrad._types import Inputs
from crossgrad.errors import SettingsError
from crossgrad.extras import how_to_get
from crossgrad.nets.encoder_folder import FILES, configuration, is_json
from crossgrad.nets.timm_encoder import TimmEncoder, architecture, timm_encoder

FINE_TUNED, FROZEN = "transformers:", "transformers-frozen:"
TIMM, TIMM_FROZEN = "timm:", "timm-frozen:"
"""What such a net's name begins with; the folder follows, or, in a saved model, the configuration as JSON."""

MODEL_TYPES: dict[str, dict[str, Any]] = {
    "bert": {"add_pooling_layer": False},
    "distilbert": {},
    "roberta": {"add_pooling_layer": False},
    "vit": {"add_pooling_layer": False},
}
"""Encoders that are known to fetch nothing and run nobody's code, whatever their configuration says."""

MOST_LAYERS = 200
"""More is no encoder's: a model's description from elsewhere must not have layers built without end."""


@final
class Pretrained(nn.Module):
    """An encoder's last hidden states, averaged over positions.

    Inputs of two dimensions are embeddings (sequence, width) in place of those that the encoder would look up, so that
    they can be moved along a gradient, as tokens cannot. Three are images. A frozen encoder has no parameters to train
    and stays in evaluation mode; gradients with respect to inputs pass through it.

    Args:
        backbone: of one of MODEL_TYPES.
        sequences: whether inputs are embeddings.
        frozen: leave its weights as they are.
    """

    def __init__(self, backbone: nn.Module, *, sequences: bool, frozen: bool) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(not frozen)
        self.takes = "inputs_embeds" if sequences else "pixel_values"
        self.frozen = frozen
        self.train()

    def train(self, mode: bool = True) -> "Pretrained":
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, inputs: Inputs) -> Float[Tensor, "batch width"]:
        averaged: Tensor = self.backbone(**{self.takes: inputs}).last_hidden_state.mean(1)
        return averaged


def is_pretrained(net: str) -> bool:
    """Whether a net's name asks for such a trunk.

    Example:
        >>> is_pretrained("transformers:models/bert"), is_pretrained("package.module:factory")
        (True, False)
    """
    return net.startswith((FINE_TUNED, FROZEN, TIMM, TIMM_FROZEN))


def names_folder(net: str) -> bool:
    """Whether such a trunk comes from a folder of this machine, as it never does in a saved model."""
    return is_pretrained(net) and not is_json(net.partition(":")[2])


def pretrained(input_shape: Sequence[int], *, net: str) -> Pretrained | TimmEncoder:
    """A trunk with an encoder's trained weights, or with its architecture alone; nothing is downloaded.

    Args:
        input_shape: (sequence, width) of embeddings, or (channels, height, width) of images.
        net: "transformers:FOLDER" or "timm:FOLDER" to fine-tune it, with -frozen before the colon to leave it as it is.
            The folder holds config.json and model.safetensors. In the place of the folder JSON,
            as `portable` gives it, is the configuration without weights.

    Raises:
        SettingsError: transformers or timm is not installed; no such folder or weights; not one of MODEL_TYPES or of
            timm's architectures; or its inputs are not such.
    """
    where = net.partition(":")[2]
    if _is_timm(net):
        return timm_encoder(input_shape, where=where, frozen=net.startswith(TIMM_FROZEN))
    config = _config(where)
    sequences = config.model_type != "vit"
    expected = ["sequence", config.hidden_size] if sequences else [config.num_channels, *_size(config.image_size)]
    if len(input_shape) != len(expected) or list(input_shape)[sequences:] != expected[sequences:]:
        raise SettingsError(f"{config.model_type} takes inputs of shape {tuple(expected)}, not {tuple(input_shape)}")
    if sequences and input_shape[0] > config.max_position_embeddings:
        raise SettingsError(
            f"{config.model_type} takes {config.max_position_embeddings} positions, not {input_shape[0]}"
        )
    if sequences and is_json(where):
        _drop_words(config)
    backbone: Any = _architecture(config) if is_json(where) else _weighted(Path(where), config)
    if sequences:
        backbone.set_input_embeddings(nn.Identity())  # the table of words, the most of a small encoder, is never read
    return Pretrained(backbone, sequences=sequences, frozen=net.startswith(FROZEN))


def portable(net: str) -> str:
    """The name by which a saved model builds its net: with the configuration in place of a folder.

    Other names are what they were.
    """
    if not names_folder(net):
        return net
    kind, _, where = net.partition(":")
    if _is_timm(net):
        return f"{kind}:{json.dumps({'architecture': architecture(where)})}"
    return f"{kind}:{json.dumps(_config(where).to_diff_dict(), sort_keys=True)}"


def weights_digest(net: str) -> str:
    """A hash of the configuration and the weights: another encoder in the same folder is another net."""
    where = net.partition(":")[2]
    (architecture if _is_timm(net) else _config)(where)
    digest = hashlib.sha256(where.encode() if is_json(where) else b"")
    for name in () if is_json(where) else FILES:
        with (Path(where) / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _is_timm(net: str) -> bool:
    return net.startswith((TIMM, TIMM_FROZEN))


def _drop_words(config: Any) -> None:
    """Leave as few words as there can be: the table of them is never read, and no weight tells how large it may be."""
    if config.model_type != "roberta":
        config.pad_token_id = 0
    elif not (type(config.pad_token_id) is int and 0 <= config.pad_token_id < config.max_position_embeddings):
        # RoBERTa counts positions from the padding word on.
        raise SettingsError(
            f"pad_token_id of roberta is a whole number from 0, below its {config.max_position_embeddings} positions, "
            f"not {config.pad_token_id!r}"
        )
    config.vocab_size = config.pad_token_id + 1


def _size(size: Any) -> list[int]:
    return [size, size] if isinstance(size, int) else list(size)


def _config(where: str) -> Any:
    """The configuration, of known fields; what would choose code or another place to read from is not among them."""
    try:
        from transformers import AutoConfig
    except ImportError as error:
        raise SettingsError(f"transformers is not installed: {how_to_get('transformers')}") from error
    values = configuration(where, "model_type")
    model_type = values.pop("model_type")
    if model_type not in MODEL_TYPES:
        raise SettingsError(f"no encoder of type {model_type!r} is taken; there are {', '.join(MODEL_TYPES)}")
    known = AutoConfig.for_model(model_type).to_dict()
    try:
        config: Any = AutoConfig.for_model(model_type, **{name: values[name] for name in values if name in known})
        n_layers = config.num_hidden_layers
    except Exception as error:  # whatever it raises for values that are none, some of it of no kind but Exception
        raise SettingsError(f"{where!r} has no configuration of an encoder: {error}") from error
    if not isinstance(n_layers, int) or not 1 <= n_layers <= MOST_LAYERS:
        raise SettingsError(f"an encoder has 1 to {MOST_LAYERS} layers, not {n_layers!r}")
    return config


def _architecture(config: Any) -> nn.Module:
    from transformers import AutoModel

    # Eager attention: others differentiate twice no better, and some are fetched from the Hub.
    model: nn.Module = AutoModel.from_config(  # type: ignore[no-untyped-call]
        config,
        trust_remote_code=False,
        attn_implementation="eager",
        dtype=torch.float32,
        **MODEL_TYPES[config.model_type],
    )
    return model


def _weighted(folder: Path, config: Any) -> nn.Module:
    from transformers import AutoModel

    model, loading = AutoModel.from_pretrained(
        folder,
        config=config,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        attn_implementation="eager",
        dtype=torch.float32,
        output_loading_info=True,
        **MODEL_TYPES[config.model_type],
    )
    if loading["missing_keys"]:
        raise SettingsError(f"{str(folder)!r} lacks weights: {', '.join(sorted(loading['missing_keys'])[:3])}")
    trained: nn.Module = model
    return trained
