"""What hostile input did before it was refused, one test each."""

import hashlib
import io
import json
import os
import resource
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing.campaign import decisions
from fuzzing.readers import records
from fuzzing.readers.sweeps import TARGETS as SWEEPS
from fuzzing.targets import TARGETS, altered
from PIL import Image

import crossgrad
from crossgrad.data import ImageDecoding, held_out_folds, open_dataset, read_arrays, table_rows
from crossgrad.data.audio import read_waveform
from crossgrad.data.cache import kept_at, load_or_make
from crossgrad.data.idx import read_idx
from crossgrad.errors import CheckpointError, DataError, ModelError, RecordError, SettingsError
from crossgrad.experiments.chosen import read_chosen
from crossgrad.model_folder import DESCRIPTION, load, save
from crossgrad.report import collect, write_report
from crossgrad.report.archives import read_arrays as read_archive
from crossgrad.report.artefacts import Artefacts
from crossgrad.report.fields import check_fields
from crossgrad.report.history import curves
from crossgrad.sweeping.plan_file import read_plan
from small import images, vectors

RECORDS = records.TARGETS["records"].seeds()[0]
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = crossgrad.train(images(), net="mlp", max_steps=1, batch_size=4)
    return save(made, tmp_path_factory.mktemp("model") / "model")


def signed(model: Path, folder: Path, change: Change) -> Path:
    """A model with another description, signed as somebody may who knows how."""
    description = json.loads((model / DESCRIPTION).read_text())
    del description["sha256"]
    change(description)
    description["sha256"] = hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()
    folder.mkdir()
    for file in model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / DESCRIPTION).write_text(json.dumps(description))
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["building"].update(n_labels=10**12), "size mismatch"),
        (lambda d: d["building"].update(n_labels=-3), "negative"),
        (lambda d: d["building"].update(n_domains=10**9), "size mismatch"),
        (lambda d: d.update(label_names=["cat", "dog"]), "2 names of labels for 3 labels"),
        (lambda d: d.update(label_names=["cat", "cat", "eel"]), "names of labels are different texts"),
        (lambda d: d.update(scaling={"mean": [float("nan")], "std": [1.0]}), "are finite, and deviations positive"),
        (lambda d: d.update(scaling={"mean": [0.0], "std": [0.0]}), "are finite, and deviations positive"),
        (lambda d: d.update(scaling={"mean": [0.0] * 7, "std": [1.0] * 7}), "7 means for inputs of shape"),
        (lambda d: d.update(input_shape=[1, 9, 9]), r"inputs of shape \(1, 9, 9\) for nets of \[1, 8, 8\]"),
        (lambda d: d.update(decoding=[]), "a decoding is described by name"),
        (lambda d: d.update(decoding={"image_size": 64, "channels": 1}), r"become inputs of shape \(1, 64, 64\)"),
        (lambda d: d.update(decoding={"image_size": 10**6, "channels": 1}), "at most 4096 pixels"),
        (lambda d: d.update(card="best of all"), "its card is a str"),
    ],
)
def test_a_signed_description_that_does_not_fit_is_refused(
    model: Path, tmp_path: Path, change: Change, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        load(signed(model, tmp_path / "altered", change))


def test_a_model_takes_no_more_memory_than_its_weights_whatever_it_asks_for(model: Path, tmp_path: Path) -> None:
    def change(description: dict[str, Any]) -> None:
        description["input_shape"] = description["building"]["input_shape"] = [1, 20_000, 20_000]
        description["building"]["n_labels"] = 500_000

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError, match="size mismatch"):
        load(signed(model, tmp_path / "altered", change))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_a_pipe_in_a_models_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / DESCRIPTION)
    with pytest.raises(ModelError, match=r"model\.json is no file"):
        load(tmp_path)


def test_a_pipe_among_files_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png': it is a pipe; write it to a file first"):
        ImageDecoding(8, 1).decode(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png': it is a pipe; write it to a file first"):
        read_waveform(tmp_path / "a.png")


def test_links_to_files_are_read_wherever_they_lead(tmp_path: Path) -> None:
    Image.new("L", (3, 3)).save(tmp_path / "outside.png")
    for domain in "ab":
        (tmp_path / "data" / domain / "label").mkdir(parents=True)
        (tmp_path / "data" / domain / "label" / "1.png").symlink_to(tmp_path / "outside.png")
    assert len(open_dataset(tmp_path / "data")) == 2


def test_arrays_that_would_fill_the_memory_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "zeros.npz", inputs=np.zeros((500, 50)), labels=[0] * 500, domains=[0] * 500)
    assert (tmp_path / "zeros.npz").stat().st_size < 3000
    monkeypatch.setattr("crossgrad.data.arrays.free_memory", lambda: 250_000)
    with pytest.raises(DataError, match=r"unpacks to .* GB, more than half of the memory that is free"):
        read_arrays(tmp_path / "zeros.npz")


