"""The command line: what it prints where, its exit codes, and that every option means something."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from rich.progress import Progress, TaskID

import crossgrad
from commands import Command
from crossgrad.cli.app import _is_of_memory
from crossgrad.cli.progress import ComparisonProgress, announce
from crossgrad.comparison import plan
from crossgrad.data import open_dataset
from crossgrad.experiments.chosen import Choice, Chosen, write_chosen
from crossgrad.records import Record, read_records
from crossgrad.training import Stretch
from processes import COMMAND
from small import DOMAINS, LABELS, images, save_arrays, save_pictures, vectors, written

FAST = ("--max-steps", "2", "--jobs", "1")
ONE = ("--methods", "erm", "--hold-out", "den", "--seeds", "1", *FAST)


@pytest.fixture
def command(command: Command, tmp_path: Path) -> Command:
    """In a folder with vectors.npz."""
    save_arrays(vectors(), tmp_path / "vectors.npz")
    return command


def no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def parse(text: str) -> Any:
    return json.loads(text, parse_constant=no_constant)


def records(folder: str) -> list[Record]:
    return read_records(Path(folder))


# In processes of its own


def test_the_command_compares_digits_and_prints_json_alone_to_standard_output(tmp_path: Path) -> None:
    options = ["--methods", "erm,dan", "--hold-out", "0", "--seeds", "1", "--max-steps", "2", "--jobs", "1", "--json"]
    done = subprocess.run(
        [*COMMAND, "compare", "digits", *options], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    table = parse(done.stdout)
    assert [row["method"] for row in table["rows"]] == ["erm", "dann"]
    assert "digits: 1797 examples, 10 labels, 6 domains" in done.stderr
    assert "2 runs: 2 methods x 1 fold of held-out domains x 1 seed, 2 steps of " in done.stderr
    assert "\x1b" not in done.stdout + done.stderr  # no colours, no bars where there is no terminal
    assert {record["method"] for record in records(str(tmp_path / "crossgrad-digits"))} == {"erm", "dann"}


def test_a_mistake_ends_with_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "compare", "digitz"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: 'digitz' is not there; did you mean 'digits'?")
    assert done.stderr.count("\n") == 1


def test_help_comes_without_torch_and_in_well_under_a_second(tmp_path: Path) -> None:
    code = """
import sys, time
started = time.process_time()
from crossgrad.cli import main
for arguments in (
    ["--help"], ["compare", "--help"], ["train", "-h"], ["predict", "--help"], ["diagnose", "-h"],
    ["data", "list", "--help"], ["data", "prepare", "--help"], ["data", "show", "-h"], ["reproduce", "--help"],
    ["export", "-h"],
    ["--version"],
):
    sys.argv = ["crossgrad", *arguments]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, ended
