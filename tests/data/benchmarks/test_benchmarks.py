"""One suite over every benchmark: those whose raw files are not here are skipped, and their readers have tests of their
own on small files of the same format."""

import json
import os
import re
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from commands import Command
from crossgrad.building import build_method
from crossgrad.data import BENCHMARKS, DomainDataset, check_dataset, default_protocol, held_out_folds, split
from crossgrad.data.held_out import left_out_domains
from crossgrad.data.roots import data_root
from crossgrad.errors import DataError, DataWarning, SettingsError
from crossgrad.experiments.settings import Settings

every_benchmark = pytest.mark.parametrize("name", BENCHMARKS)
every_benchmark_here = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.skipif(not each.is_here, reason=f"{name} is not in the data root"))
        for name, each in BENCHMARKS.items()
    ],
)

SMALLER: dict[str, dict[str, Any]] = {"synthetic_speakers": {"speakers": 8, "takes": 1}}
"""Options where the defaults are made for minutes, not for seconds."""

QUICKER: dict[str, dict[str, Any]] = {
    **SMALLER,
    "fonts": {"characters": "AB12"},
    "speech_lithuanian": {"variants": 1},
}
"""Options where a benchmark is made once more only to see that it can be."""

CONTENT_OUT_OF_RANGE = ("speech", "speech_v2", "speech_lithuanian", "synthetic_speakers")
"""Inputs are natural logarithms of magnitudes or their cepstra; everything else is an image in [0, 1]."""


def skip_unless_here(name: str) -> None:
    if not BENCHMARKS[name].is_here:
        pytest.skip(f"the raw files of {name} are not in {data_root()}")


@cache
def _opened(name: str) -> DomainDataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return BENCHMARKS[name].open(**SMALLER.get(name, {}))


@pytest.fixture
def opened(name: str) -> DomainDataset:
    skip_unless_here(name)
    return _opened(name)


@every_benchmark
def test_a_benchmark_says_what_it_is(name: str) -> None:
    benchmark = BENCHMARKS[name]
    assert benchmark.name == name
    assert benchmark.licence
    assert "\n" not in benchmark.description
    for file in benchmark.files:
        assert file.urls or benchmark.how, f"nothing says how to get {file.path}"
        assert not file.urls or (file.sha256 and len(file.sha256) == 64 and int(file.sha256, 16) >= 0)
        assert all(url.startswith("http") for url in file.urls)
        assert not file.path.startswith("/")
        assert ".." not in file.path.split("/")


@every_benchmark
def test_its_settings_and_net_are_ones_that_there_are(name: str) -> None:
    benchmark = BENCHMARKS[name]
    Settings.of(benchmark.settings)
    if benchmark.facts:
        facts = benchmark.facts
        method = build_method(
            "crossgrad",
            net=benchmark.net,
            input_shape=facts.input_shape,
            n_labels=facts.labels,
            n_domains=facts.domains,
            fields={},
        )
        assert method(torch.zeros(2, *facts.input_shape)).shape == (2, facts.labels)


@every_benchmark_here
def test_a_benchmark_holds_what_its_facts_say(name: str, opened: DomainDataset) -> None:
    facts = BENCHMARKS[name].facts
    if facts is None or name in SMALLER:
        pytest.skip("no facts are told of it, or it is opened smaller here")
    assert len(opened.label_names) == facts.labels
    assert len(opened.domain_names) == facts.domains
    assert len(opened) == facts.examples
    assert tuple(opened.inputs.shape[1:]) == facts.input_shape


@every_benchmark
def test_inputs_are_float32_finite_and_in_their_range(name: str, opened: DomainDataset) -> None:
    assert opened.inputs.dtype == torch.float32
    assert torch.isfinite(opened.inputs).all()
    if name in CONTENT_OUT_OF_RANGE:
        assert opened.inputs.std() > 1
    else:
        assert opened.inputs.min() >= 0
        assert opened.inputs.max() <= 1
        assert opened.inputs.max() - opened.inputs.min() > 0.9
    flat = opened.inputs.flatten(1)
    assert (flat.amax(1) > flat.amin(1)).all(), "an input is blank"


@every_benchmark
def test_every_label_and_domain_that_is_named_is_there(name: str, opened: DomainDataset) -> None:
    assert opened.benchmark == name
    assert opened.name.partition("[")[0] == name
    assert set(opened.labels.tolist()) == set(range(len(opened.label_names)))
    assert set(opened.domains.tolist()) == set(range(len(opened.domain_names)))