def test_an_array_whose_head_is_no_python_is_damage(tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.save(whole, np.zeros(3))
    head = whole.getvalue().replace(b"}", b" ").replace(b"<f8'", b"<f8L")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in ("inputs", "labels", "domains"):
            archive.writestr(f"{name}.npy", head)
    with pytest.raises(DataError, match=r"a\.npz' is damaged"):
        read_arrays(tmp_path / "a.npz")


def test_a_recording_that_is_long_at_the_rate_it_is_brought_to_is_refused() -> None:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.zeros(100), 8_000, format="FLAC")
    content = bytearray(file.getvalue())
    content[18:21] = bytes([1_000 >> 12, 1_000 >> 4 & 0xFF, (1_000 & 0xF) << 4 | content[20] & 0xF])  # its rate
    content[21:26] = bytes([content[21] & 0xF0, *(40_000_000).to_bytes(4, "big")])  # and its number of samples
    with pytest.raises(DataError, match="more than 345600000 samples"):
        read_waveform(io.BytesIO(bytes(content)))


def test_inputs_too_large_to_be_meant_are_refused() -> None:
    with pytest.raises(SettingsError, match="at most 4096 pixels, but is 1000000"):
        ImageDecoding(1_000_000, 3)


def test_a_manifest_of_endless_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text(json.dumps({"path": "a.png", "label": "x" * 5000, "domain": "d"}))
    with pytest.raises(DataError, match="'label' has 5,000 characters, more than 4,096"):
        open_dataset(tmp_path / "list.jsonl")


def test_a_parquet_manifest_of_endless_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"path": ["a.png"] * 9}), tmp_path / "list.parquet")
    monkeypatch.setattr(table_rows, "MOST_ROWS", 8)
    with pytest.raises(DataError, match="has 9 rows, more than 8; split it"):
        open_dataset(tmp_path / "list.parquet")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key", "../../elsewhere"),
        ("key", ""),
        ("held_out", "seven"),
        ("held_out", [7]),
        ("domains", None),
        ("labels", [["a"]]),
        ("seed", "0"),
        ("seed", True),
        ("n_examples", 10**400),
        ("settings", [1]),
        ("settings", {"a": {"b": {"c": 1}}}),
        ("out_of_domain", {"by_domain": {"a": "high"}}),
        ("out_of_domain", {"by_domain": {"a": float("nan")}}),
        ("in_domain", {"n": 3}),
        ("perturbation", {"l2": 1.0}),
        ("error", "it failed"),
        ("seconds", "long"),
        ("versions", "2"),
        ("command", 3),
    ],
)
def test_a_record_of_other_types_is_refused_by_its_field(field: str, value: Any) -> None:
    with pytest.raises(RecordError, match=f"record .*: {field} is .*, not "):
        check_fields({"key": "5a1d", field: value})


def test_the_records_of_a_folder_are_checked_before_anything_is_made_of_them(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text(json.dumps({"version": 1, "key": "../../elsewhere"}) + "\n")
    with pytest.raises(RecordError, match=r"key is '\.\./\.\./elsewhere', not the name of a folder"):
        collect([tmp_path])


def test_a_member_of_an_archive_that_is_no_array_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "predictions.npz", "w") as archive:
        archive.writestr("probabilities.npy", b"no array")
    with pytest.raises(RecordError, match="probabilities is no array of numbers or text"):
        read_archive(tmp_path / "predictions.npz", what="the predictions of a run")


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "gallery.npz", inputs=np.zeros(10_000))
    monkeypatch.setattr("crossgrad.report.archives.MOST_BYTES", 50_000)
    with pytest.raises(RecordError, match=r"unpacks to 80,\d+ bytes, more than 50,000"):
        read_archive(tmp_path / "gallery.npz", what="a gallery of pictures")


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["choices"][0]["fields"].update(label_weight=None),
        lambda c: c["choices"][0]["fields"].update(label_weight=[0.5]),
        lambda c: c["choices"][0]["fields"].update(label_weight="0.5"),
        lambda c: c["choices"][0]["fields"].update(nonsense=1),
        lambda c: c["choices"][0]["settings"].update(optimizer=["adam"]),
        lambda c: c.update(method="crossgrid"),
    ],
)
def test_a_choice_of_other_types_is_refused(tmp_path: Path, change: Change) -> None:
    content = json.loads(SWEEPS["chosen.json"].seeds()[0])
    (tmp_path / "chosen.json").write_text(json.dumps(content))
    assert read_chosen(tmp_path).method == "crossgrad"
    change(content)
    (tmp_path / "chosen.json").write_text(json.dumps(content))
    with pytest.raises(SettingsError, match="is no choice that a sweep made"):
        read_chosen(tmp_path)


