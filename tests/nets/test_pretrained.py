"""Trained encoders as trunks: tiny ones, randomly initialised, in folders made here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crossgrad import load, save, train
from crossgrad.building import build_method, source_digest
from crossgrad.data import DomainDataset
from crossgrad.errors import ModelError, SettingsError
from crossgrad.nets.pretrained import MOST_LAYERS, portable, pretrained

transformers = pytest.importorskip("transformers")
TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
CONFIGS = {
    "bert": {**TINY, "vocab_size": 11, "max_position_embeddings": 12},
    "roberta": {**TINY, "vocab_size": 11, "max_position_embeddings": 12},
    "distilbert": {"dim": 8, "n_layers": 1, "n_heads": 2, "hidden_dim": 8, "vocab_size": 11},
    "vit": {**TINY, "image_size": 8, "patch_size": 4, "num_channels": 1},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for name, values in CONFIGS.items():
        torch.manual_seed(1)
        made[name] = tmp_path_factory.mktemp(name)
        transformers.AutoModel.from_config(transformers.AutoConfig.for_model(name, **values)).save_pretrained(
            made[name]
        )
    return made


def shape_of(kind: str) -> tuple[int, ...]:
    return (1, 8, 8) if kind == "vit" else (5, 8)


def examples(kind: str) -> DomainDataset:
    inputs = torch.rand(24, *shape_of(kind), generator=torch.Generator().manual_seed(0))
    return DomainDataset.from_arrays(
        inputs.numpy(), torch.arange(24) % 2, torch.arange(24) // 8, name="small", signals=kind != "vit"
    )


def crossgrad(net: str, kind: str = "bert"):
    return build_method("crossgrad", net=net, input_shape=shape_of(kind), n_labels=2, n_domains=3, fields={})


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_model_with_a_trained_trunk_is_loaded_without_its_folder(
    kind: str, folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = examples(kind)
    model = train(data, net=f"transformers:{folders[kind]}", max_steps=2, batch_size=8)
    save(model, tmp_path / "model")
    assert str(folders[kind]) not in json.dumps(model.building)
    loaded = load(tmp_path / "model")
    assert (loaded.predict(data.inputs).probabilities == model.predict(data.inputs).probabilities).all()


@pytest.mark.parametrize("kind", CONFIGS)
def test_both_nets_begin_with_the_encoders_weights_in_copies_of_their_own(kind: str, folders: dict[str, Path]) -> None:
    method = crossgrad(f"transformers:{folders[kind]}", kind)
    encoder = transformers.AutoModel.from_pretrained(folders[kind]).state_dict()
    label, domain = (net.trunk.backbone.state_dict() for net in (method.label_net, method.domain_net))
    assert label
    for name, value in label.items():
        assert torch.equal(value, encoder[name])
        assert torch.equal(value, domain[name])
        assert value.data_ptr() != domain[name].data_ptr()


def test_embeddings_give_what_the_encoder_gives_for_their_words(folders: dict[str, Path]) -> None:
    encoder = transformers.AutoModel.from_pretrained(folders["bert"]).eval()
    words = torch.tensor([[1, 4, 2, 9, 3]])
    trunk = pretrained((5, 8), net=f"transformers:{folders['bert']}").eval()
    torch.testing.assert_close(
        trunk(encoder.get_input_embeddings()(words)), encoder(words).last_hidden_state.mean(1), rtol=1e-5, atol=1e-6
    )


def test_a_frozen_trunk_stays_as_it_is_and_lets_inputs_be_moved(folders: dict[str, Path]) -> None:
    net = f"transformers-frozen:{folders['bert']}"
    method = crossgrad(net).train()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    data = examples("bert")
    optimizer = torch.optim.SGD(method.parameters(), lr=1.0)
    from crossgrad.training import fit

    fit(method, data, optimizer=optimizer, max_steps=3, batch_size=8, seed=0)
    changed = {name for name, value in method.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert not any(".trunk." in name for name in changed)
    trunk = pretrained((5, 8), net=net)
    inputs = data.inputs[:2].clone().requires_grad_()
    trunk(inputs).square().sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.abs().max() > 0


def test_another_encoder_in_the_folder_is_another_net(folders: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    before = source_digest(f"transformers:{folders['bert']}")
    for file in folders["bert"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert source_digest(f"transformers:{tmp_path}") == before
    weights = load_file(tmp_path / "model.safetensors")
    save_file({name: value + 1 for name, value in weights.items()}, tmp_path / "model.safetensors", {"format": "pt"})
    assert source_digest(f"transformers:{tmp_path}") != before


def test_what_is_not_there_is_not_downloaded() -> None:
    with pytest.raises(SettingsError, match="hf download"):
        crossgrad("transformers:google-bert/bert-base-uncased")


def test_a_pickled_encoder_is_not_read(folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folders["bert"] / "config.json").read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"no one reads this")
    with pytest.raises(SettingsError, match=r"model\.safetensors"):
        crossgrad(f"transformers:{tmp_path}")


def test_inputs_of_another_width_are_refused_with_what_is_taken(folders: dict[str, Path]) -> None:
    with pytest.raises(SettingsError, match=r"'sequence', 8.*\(5, 9\)"):
        pretrained((5, 9), net=f"transformers:{folders['bert']}")


@pytest.mark.parametrize(
    ("kind", "change", "match"),
    [
        ("bert", {"model_type": "llama"}, "no encoder of type"),
        ("bert", {"num_hidden_layers": MOST_LAYERS + 1}, "1 to 200 layers, not 201"),
        ("bert", {"num_hidden_layers": 0}, "1 to 200 layers, not 0"),
        ("distilbert", {"n_layers": MOST_LAYERS + 1}, "1 to 200 layers, not 201"),
        ("bert", {"num_hidden_layers": "12"}, "has no configuration of an encoder: .*num_hidden_layers"),
        ("bert", {"num_hidden_layers": None}, "has no configuration of an encoder: .*num_hidden_layers"),
        ("bert", {"hidden_size": "wide"}, "has no configuration of an encoder: .*hidden_size"),
        ("bert", {"id2label": 3}, "has no configuration of an encoder: "),
        ("roberta", {"pad_token_id": 12}, "from 0, below its 12 positions, not 12"),
        ("roberta", {"pad_token_id": -1}, "from 0, below its 12 positions, not -1"),
    ],
)
def test_configurations_beyond_what_is_known_are_refused(
    kind: str, change: dict[str, object], match: str, folders: dict[str, Path]
) -> None:
    config = json.loads((folders[kind] / "config.json").read_text()) | change
    with pytest.raises(SettingsError, match=f"(?s){match}"):
        pretrained((5, 8), net=f"transformers:{json.dumps(config)}")


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert"])
def test_a_model_takes_the_memory_of_its_weights_however_many_words_it_names(
    kind: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    data = examples(kind)
    model = train(data, method="erm", net=f"transformers:{folders[kind]}", max_steps=1, batch_size=8)
    begin, _, config = model.building["net"].partition(":")
    words = json.dumps(json.loads(config) | {"vocab_size": 10**14})  # more than any address space holds
    save(replace(model, building=model.building | {"net": f"{begin}:{words}"}), tmp_path / "model")
    found = load(tmp_path / "model").predict(data.inputs)
    assert (found.probabilities == model.predict(data.inputs).probabilities).all()


def test_code_that_a_configuration_names_is_dropped(folders: dict[str, Path], tmp_path: Path) -> None:
    for file in folders["bert"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "evil.Evil"}}))
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    assert "auto_map" not in portable(f"transformers:{tmp_path}")
    crossgrad(f"transformers:{tmp_path}")


def test_a_model_that_names_a_folder_of_this_machine_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    model = train(examples("bert"), net=f"transformers:{folders['bert']}", max_steps=1, batch_size=8)
    named = replace(model, building=model.building | {"net": f"transformers:{folders['bert']}"})
    save(named, tmp_path / "model")
    with pytest.raises(ModelError, match="names a folder"):
        load(tmp_path / "model")