@every_benchmark
def test_every_label_is_in_every_part_of_its_protocol(name: str, opened: DomainDataset) -> None:
    protocol = default_protocol(opened)
    left_out = left_out_domains(opened, protocol)
    everything = set(range(len(opened.label_names)))
    for fold in held_out_folds(opened, protocol):
        assert not set(fold) & set(left_out)
        parts = split(opened, fold, in_domain_fraction=0.2, seed=0, left_out=left_out)
        assert set(opened.labels[parts.train].tolist()) == everything
        if name not in SMALLER:
            assert set(opened.labels[parts.out_of_domain].tolist()) == everything
        domains = [{opened.domains[i].item() for i in part} for part in (parts.train, parts.out_of_domain)]
        assert not domains[0] & domains[1]
    if left_out and name not in SMALLER:
        inside = torch.isin(opened.domains, torch.tensor([opened.domain_names.index(each) for each in left_out]))
        assert set(opened.labels[inside].tolist()) == everything


@every_benchmark
def test_no_label_belongs_to_one_domain_alone(name: str, opened: DomainDataset) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        check_dataset(opened)


@every_benchmark
def test_made_anew_it_is_what_was_kept(name: str, opened: DomainDataset) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        again = BENCHMARKS[name].load(**SMALLER.get(name, {}))
    assert again.fingerprint == opened.fingerprint
    assert again.domain_split == opened.domain_split


OPENED_IN_A_PROCESS = """
import json, sys, warnings
from crossgrad.data import BENCHMARKS
from crossgrad.errors import DataWarning
warnings.simplefilter("ignore", DataWarning)
for name, options in json.loads(sys.argv[1]).items():
    dataset = BENCHMARKS[name].open(**options)
    print(json.dumps([name, dataset.fingerprint, repr(dataset.domain_split)]))
"""


def test_another_process_in_other_surroundings_makes_the_same_of_all_that_are_here(tmp_path: Path) -> None:
    options = {name: QUICKER.get(name, {}) for name, benchmark in BENCHMARKS.items() if benchmark.is_here}
    surroundings = {
        "CROSSGRAD_CACHE": str(tmp_path),
        "PYTHONHASHSEED": "1234",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "OMP_NUM_THREADS": "4",
    }
    done = subprocess.run(
        [sys.executable, "-c", OPENED_IN_A_PROCESS, json.dumps(options)],
        env=os.environ | surroundings,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    here = {name: BENCHMARKS[name].open(**chosen) for name, chosen in options.items()}
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        [name, dataset.fingerprint, repr(dataset.domain_split)] for name, dataset in here.items()
    ]
    assert len(os.listdir(tmp_path)) == len(options)


@every_benchmark_here
def test_a_comparison_of_it_ends_with_a_table(name: str, command: Command) -> None:
    dataset = BENCHMARKS[name].open(**QUICKER.get(name, {}))
    fold = [] if dataset.domain_split else ["--hold-out", dataset.domain_names[0]]
    options = [part for option, value in QUICKER.get(name, {}).items() for part in ("--option", f"{option}={value}")]
    few = ["--max-steps", "2", "--seeds", "1", "--batch-size", "8", "--jobs", "1"]
    done = command("compare", name, "--methods", "erm", *few, *fold, *options)
    assert done.code == 0, done.err
    assert re.search(r"^ *ERM +\d", done.out, re.MULTILINE), done.out


@every_benchmark
def test_an_unknown_option_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} has no option 'colour'"):
        BENCHMARKS[name].open(colour=3)


@pytest.mark.parametrize("name", [name for name, benchmark in BENCHMARKS.items() if "seed" in benchmark.options])
@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_numpy_does_not_take_is_quoted(name: str, seed: int) -> None:
    with pytest.raises(SettingsError, match=f"seed must be from 0 to 4294967295, but is {seed}"):
        BENCHMARKS[name].open(seed=seed)


@pytest.mark.parametrize("name", [name for name, benchmark in BENCHMARKS.items() if benchmark.files])
def test_without_its_raw_files_it_says_what_to_do(
    name: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path_factory.mktemp("empty")))
    with pytest.raises(DataError) as caught:
        BENCHMARKS[name].open()
    assert f"crossgrad data prepare {name}" in str(caught.value)
    assert "CROSSGRAD_DATA" in str(caught.value)


def test_two_processes_that_prepare_one_benchmark_at_once_keep_one_whole_file(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("prepared")
    code = "from crossgrad.data import BENCHMARKS; print(BENCHMARKS['digits-overlapping'].open().fingerprint)"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"CROSSGRAD_CACHE": str(folder)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    printed = {process.communicate(timeout=120)[0].strip() for process in processes}
    assert printed == {_opened("digits-overlapping").fingerprint}
    assert len(os.listdir(folder)) == 1
