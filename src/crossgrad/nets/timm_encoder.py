"""Trunks that timm builds: an architecture by name, with the weights of a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from jaxtyping import Float
from torch import Tensor, nn

from crossgrad._types import Inputs
from crossgrad.errors import SettingsError
from crossgrad.nets.encoder_folder import configuration, is_json


@final
class TimmEncoder(nn.Module):
    """One of timm's models without its classifier: images to pooled features.

    Args:
        backbone: as timm makes it.
        frozen: leave its weights, and what it averages of batches, as they are.
    """

    def __init__(self, backbone: nn.Module, *, frozen: bool) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(not frozen)
        self.frozen = frozen
        self.train()

    def train(self, mode: bool = True) -> "TimmEncoder":
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, inputs: Inputs) -> Float[Tensor, "batch width"]:
        features: Tensor = self.backbone(inputs)
        return features


def architecture(where: str) -> str:
    """The name of a model in timm's own list. Names that would be fetched, and arguments, are none.

    Raises:
        SettingsError: timm is not installed, or it has no such model.
    """
    name: str = configuration(where, "architecture")["architecture"]
    if name not in _timm().list_models():
        raise SettingsError(f"timm has no architecture {name!r}, which {where!r} names")
    return name


def timm_encoder(input_shape: Sequence[int], *, where: str, frozen: bool) -> TimmEncoder:
    """A trunk with a folder's weights, or, with the configuration in the folder's place, without.

    Args:
        input_shape: (channels, height, width).
        where: a folder with config.json and model.safetensors, as timm's own lie on the Hub, or the configuration.
        frozen: leave it as it is.

    Raises:
        SettingsError: as `architecture`; inputs are no images; or the weights are of another model.
    """
    if len(input_shape) != 3:
        raise SettingsError(f"timm's models take (channels, height, width), not {tuple(input_shape)}")
    name = architecture(where)
    backbone: nn.Module = _timm().create_model(name, pretrained=False, num_classes=0, in_chans=input_shape[0])
    if not is_json(where):
        from safetensors.torch import load_file

        try:
            lacking = backbone.load_state_dict(load_file(Path(where) / "model.safetensors"), strict=False).missing_keys
        except RuntimeError as error:  # such as the channels of its first convolution
            raise SettingsError(f"the weights in {where!r} do not fit {name}: {error}") from error
        if lacking:
            raise SettingsError(f"{where!r} lacks weights of {name}: {', '.join(sorted(lacking)[:3])}")
    return TimmEncoder(backbone, frozen=frozen)


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise SettingsError(f"timm cannot be imported ({error}): pip install timm") from error
    return timm