assert not {"torch", "numpy", "scipy", "sklearn", "PIL"} & set(sys.modules)
print(time.process_time() - started, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "compare" in done.stdout
    assert f"crossgrad {crossgrad.__version__}" in done.stdout
    assert float(done.stderr) < 2.5  # processor seconds of all eleven


# compare


def test_compare_says_what_it_will_do_and_where_its_results_lie(command: Command) -> None:
    done = command("compare", "vectors.npz", "--methods", "erm,crossgrad", "--seeds", "2", *FAST)
    assert done.code == 0
    assert "vectors: 96 examples, 3 labels, 4 domains" in done.err
    assert "16 runs: 2 methods x 4 folds of held-out domains x 2 seeds, 2 steps of 64 with mlp, 1 at once" in done.err
    assert re.search(r"About \d+ s to go\.", done.err)
    assert "CrossGrad" in done.out
    assert "Difference from ERM" in done.out
    assert "Report:  crossgrad-vectors/report.html\nRecords: crossgrad-vectors/records.jsonl\n" in done.out
    assert Path("crossgrad-vectors/report.html").exists()

    again = command("compare", "vectors.npz", "--methods", "erm,crossgrad", "--seeds", "2", *FAST, "--json")
    assert "16 are done already." in again.err
    assert len(records("crossgrad-vectors")) == 16
    table = parse(again.out)
    assert table["held_out"] == list(DOMAINS)
    assert table["seeds"] == [0, 1]


@pytest.mark.parametrize(
    ("option", "value", "place", "recorded"),
    [
        ("--max-steps", "3", "max_steps", 3),
        ("--batch-size", "8", "batch_size", 8),
        ("--learning-rate", "0.5", "learning_rate", 0.5),
        ("--optimizer", "sgd", "optimizer", "sgd"),
        ("--weight-decay", "0.25", "weight_decay", 0.25),
        ("--dropout", "0.5", "dropout", 0.5),
        ("--scaling", "none", "scaling", "none"),
        ("--threads", "2", "threads", 2),
    ],
)
def test_an_option_of_training_is_in_the_record_and_changes_the_run(
    command: Command, option: str, value: str, place: str, recorded: object
) -> None:
    for output, extra in (("plain", ()), ("changed", (option, value))):
        assert command("compare", "vectors.npz", *ONE, "--output", output, *extra).code == 0
    (plain,), (changed,) = records("plain"), records("changed")
    assert plain["settings"][place] != recorded
    assert changed["settings"] == plain["settings"] | {place: recorded}
    assert changed["key"] != plain["key"]
    if place != "threads":
        assert changed["losses"] != plain["losses"]
    assert f"{option} {value}" in changed["command"]


def test_fields_seeds_groups_and_nets_are_those_asked_for(command: Command) -> None:
    fields = ("--set", "crossgrad.label_weight=0.25", "--set", "crossgrad.clip=1")
    options = ("--methods", "crossgrad", "--hold-out", "den,attic", "--seed", "7", *FAST, *fields, "--output", "a/b")
    assert command("compare", "vectors.npz", *options).code == 0
    (record,) = records("a/b")
    assert (record["held_out"], record["seed"], record["net"]) == (["attic", "den"], 7, "mlp")
    assert (record["settings"]["fields"]["label_weight"], record["settings"]["fields"]["clip"]) == (0.25, 1.0)
    save_arrays(images(), Path("images.npz"))
    preset = ("--set", "crossgrad.preset=dassl")
    options = ("--methods", "crossgrad", "--hold-out", "den", "--seeds", "2", *FAST, *preset, "--net", "conv2")
    assert command("compare", "images.npz", *options).code == 0
    found = records("crossgrad-images")
    assert [(record["net"], record["seed"]) for record in found] == [("conv2", 0), ("conv2", 1)]
    assert all(record["settings"]["fields"]["reduction"] == "mean" for record in found)


def test_ones_own_net_is_found_in_the_working_folder(command: Command) -> None:
    Path("own_cli_trunk.py").write_text("from torch import nn\n\ndef make(input_shape):\n    return nn.Flatten()\n")
    assert command("compare", "vectors.npz", *ONE, "--net", "own_cli_trunk:make").code == 0
    assert records("crossgrad-vectors")[0]["net"] == "own_cli_trunk:make"
    train = ("train", "vectors.npz", "--max-steps", "2", "--net", "own_cli_trunk:make", "--output", "model")
    assert command(*train).code == 0
    refused = command("predict", "model", "vectors.npz")
    assert refused.code == 2
    assert "Give --allow-import" in refused.err
    assert command("predict", "model", "vectors.npz", "--allow-import").code == 0


def choice(**chosen: Any) -> None:
    """Write chosen.json: settings for a model of all domains, and others where den is held out."""
    of_all = {"domain_net": chosen.pop("domain_net", None)}
    choices = tuple(Choice(fold, of_all | {"max_steps": n}, {}, 0.5, None) for fold, n in (((), 2), (("den",), 3)))
    write_chosen(Path("chosen.json"), Chosen("erm", "vectors", select="held-out", how="", choices=choices, **chosen))


@pytest.mark.parametrize(
    ("chosen", "arguments"),
    [
        ({}, ("compare", *ONE, "--domain-net", "own_cli_domain:make")),
        ({}, ("train", "--method", "erm", *FAST[:2], "--output", "model", "--domain-net", "own_cli_domain:make")),
        ({}, ("sweep", "--method", "erm", "--grid", "dropout=0,0.5", *FAST, "--domain-net", "own_cli_domain:make")),
        ({"net": "own_cli_domain:make"}, ("compare", *ONE, "--chosen", "chosen.json")),
        ({"domain_net": "own_cli_domain:make"}, ("compare", *ONE, "--chosen", "chosen.json")),
        ({"net": "own_cli_domain:make"}, ("train", "--chosen", "chosen.json", "--output", "model")),
        ({"domain_net": "own_cli_domain:make"}, ("train", "--chosen", "chosen.json", "--output", "model")),
    ],
)
def test_ones_own_net_is_found_in_the_working_folder_whoever_names_it(
    command: Command, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str], arguments: tuple[str, ...]
) -> None:
    Path("own_cli_domain.py").write_text("from torch import nn\n\ndef make(input_shape):\n    return nn.Flatten()\n")
    monkeypatch.delitem(sys.modules, "own_cli_domain", raising=False)
    choice(**{"net": "mlp", **chosen})
    done = command(arguments[0], "vectors.npz", *arguments[1:])
    assert done.code == 0, done.err