@pytest.mark.parametrize("name", ["asked", "points", "seeds", "dropped"])
def test_a_plan_of_other_types_is_refused(tmp_path: Path, name: str) -> None:
    content = json.loads(SWEEPS["plan.json"].seeds()[0])
    (tmp_path / "plan.json").write_text(json.dumps(content | {name: 5}))
    with pytest.raises(RecordError, match="is no plan that this crossgrad wrote"):
        read_plan(tmp_path)


def test_a_kept_dataset_of_other_types_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSGRAD_CACHE", str(tmp_path))
    load_or_make(vectors, name="v", options={}, raw=[])
    place = kept_at(name="v", options={}, raw=[])
    content = place.read_bytes()[32:].replace(b'\\"decoding\\": null', b'\\"decoding\\": "no"')
    place.write_bytes(hashlib.sha256(content).digest() + content)
    assert load_or_make(vectors, name="v", options={}, raw=[]).name == "vectors"


def test_a_domain_with_a_line_end_is_held_out_between_quotes() -> None:
    names = ["a\nb", "c", "d", "e"]
    with pytest.raises(SettingsError, match="stands between double quotes"):
        held_out_folds(names, "a\nb,c")
    assert held_out_folds(names, '"a\nb",c') == [("a\nb", "c")]


def test_text_of_numbers_that_are_no_characters_is_refused(tmp_path: Path) -> None:
    text = np.full(2, 0x7FFFFFFF, dtype=np.uint32).view("<U1")
    np.savez(tmp_path / "a.npz", inputs=np.zeros((2, 2)), labels=text, domains=text)
    with pytest.raises(DataError, match=r"a\.npz'"):
        read_arrays(tmp_path / "a.npz")
    with pytest.raises(RecordError, match="labels is no text"):
        read_archive(tmp_path / "a.npz", what="a gallery of pictures")


def test_steps_beyond_all_bounds_are_no_history(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "history.json").write_text(json.dumps({"steps": [10**400], "label_loss": [1.0]}))
    with pytest.raises(RecordError, match="its steps are no numbers of steps"):
        curves([{"key": "run", "method": "erm", "error": None}], Artefacts(tmp_path), "label_loss")


def test_samples_whose_energy_has_no_number_are_refused() -> None:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.full((4000, 2), 3e38, dtype=np.float32), 16_000, format="WAV", subtype="FLOAT")
    with pytest.raises(DataError, match=r"not all finite, and at most 1e\+09"):
        read_waveform(io.BytesIO(file.getvalue()))


def test_an_idx_file_of_nothing_is_refused_whatever_its_other_dimensions() -> None:
    content = bytes([0, 0, 8, 3, 0, 0, 0, 0, *[255] * 8])
    with pytest.raises(DataError, match="holds no values: its dimensions are"):
        read_idx(content, dimensions=3, name="fuzz")


def test_a_command_in_a_record_steers_no_page() -> None:
    assert "\x1b" not in page_of(command="crossgrad \x1b[31m")


def page_of(**changes: Any) -> str:
    content = b"".join(json.dumps(json.loads(line) | changes).encode() + b"\n" for line in RECORDS.splitlines())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "records.jsonl").write_bytes(content)
        return write_report(Path(folder)).html.read_text()


def test_a_checkpoint_of_numbers_beyond_all_bounds_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not fit this training"):
        TARGETS["checkpoint"].read(altered("checkpoint", decisions(7094)), tmp_path)
