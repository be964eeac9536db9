"""timm's models as trunks by one argument: small ones, randomly initialised, in folders made here.

timm needs torchvision, which the tests' own environment lacks; docs/pretrained.md says with which versions these ran.
"""

import json
import sys
from pathlib import Path

import pytest
import torch

from crossgrad import load, save, train
from crossgrad.building import build_method, source_digest
from crossgrad.data import DomainDataset
from crossgrad.errors import ModelError, SettingsError
from crossgrad.nets.pretrained import portable, pretrained

ARCHITECTURES = {
    "resnet10t": (3, 32, 32),
    "mobilenetv3_small_050": (3, 32, 32),
    "convnext_atto": (1, 32, 32),
    "test_vit": (3, 160, 160),
}


@pytest.fixture(scope="module")
def timm():
    return pytest.importorskip("timm", reason="timm or torchvision is not installed", exc_type=ImportError)


@pytest.fixture(scope="module")
def folders(timm, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for name, shape in ARCHITECTURES.items():
        torch.manual_seed(1)
        made[name] = tmp_path_factory.mktemp(name)
        model = timm.create_model(name, pretrained=False, num_classes=7, in_chans=shape[0])
        timm.models.save_for_hf(model, made[name], safe_serialization=True)
    return made


def examples(shape: tuple[int, ...]) -> DomainDataset:
    inputs = torch.rand(12, *shape, generator=torch.Generator().manual_seed(0))
    return DomainDataset.from_arrays(inputs.numpy(), torch.arange(12) % 2, torch.arange(12) // 4, name="small")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_model_with_a_timm_trunk_is_trained_and_loaded_without_its_folder(
    name: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    data = examples(ARCHITECTURES[name])
    model = train(data, net=f"timm:{folders[name]}", max_steps=2, batch_size=4)
    save(model, tmp_path / "model")
    assert str(folders[name]) not in json.dumps(model.building)
    loaded = load(tmp_path / "model")
    assert (loaded.predict(data.inputs).probabilities == model.predict(data.inputs).probabilities).all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_both_nets_begin_with_the_folder_s_weights_in_copies_of_their_own(name: str, folders: dict[str, Path]) -> None:
    from safetensors.torch import load_file

    shape = ARCHITECTURES[name]
    method = build_method(
        "crossgrad", net=f"timm:{folders[name]}", input_shape=shape, n_labels=2, n_domains=3, fields={}
    )
    weights = load_file(folders[name] / "model.safetensors")
    label, domain = (net.trunk.backbone.state_dict() for net in (method.label_net, method.domain_net))
    assert label
    for key, value in label.items():
        assert torch.equal(value, weights[key])
        assert torch.equal(value, domain[key])
        assert value.data_ptr() != domain[key].data_ptr()


def test_a_frozen_trunk_keeps_its_weights_and_statistics_and_lets_inputs_be_moved(folders: dict[str, Path]) -> None:
    from safetensors.torch import load_file

    net = f"timm-frozen:{folders['resnet10t']}"
    model = train(examples((3, 32, 32)), net=net, max_steps=2, batch_size=4)
    weights = load_file(folders["resnet10t"] / "model.safetensors")
    for key, value in model.method.label_net.trunk.backbone.state_dict().items():
        assert torch.equal(value, weights[key]), key
    inputs = torch.rand(2, 3, 32, 32, requires_grad=True)
    pretrained((3, 32, 32), net=net)(inputs).square().sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.abs().max() > 0


def test_other_weights_in_the_folder_are_another_net(folders: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in folders["resnet10t"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    before = source_digest(f"timm:{folders['resnet10t']}")
    assert source_digest(f"timm:{tmp_path}") == before
    weights = load_file(tmp_path / "model.safetensors")
    save_file({name: value + 1 for name, value in weights.items()}, tmp_path / "model.safetensors")
    assert source_digest(f"timm:{tmp_path}") != before


@pytest.mark.parametrize("name", ["hf-hub:timm/resnet18", "local-dir:elsewhere", "resnet10t.c3_in1k", "no_such_net"])
def test_names_that_are_no_architecture_are_refused_and_nothing_is_fetched(timm, name: str) -> None:
    with pytest.raises(SettingsError, match="timm has no architecture"):
        pretrained((3, 32, 32), net=f"timm:{json.dumps({'architecture': name})}")


def test_of_a_configuration_only_the_architecture_is_taken(folders: dict[str, Path], tmp_path: Path) -> None:
    for file in folders["resnet10t"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    values = json.loads((tmp_path / "config.json").read_text())
    values["model_args"] = {"checkpoint_path": str(tmp_path / "pickled.pth"), "pretrained": True}
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert portable(f"timm:{tmp_path}") == 'timm:{"architecture": "resnet10t"}'
    pretrained((3, 32, 32), net=f"timm:{tmp_path}")


def test_weights_for_other_channels_and_inputs_that_are_no_images_are_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(SettingsError, match="do not fit resnet10t"):
        pretrained((1, 32, 32), net=f"timm:{folders['resnet10t']}")
    with pytest.raises(SettingsError, match=r"take \(channels, height, width\)"):
        pretrained((5, 8), net=f"timm:{folders['resnet10t']}")


def test_a_model_that_names_a_folder_of_this_machine_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    from dataclasses import replace

    net = f"timm:{folders['resnet10t']}"
    model = train(examples((3, 32, 32)), net=net, max_steps=1, batch_size=4)
    save(replace(model, building=model.building | {"net": net}), tmp_path / "model")
    with pytest.raises(ModelError, match="names a folder"):
        load(tmp_path / "model")


def test_without_timm_it_is_said_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(SettingsError, match="pip install timm"):
        pretrained((3, 32, 32), net='timm:{"architecture": "resnet10t"}')
    with pytest.raises(SettingsError, match="hf download"):
        pretrained((3, 32, 32), net=f"timm:{tmp_path}")