@pytest.mark.parametrize("arguments", [("compare",), ("train", "--output", "model"), ("sweep",), ("diagnose",)])
def test_no_code_of_the_working_folder_is_in_the_way_of_a_trained_encoder(
    command: Command, arguments: tuple[str, ...]
) -> None:
    done = command(arguments[0], "vectors.npz", *arguments[1:], "--net", "transformers:nothing")
    assert done.code == 2
    assert os.getcwd() not in sys.path


@pytest.mark.parametrize(("domains", "steps"), [((), 2), (("attic", "barn", "cellar"), 3)])
def test_the_bar_of_a_training_is_as_long_as_what_was_chosen_for_its_domains(
    command: Command, monkeypatch: pytest.MonkeyPatch, domains: tuple[str, ...], steps: int
) -> None:
    totals: list[float | None] = []
    update = Progress.update

    def noted(progress: Progress, task: TaskID, **changes: Any) -> None:
        totals.append(progress.tasks[task].total)
        update(progress, task, **changes)

    monkeypatch.setattr(Progress, "update", noted)
    choice(net="mlp")
    named = [word for domain in domains for word in ("--domain", domain)]
    assert command("train", "vectors.npz", "--chosen", "chosen.json", "--output", "model", *named).code == 0
    assert set(totals) == {steps}


