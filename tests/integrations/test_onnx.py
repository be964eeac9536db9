"""A model as one file: its probabilities are the model's wherever it runs, it needs nothing beside it, none is half."""

import dataclasses
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import crossgrad
from crossgrad.cli import main
from crossgrad.data import AudioDecoding, DomainDataset
from crossgrad.errors import ModelError, SettingsError
from crossgrad.integrations import onnx as onnx_format
from crossgrad.integrations.exporting import TOLERANCE, export
from crossgrad.integrations.graph import describe
from crossgrad.methods import METHODS
from crossgrad.model import Model
from crossgrad.nets import NETS, HeadedNet
from small import LABELS, vectors

CONDITIONS = pytest.mark.parametrize("condition", [False, True], ids=["plain", "condition"])
ALONE = """
import json, sys
import numpy as np
sys.modules.update(torch=None, crossgrad=None)
import onnxruntime
session = onnxruntime.InferenceSession("model.onnx")
about = json.loads(session.get_modelmeta().custom_metadata_map["crossgrad"])
(probabilities,) = session.run(["probabilities"], {"inputs": np.load("inputs.npy")})
print(json.dumps([about["label_names"][index] for index in probabilities.argmax(1)]))
"""
TORCH_ALONE = """
import json, sys
sys.modules.update(crossgrad=None, onnx=None)
import numpy as np, torch
extra = {"crossgrad": ""}
program = torch.export.load("model.pt2", extra_files=extra)
probabilities = program.module()(torch.from_numpy(np.load("inputs.npy")))
print(json.dumps([json.loads(extra["crossgrad"])["label_names"][index] for index in probabilities.argmax(1)]))
"""


@pytest.fixture(scope="module")
def digits() -> DomainDataset:
    dataset = crossgrad.open_dataset("digits")
    return dataset.subset(torch.arange(0, len(dataset), 9))


@pytest.fixture(scope="module")
def sounds() -> DomainDataset:
    """Chirps of several pitches as spectrograms, in the place of words."""
    decoding = AudioDecoding("log_mel", seconds=0.25)
    bands, frames = decoding.input_shape[1:]
    place = torch.arange(bands)[:, None] - torch.linspace(0, 20, frames) - torch.arange(24)[:, None, None] % 3 * 8
    inputs = torch.exp(-((place / 4) ** 2))[:, None] - 5
    return DomainDataset(
        inputs, torch.arange(24) % 3, torch.arange(24) // 3 % 4, LABELS, tuple("abcd"), "sounds", decoding=decoding
    )


@pytest.fixture(scope="module")
def model() -> Model:
    """Of vectors that are standardised, with domain features."""
    return crossgrad.train(vectors(), max_steps=30, fields={"condition": True}, batch_size=32)