def test_too_little_memory_is_told_in_one_sentence(command: Command) -> None:
    Path("own_cli_large.py").write_text(
        "import torch\n\nclass Large(torch.nn.Flatten):\n"
        "    def forward(self, inputs):\n        return inputs + torch.empty(10**15) if self.training else inputs\n\n"
        "def make(input_shape):\n    return Large()\n"
    )
    done = command("train", "vectors.npz", "--net", "own_cli_large:make", "--max-steps", "2", "--output", "model")
    assert done.code == 1
    assert "Error: there is not enough memory: " in done.err
    assert "; ask for less" in done.err
    assert "Traceback" not in done.err
    assert _is_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not _is_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_folder_of_images_and_a_manifest_are_compared(command: Command, tmp_path: Path) -> None:
    files = save_pictures(tmp_path / "pictures")
    options = (*ONE[:2], "--hold-out", "barn", *ONE[4:])
    assert command("compare", "pictures", *options, "--image-size", "10", "--channels", "3").code == 0
    (record,) = records("crossgrad-pictures")
    assert (record["domains"], record["labels"], record["net"]) == (
        ["attic", "barn", "cellar"],
        ["cat", "dog"],
        "lenet",
    )
    with Path("list.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "what", "where"])
        for path in files:
            writer.writerow([path.relative_to(tmp_path), path.parent.name, path.parent.parent.name])
    columns = ("--path-column", "file", "--label-column", "what", "--domain-column", "where")
    assert command("compare", "list.csv", *options, *columns, "--image-size", "10", "--channels", "3").code == 0
    (listed,) = records("crossgrad-list")
    assert listed["out_of_domain"] == record["out_of_domain"]
    assert listed["losses"] == record["losses"]
    assert command("compare", "list.csv", *options, *columns, "--output", "grey").code == 0
    assert records("grey")[0]["fingerprint"] != listed["fingerprint"]


def test_unreadable_images_are_named_and_left_out_only_if_asked(command: Command, tmp_path: Path) -> None:
    save_pictures(tmp_path / "pictures")
    (tmp_path / "pictures" / "attic" / "cat" / "broken.png").write_bytes(b"nonsense")
    options = ("compare", "pictures", *ONE[:2], "--hold-out", "barn", *ONE[4:])
    done = command(*options)
    assert done.code == 2
    assert "broken.png" in done.err
    assert "--skip-unreadable (skip_unreadable=True) leaves such files out" in done.err
    done = command(*options, "--skip-unreadable")
    assert done.code == 0
    assert re.search(r"Warning: left out, since 1 of 19 images cannot be read: '.*broken.png'", done.err)
    assert records("crossgrad-pictures")[0]["n_examples"] == 18


def test_a_run_that_fails_is_told_and_the_exit_code_says_so(command: Command) -> None:
    options = ("--methods", "erm,crossgrad", "--hold-out", "den", "--seeds", "1", *FAST)
    done = command("compare", "vectors.npz", *options, "--set", "crossgrad.label_gradient_step=1e300")
    assert done.code == 1
    assert "CrossGrad, held out den, seed 0: perturbed_domain_loss became nan at step 1" in done.err
    assert "Without a result:" in done.out
    assert "at step 1" in done.out
    assert "Report:" in done.out
    assert [record["error"] is None for record in records("crossgrad-vectors")] == [True, False]


def test_other_results_are_overwritten_only_if_asked(command: Command) -> None:
    assert command("compare", "vectors.npz", *ONE).code == 0
    before = written(Path("crossgrad-vectors"))
    refused = command("compare", "vectors.npz", *ONE, "--batch-size", "9")
    assert refused.code == 2
    assert (
        "'crossgrad-vectors' holds 1 other runs, no part of this comparison (of vectors; methods erm; seeds 0; "
        in refused.err
    )
    assert written(Path("crossgrad-vectors")) == before
    assert command("compare", "vectors.npz", *ONE, "--batch-size", "9", "--overwrite").code == 0
    assert [record["settings"]["batch_size"] for record in records("crossgrad-vectors")] == [9]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("absent.npz",), "no such file: 'absent.npz'"),
        (("vectors.npz", "--methods", "ermm"), "no method 'ermm'; did you mean 'erm'?"),
        (("vectors.npz", "--methods", ","), "no methods to compare; name at least one"),
        (("vectors.npz", "--net", "lanet"), "no net 'lanet'; did you mean 'lenet'?"),
        (("vectors.npz", "--net", "nowhere:trunk"), "no trunk at 'nowhere:trunk': No module named 'nowhere'"),
        (("vectors.npz", "--hold-out", "dne"), "unknown domain 'dne'; did you mean 'den'?"),
        (("vectors.npz", "--seeds", "0"), "--seeds is at least 1, not 0"),
        (("vectors.npz", "--seed", "-1"), "a seed is a whole number from 0 to 4294967295, not -1"),
        (("vectors.npz", "--jobs", "0"), "jobs is at least 1, not 0"),
        (("vectors.npz", "--set", "nonsense"), "write METHOD.FIELD=VALUE"),
        (("vectors.npz", "--methods", "erm", "--set", "dann.reversal=1"), "fields are set for dann, which is not comp"),
        (("vectors.npz", "--image-size", "9"), "image size and channels are for image files"),
        (("vectors.npz", "--output", "vectors.npz"), "'vectors.npz' is a file; give a folder to write to"),
        (("vectors.npz", "--output", "."), "'.' is not empty and holds no records (vectors.npz, ...)"),
    ],
)
def test_compare_tells_a_mistake_in_one_sentence(command: Command, arguments: tuple[str, ...], message: str) -> None:
    done = command("compare", *arguments, *([] if "--jobs" in arguments else FAST))
    assert (done.code, done.out) == (2, "")
    assert f"Error: {message}" in done.err


def test_a_message_is_never_cut_in_two_by_the_width_of_a_terminal(command: Command) -> None:
    path = "/".join(["a long name of a folder"] * 12) + "/absent.npz"
    done = command("compare", path)
    assert done.err == f"Error: no such file: '{path}'\n"


# train and predict


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "model"
    return crossgrad.save(crossgrad.train(vectors(), max_steps=5), folder)


def test_train_saves_the_model_that_the_library_would(command: Command) -> None:
    options = ("--max-steps", "4", "--seed", "3", "--set", "crossgrad.label_weight=0.25", "--batch-size", "16")
    done = command("train", "vectors.npz", *options, "--domain", "den", "--domain", "attic", "--output", "model")
    assert done.code == 0
    assert "vectors: 96 examples, 3 labels; training CrossGrad on 2 domains" in done.err
    assert re.search(r"Accuracy on \d+ unseen examples of its training domains: [\d.]+ %", done.out)
    assert re.search(r"Accuracy on 48 examples of other domains: [\d.]+ %", done.out)
    assert "Model: model" in done.out
    expected = crossgrad.train(
        open_dataset("vectors.npz"),
        domains=["den", "attic"],
        seed=3,
        max_steps=4,
        batch_size=16,
        fields={"label_weight": 0.25},
    )
    loaded = crossgrad.load("model")
    assert loaded.card == expected.card
    inputs = vectors(7, seed=2).inputs
    np.testing.assert_array_equal(loaded.predict(inputs).probabilities, expected.predict(inputs).probabilities)

    refused = command("train", "vectors.npz", *options, "--output", "model")
    assert refused.code == 2
    assert "holds a model already" in refused.err
    again = command(
        "train", "vectors.npz", *options, "--method", "dan", "--set", "dann.reversal=1", "--output", "other"
    )
    assert again.code == 2
    assert "--set names crossgrad, but dann is trained" in again.err
    replaced = command(
        "train", "vectors.npz", "--method", "erm", *FAST[:2], "--output", "model", "--overwrite", "--json"
    )
    assert parse(replaced.out)["model"] == "model"
    assert set(parse(replaced.out)) == {"model", "in_domain"}
    assert crossgrad.load("model").card["method"] == "erm"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("absent", "--output", "model"), 2, "'absent' is not there"),
        (("vectors.npz", "--method", "ermm", "--output", "model"), 2, "no method 'ermm'; did you mean 'erm'?"),
        (
            ("vectors.npz", "--domain", "den", "--domain", "barm", "--output", "model"),
            2,
            "no domain 'barm'; did you mean",
        ),
        (("vectors.npz", "--domain", "den", "--output", "model"), 2, "fewer than two domains are left to train on"),
        (("vectors.npz", "--output", "vectors.npz"), 2, "is a file; give another --output"),
        (
            ("vectors.npz", "--output", "model", "--set", "crossgrad.label_gradient_step=1e300"),
            1,
            "perturbed_domain_loss became nan at step 1",
        ),
    ],
)
def test_train_tells_a_mistake_in_one_sentence(
    command: Command, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = command("train", *arguments, "--max-steps", "2")
    assert (done.code, done.out) == (code, "")
    assert "Error: " in done.err
    assert message in done.err
    assert not Path("model").exists()


def test_a_file_s_name_that_is_no_utf_8_is_printed_as_it_is_or_escaped(command: Command, tmp_path: Path) -> None:
    save_pictures(Path("pictures"), domains=3, each=4)
    assert (
        command("train", "pictures", "--image-size", "16", "--net", "conv2", *FAST[:2], "--output", "small").code == 0
    )
    name = b"bad\xff.png"
    os.rename(os.fsencode(min(Path("pictures").rglob("*.png"))), name)
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    for form, printed in (("csv", name), ("jsonl", b'"bad\\udcff.png"'), ("table", b"bad\\udcff.png")):
        arguments = [*COMMAND, "predict", "small", name, "--format", form]
        done = subprocess.run(arguments, env=strict, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert printed in done.stdout


def test_predictions_are_printed_as_a_table_as_csv_and_as_json_lines(command: Command, model: Path) -> None:
    expected = crossgrad.load(model).predict(open_dataset("vectors.npz").inputs)
    lines = [
        parse(line) for line in command("predict", str(model), "vectors.npz", "--format", "jsonl").out.splitlines()
    ]
    assert [line["file"] for line in lines] == [f"vectors.npz[{index}]" for index in range(96)]
    assert tuple(line["label"] for line in lines) == expected.labels
    found = np.array([[line["probabilities"][name] for name in LABELS] for line in lines])
    np.testing.assert_allclose(found, expected.probabilities, atol=1e-6)
    assert command("predict", str(model), "vectors.npz", "--json").out.splitlines()[5] == json.dumps(lines[5])

    rows = list(csv.DictReader(io.StringIO(command("predict", str(model), "vectors.npz", "--format", "csv").out)))
    assert [row["label"] for row in rows] == list(expected.labels)
    assert [float(row["p(eel)"]) for row in rows] == [line["probabilities"]["eel"] for line in lines]

    table = command("predict", str(model), "vectors.npz").out.splitlines()
    assert table[0].split() == ["file", "label", "probability", "next"]
    assert len(table) == 97
    assert table[1].split()[:2] == ["vectors.npz[0]", expected.labels[0]]


def test_the_label_that_was_chosen_is_not_the_next_one_too_where_two_are_as_probable(command: Command) -> None:
    made = crossgrad.train(vectors(), method="erm", max_steps=1)
    with torch.no_grad():
        for parameter in made.method.parameters():
            parameter.zero_()
    crossgrad.save(made, "tie")
    *_, line = command("predict", "tie", "vectors.npz").out.splitlines()
    assert line.split()[1:] == ["cat", "0.333", "dog", "0.333,", "eel", "0.333"]


def test_image_files_are_labelled_one_by_one(command: Command, tmp_path: Path) -> None:
    files = save_pictures(tmp_path / "pictures")
    options = ("--net", "mlp", "--image-size", "8", "--max-steps", "30", "--batch-size", "16", "--output", "model")
    assert command("train", "pictures", *options).code == 0
    done = command("predict", "model", *map(str, files), "--json")
    assert [parse(line)["label"] for line in done.out.splitlines()] == [file.parent.name for file in files]
    folder = command("predict", "model", "pictures", "--json")
    assert [parse(line) for line in folder.out.splitlines()] == [
        parse(line) | {"file": str(file.relative_to(tmp_path))}
        for file, line in sorted(zip(files, done.out.splitlines(), strict=True))
    ]


def printed_files(form: str, text: str) -> list[str]:
    if form == "jsonl":
        return [parse(line)["file"] for line in text.splitlines()]
    if form == "csv":
        return [row["file"] for row in csv.DictReader(io.StringIO(text))]
    return [line.split()[0] for line in text.splitlines()[1:]]


def test_predict_prints_what_it_can_before_a_file_that_it_cannot_read(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_pictures(Path("scans"))
    assert command("train", "scans", "--image-size", "8", "--max-steps", "2", "--output", "model").code == 0
    pictures = [f"{n}.png" for n in range(5)]
    for name, file in zip(pictures, sorted(Path("scans").rglob("*.png")), strict=False):
        file.rename(name)
    Path("broken.png").write_bytes(b"no image")
    for at_a_time in (1, 2, 256):
        monkeypatch.setattr("crossgrad.cli.predict.FILES_AT_A_TIME", at_a_time)
        for form in ("jsonl", "csv", "table"):
            files = [*pictures[:3], "broken.png", *pictures[3:]]
            done = command("predict", "model", *files, "--format", form)
            assert (done.code, printed_files(form, done.out)) == (1, pictures[:3])
            assert done.err.startswith("Error: cannot read image 'broken.png'")
            none = command("predict", "model", "broken.png", *pictures, "--format", form)
            assert (none.code, none.out) == (2, "")
            assert "'broken.png'" in none.err
            rest = command("predict", "model", *files, "--format", form, "--skip-unreadable")
            assert (rest.code, printed_files(form, rest.out)) == (0, pictures)
            assert rest.err.startswith("Warning: cannot read image 'broken.png'")
    nothing = command("predict", "model", "broken.png", "broken.png", "--format", "csv", "--skip-unreadable")
    assert (nothing.code, nothing.out) == (2, "")
    assert nothing.err.endswith("Error: nothing was labelled: 2 files cannot be read\n")


def test_predict_finds_out_what_it_can_before_it_prints(command: Command, model: Path) -> None:
    Path("empty").mkdir()
    Path("picture.png").write_bytes(b"no image")
    for path, message in (
        ("absent.png", "no such file or folder: 'absent.png'"),
        ("absent.npz", "no such file or folder: 'absent.npz'"),
        ("empty", "no images and no audio files in 'empty'"),
        ("picture.png", "the model is trained on arrays of shape (5,), it cannot read files"),
    ):
        for options in ((), ("--skip-unreadable",)):
            done = command("predict", str(model), "vectors.npz", path, "--json", *options)
            assert (done.code, done.out) == (2, "")
            assert done.err == f"Error: {message}\n"


def test_predict_tells_a_model_or_a_file_that_cannot_be_used(command: Command, model: Path) -> None:
    np.savez("other.npz", inputs=np.zeros((2, 4)))
    for arguments, message in (
        (("absent", "vectors.npz"), "no model at 'absent'"),
        ((str(model), "other.npz"), "inputs have shape (4,), the model takes (5,)"),
    ):
        done = command("predict", *arguments)
        assert (done.code, done.out) == (2, "")
        assert message in done.err


# The bar


def test_a_terminal_shows_runs_done_the_steps_and_losses_of_runs_and_the_time_left(tmp_path: Path) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=160)

    class Slowed(ComparisonProgress):
        def advance(self, run: Any, stretch: Stretch) -> None:
            super().advance(run, stretch)
            time.sleep(0.2)  # the screen is drawn several times a second

    with Slowed(console, jobs=1) as follower:
        crossgrad.compare(
            vectors(),
            output=tmp_path,
            methods=["erm", "crossgrad"],
            hold_out="den",
            seeds=[0],
            max_steps=3,
            follower=follower,
        )
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "0/2" in shown
    assert "1/2" in shown
    assert " left" in shown
    assert re.search(r"CrossGrad, held out den, seed 0: step 2/3, label loss \d\.\d+", shown)
    assert re.search(r"moved by \d+\.\d+ of \d+\.\d", shown)


def test_the_time_left_is_known_from_the_first_news_on_even_if_that_is_of_a_finished_run(tmp_path: Path) -> None:
    planned = plan(vectors(), output=tmp_path, methods=["erm"], hold_out="den", seeds=[0, 1], max_steps=2)
    screen = io.StringIO()
    follower = ComparisonProgress(Console(file=screen, width=100), jobs=1)
    follower.plan(planned, planned.runs)
    follower.advance(
        planned.runs[0],
        Stretch(
            start=0,
            step=2,
            means={"label_loss": 1.0},
            seconds=1.0,
            waiting_seconds=0.0,
            n_examples=2,
            learning_rate=0.1,
        ),
    )
    Console(file=screen, width=100).print(follower._render())
    assert re.search(r"0/2 \d+ s left", screen.getvalue())


def test_runs_of_several_lengths_and_nets_are_announced_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = plan(images(), output=tmp_path, methods=["erm"], seeds=[0], max_steps=4, match="passes", net="lenet")
    short = replace(planned.runs[0], net="conv2", settings=replace(planned.runs[0].settings, max_steps=2))
    both = replace(planned, runs=(*planned.runs, short))
    announce(both, both.runs, expected=1.0, jobs=1)
    assert ", 2 or 4 steps of 64 with lenet or conv2, 1 at once" in " ".join(capsys.readouterr().err.split())


def test_one_of_what_is_counted_is_no_plural(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned = plan(images(), output=tmp_path, methods=["erm"], hold_out="den", seeds=[0], max_steps=1)
    announce(planned, planned.runs, expected=1.0, jobs=1)
    assert "\n1 run: 1 method x 1 fold of held-out domains x 1 seed, 1 step of 64 with" in capsys.readouterr().err
    announce(replace(planned, runs=planned.runs * 2), planned.runs, expected=1.0, jobs=1)
    assert "\n1 is done already. About" in capsys.readouterr().err