@pytest.fixture(scope="module")
def exported(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(model, tmp_path_factory.mktemp("exported") / "model.onnx").file


def by_onnxruntime(file: Path, inputs: torch.Tensor) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(file)
    (found,) = session.run(["probabilities"], {"inputs": inputs.numpy()})
    return np.asarray(found)


def by_torch(file: Path, inputs: torch.Tensor) -> NDArray[np.float32]:
    found = torch.export.load(file).module()(inputs)
    return np.asarray(found.numpy())


RUNS = {"model.onnx": by_onnxruntime, "model.pt2": by_torch}


def agrees(model: Model, inputs: torch.Tensor, folder: Path, names: Sequence[str] = tuple(RUNS)) -> None:
    """The files give the model's probabilities, for one input and for many."""
    for name in names:
        run, file = RUNS[name], export(model, folder / name).file
        for some in (inputs[:1], inputs):
            expected = model.predict(some).probabilities
            np.testing.assert_allclose(run(file, some), expected, rtol=0, atol=1e-5)


# What a file gives


@CONDITIONS
@pytest.mark.parametrize("net", sorted(NETS.keys() - {"keyword"}))
def test_a_file_gives_the_models_probabilities_of_real_digits(
    net: str, condition: bool, digits: DomainDataset, tmp_path: Path
) -> None:
    if net == "conv1d":  # an image's rows as what is measured at a moment
        digits = dataclasses.replace(digits, inputs=digits.inputs[:, 0])
    model = crossgrad.train(digits, net=net, fields={"condition": condition}, max_steps=3, dropout=0.2)
    agrees(model, digits.inputs, tmp_path)


@CONDITIONS
def test_a_file_of_the_keyword_net_gives_the_models_probabilities_of_spectrograms(
    condition: bool, sounds: DomainDataset, tmp_path: Path
) -> None:
    model = crossgrad.train(sounds, net="keyword", fields={"condition": condition}, max_steps=2, batch_size=8)
    agrees(model, sounds.inputs, tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_a_file_of_every_method_gives_the_models_probabilities(method: str, tmp_path: Path) -> None:
    model = crossgrad.train(vectors(), method=method, max_steps=5, batch_size=32)
    agrees(model, vectors(40, seed=5).inputs, tmp_path, names=["model.onnx"])


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_a_batch_has_any_size(exported: Path, model: Model, n: int, seed: int) -> None:
    inputs = model.scaling.invert(torch.randn(n, 5, generator=torch.Generator().manual_seed(seed)))
    found = by_onnxruntime(exported, inputs)
    assert found.shape == (n, 3)
    np.testing.assert_allclose(found, model.predict(inputs).probabilities, rtol=0, atol=TOLERANCE)


def test_the_graph_is_valid_and_names_what_goes_in_and_comes_out(exported: Path) -> None:
    onnx.checker.check_model(exported, full_check=True)
    session = onnxruntime.InferenceSession(exported)
    (inputs,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (inputs.name, inputs.shape, inputs.type) == ("inputs", ["batch", 5], "tensor(float)")
    assert (probabilities.name, probabilities.shape) == ("probabilities", ["batch", 3])


@pytest.mark.parametrize(("name", "script"), [("model.onnx", ALONE), ("model.pt2", TORCH_ALONE)])
def test_a_file_alone_names_labels_where_crossgrad_is_not(name: str, script: str, model: Model, tmp_path: Path) -> None:
    inputs = vectors(20, seed=3).inputs
    export(model, tmp_path / name)
    np.save(tmp_path / "inputs.npy", inputs.numpy())
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert tuple(json.loads(done.stdout)) == model.predict(inputs).labels


def test_a_file_says_how_files_become_inputs(sounds: DomainDataset, tmp_path: Path) -> None:
    model = crossgrad.train(sounds, method="erm", net="mlp", max_steps=1, batch_size=8)
    odd = Model(**{**vars(model), "label_names": ('"', "ä\n", "\udc80")})
    session = onnxruntime.InferenceSession(export(odd, tmp_path / "model.onnx").file)
    about = json.loads(session.get_modelmeta().custom_metadata_map["crossgrad"])
    assert about == describe(odd)
    assert about["label_names"] == ['"', "ä\n", "\udc80"]
    assert about["decoding"] == {"kind": "audio", "features": "log_mel", "seconds": 0.25, "sample_rate_hz": 16000}
    assert about["input_shape"] == list(model.input_shape)
    assert about["scaling"] == model.scaling.to_json()


@pytest.mark.parametrize("condition", [False, True])
def test_the_domain_net_leaves_only_where_its_features_are_used(condition: bool, tmp_path: Path) -> None:
    model = crossgrad.train(vectors(), max_steps=1, fields={"condition": condition})
    program = torch.export.load(export(model, tmp_path / "model.pt2").file)
    assert any("domain_net" in name for name in program.state_dict) is condition
    graph = onnx.load(export(model, tmp_path / "model.onnx").file).graph
    assert any("domain_net" in each.name for each in graph.initializer) is condition


def test_an_export_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    model = crossgrad.train(vectors(), method="crossgrad", max_steps=1)
    model.method.train()
    before = {name: value.clone() for name, value in model.method.state_dict().items()}
    needed = [parameter.requires_grad for parameter in model.method.parameters()]
    for name in ("model.onnx", "model.pt2"):
        export(model, tmp_path / name)
    assert all(module.training for module in model.method.modules())
    assert [parameter.requires_grad for parameter in model.method.parameters()] == needed
    torch.testing.assert_close(model.method.state_dict(), before, rtol=0, atol=0)
    assert isinstance(model.method.get_submodule("domain_net"), HeadedNet)


def test_nothing_in_an_archive_is_pickled(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = export(model, tmp_path / "model.pt2").file
    with zipfile.ZipFile(file) as archive:
        pickled = [each.filename for each in archive.infolist() if each.filename.endswith(".pt") and each.file_size]
        configs = [json.loads(archive.read(name)) for name in archive.namelist() if name.endswith("_config.json")]
    assert pickled == []
    assert [entry for config in configs for entry in config["config"].values() if entry["use_pickle"]] == []

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("something was unpickled")

    for module, name in ((torch, "load"), (pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")):
        monkeypatch.setattr(module, name, refuse)
    inputs = vectors(4, seed=1).inputs
    np.testing.assert_allclose(by_torch(file, inputs), model.predict(inputs).probabilities, rtol=0, atol=1e-6)


# What is refused


def own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forward: str) -> Model:
    name = f"trunk_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(
        "import torch\nfrom torch import nn\nclass Trunk(nn.Module):\n    def __init__(self, input_shape):\n"
        f"        super().__init__()\n    def forward(self, inputs):\n        {forward}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return crossgrad.train(vectors(), method="erm", net=f"{name}:Trunk", max_steps=1)


@pytest.mark.parametrize("name", ["model.onnx", "model.pt2"])
def test_a_file_that_gives_other_probabilities_is_not_left(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = own_model(tmp_path, monkeypatch, "return inputs + torch.rand_like(inputs)")
    folder = tmp_path / "out"
    with pytest.raises(ModelError, match=r"differ from the model's by up to .* nothing was written"):
        export(model, folder / name)
    assert not folder.exists()


def test_probabilities_that_are_no_numbers_are_not_exported(tmp_path: Path) -> None:
    model = crossgrad.train(vectors(), method="erm", max_steps=1)
    with torch.no_grad():
        next(model.method.parameters()).fill_(torch.nan)
    with pytest.raises(ModelError, match="differ from the model's by up to nan"):
        export(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_net_that_is_no_one_graph_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = own_model(tmp_path, monkeypatch, "return inputs if inputs.sum() > 0 else -inputs")
    with pytest.raises(ModelError, match=r"cannot be recorded as one graph by torch\.export: .+"):
        export(model, tmp_path / "model.onnx")


def test_weights_beyond_what_one_onnx_file_holds_are_told(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_format, "MOST_BYTES", 1000)
    with pytest.raises(ModelError, match=r"2 GB at most.*give a \.pt2 file"):
        export(model, tmp_path / "model.onnx")


def test_a_file_is_replaced_only_if_asked_and_a_folder_never(model: Model, tmp_path: Path) -> None:
    file = tmp_path / "model.pt2"
    file.write_text("mine")
    with pytest.raises(SettingsError, match=r"'.*model\.pt2' is there already; give another name, or --overwrite"):
        export(model, file)
    assert file.read_text() == "mine"
    export(model, str(file), overwrite=True)
    assert zipfile.is_zipfile(file)
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(SettingsError, match="is a folder; give the name of a file"):
        export(model, tmp_path / "folder.onnx", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.onnx", "model.pt2"]


def test_a_place_that_cannot_be_written_to_is_told(model: Model, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot write '"):
        export(model, tmp_path / "file" / "model.pt2")


def test_another_ending_is_refused_with_those_that_there_are(model: Model, tmp_path: Path) -> None:
    for name in ("model", "model.tflite", "model.onx"):
        with pytest.raises(SettingsError, match=r"no format for '.*'.*'\.onnx', '\.pt2'"):
            export(model, tmp_path / name)
    assert export(model, tmp_path / "MODEL.PT2").runtime == "torch.export"


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_a_missing_package_is_told_with_its_extra(
    package: str, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SettingsError, match=rf"{package} is not installed: .*pip install .*\[onnx\]'"):
        export(model, tmp_path / "model.onnx")


# The command


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["crossgrad", *arguments])
        monkeypatch.setattr(sys, "path", list(sys.path))
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def test_the_command_writes_what_export_writes(
    command: Any, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    crossgrad.save(model, "model")
    code, out, err = command("export", "model", "model.onnx")
    assert (code, err) == (0, "")
    assert out.startswith("Wrote model.onnx (0.4 MB): inputs float32 (batch, 5) to probabilities of 3 labels. ")
    code, out, err = command("export", "model", "other.onnx", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told.pop("largest_difference") <= TOLERANCE
    assert told == {
        "file": "other.onnx",
        "runtime": "onnxruntime",
        "bytes": Path("model.onnx").stat().st_size,
        "input_shape": [5],
        "label_names": list(LABELS),
    }


def test_the_command_refuses_before_it_loads_and_ends_with_2(
    command: Any, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments, message in (
        (("absent", "model.tflite"), "Error: no format for 'model.tflite'"),
        (("absent", "model.onnx"), "Error: no model at 'absent'"),
    ):
        code, out, err = command("export", *arguments)
        assert (code, out) == (2, "")
        assert err.startswith(message)
    crossgrad.save(model, "model")
    Path("model.pt2").write_text("mine")
    code, _, err = command("export", "model", "model.pt2")
    assert (code, err) == (2, "Error: 'model.pt2' is there already; give another name, or --overwrite to replace it\n")
    assert command("export", "model", "model.pt2", "--overwrite")[0] == 0


def test_the_code_of_ones_own_net_runs_for_the_command_only_if_allowed(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = own_model(tmp_path, monkeypatch, "return 2 * inputs")
    monkeypatch.chdir(tmp_path)
    crossgrad.save(made, "model")
    code, _, err = command("export", "model", "model.pt2")
    assert code == 2
    assert "--allow-import" in err
    assert command("export", "model", "model.pt2", "--allow-import")[0] == 0
