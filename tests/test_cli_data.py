"""crossgrad data and reproduce: what they tell, fetch, draw and write, and that nothing is left half-written."""

import io
import json
import os
import re
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image
from rich.console import Console

from commands import Command
from crossgrad.cli.data_list import describe, overview
from crossgrad.data import BENCHMARKS
from crossgrad.data.roots import data_root
from processes import COMMAND, end, start, wait_until
from small import save_arrays, save_pictures, vectors


@pytest.fixture
def command(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """In an empty folder, with a cache of its own."""
    monkeypatch.setenv("CROSSGRAD_CACHE", str(tmp_path / "cache"))
    return command


class Served(SimpleHTTPRequestHandler):
    """Files of a folder; "held" ones come by half, and then no more."""

    held: ClassVar[threading.Event | None] = None

    def log_message(self, *_: object) -> None:
        pass

    def copyfile(self, source: Any, outputfile: Any) -> None:
        if self.held is None:
            super().copyfile(source, outputfile)
            return
        content = source.read()
        outputfile.write(content[: len(content) // 2])
        outputfile.flush()
        self.held.wait(60)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A server of the raw data that is here, and a data root that is empty."""
    if not BENCHMARKS["rotated_mnist"].is_here:
        pytest.skip("the file of rotated_mnist is not in CROSSGRAD_DATA")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Served, directory=str(data_root())))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("CROSSGRAD_MIRROR", address)
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path / "data"))
    yield address
    server.shutdown()
    server.server_close()


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# In processes of its own


def test_the_list_is_told_by_the_command_in_seconds_and_fits_80_columns(tmp_path: Path) -> None:
    environment = os.environ | {"COLUMNS": "80", "CROSSGRAD_DATA": str(tmp_path), "CROSSGRAD_CACHE": str(tmp_path)}
    done = subprocess.run(
        [*COMMAND, "data", "list"], capture_output=True, text=True, timeout=120, env=environment, check=True
    )
    lines = done.stdout.splitlines()
    assert done.stderr == ""
    assert lines[0].split() == ["benchmark", "labels", "domains", "examples", "input", "fetch", "is", "licence"]
    assert [line.split()[0] for line in lines[1 : 1 + len(BENCHMARKS)]] == list(BENCHMARKS)
    assert all(len(line) <= 80 for line in lines)


def test_a_stop_while_a_file_comes_leaves_nothing_and_the_next_time_it_is_fetched(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    monkeypatch.setattr(Served, "held", released)
    process = start(["data", "prepare", "rotated_mnist"], tmp_path)
    try:
        wait_until(lambda: any(path.stat().st_size for path in (tmp_path / "data").rglob("*") if path.is_file()))
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        released.set()
        end(process)
    assert (process.returncode, out) == (130, "")
    assert "Interrupted: nothing is left half-written" in err
    assert files(tmp_path) == []
    monkeypatch.setattr(Served, "held", None)
    done = subprocess.run(
        [*COMMAND, "data", "prepare", "rotated_mnist"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "data") == ["rotated_mnist/MNIST_6rot.pkl.gz"]


# list


@pytest.mark.parametrize("width", [80, 120])
def test_every_number_and_name_of_the_list_is_whole_at_this_width(width: int) -> None:
    told = [describe(benchmark, in_full=False) for benchmark in BENCHMARKS.values()]
    page = io.StringIO()
    Console(file=page, width=width).print(overview(told))
    lines = page.getvalue().splitlines()
    assert len(lines) == 1 + len(BENCHMARKS)
    for line, row in zip(lines[1:], told, strict=True):
        assert line.startswith(f"{row['name']} ")
        for what in ("labels", "domains", "examples"):
            assert ("?" if row[what] is None else f"{row[what]:,}") in line.split()
        assert ("x".join(map(str, row["input_shape"])) if row["input_shape"] else "?") in line.split()
        assert row["licence"][:8] in line


def test_json_has_every_benchmark_in_full_and_one_with_its_options(command: Command) -> None:
    told = json.loads(command("data", "list", "--json").out)
    assert [row["name"] for row in told] == list(BENCHMARKS)
    for row, benchmark in zip(told, BENCHMARKS.values(), strict=True):
        assert row["licence"] == benchmark.licence
        assert row["bytes"] == sum(file.n_bytes for file in benchmark.files)
        assert row["here"] == benchmark.is_here
        assert not row["prepared"]
    one = json.loads(command("data", "list", "handwriting", "--json").out)
    assert {"name": "form", "type": "images | strokes", "default": "images"} in one["options"]
    assert {"name": "thickness", "type": "float | none", "default": "none"} in one["options"]
    assert [file["sha256"] for file in one["files"]] == [file.sha256 for file in BENCHMARKS["handwriting"].files]


def test_options_are_told_as_they_are_given(command: Command) -> None:
    for name, benchmark in BENCHMARKS.items():
        for option in json.loads(command("data", "list", name, "--json").out)["options"]:
            parsed = benchmark.parse_options({option["name"]: option["default"]})
            assert parsed == {option["name"]: benchmark.options[option["name"]]}


def test_one_benchmark_is_told_with_everything_about_it(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSGRAD_DATA", "nowhere")
    done = command("data", "list", "lipitk")
    assert done.code == 0
    assert re.search(r"^net +lenet *$", done.out, re.MULTILINE)
    assert re.search(r"^form +offline \| online +offline *$", done.out, re.MULTILINE)
    assert re.search(r"^is +not here *$", done.out, re.MULTILINE)
    assert "nowhere/lipitk" in done.out
    assert "Get hpl-devnagari-iso-char" in done.out
    assert re.search(r"^1 file:\n  nowhere/lipitk  not here$", done.out, re.MULTILINE)  # nobody knows of what size
    many = command("data", "list", "fonts").out
    assert many.count(".woff2") == 10
    assert "and 99 more, which --json lists" in many


def test_the_split_is_told_once_the_data_is_prepared(command: Command) -> None:
    assert re.search(r"^split +known once it is prepared *$", command("data", "list", "digits").out, re.MULTILINE)
    assert command("data", "prepare", "digits").code == 0
    told = command("data", "list", "digits").out
    assert re.search(r"^split +none of its own: domains are held out in turn *$", told, re.MULTILINE)
    assert re.search(r"^settings +max_steps=250, batch_size=32 *$", told, re.MULTILINE)
    assert re.search(r"^is +prepared *$", told, re.MULTILINE)


# prepare


def test_a_benchmark_is_fetched_made_and_kept_and_the_second_time_only_found(
    command: Command, mirror: str, tmp_path: Path
) -> None:
    done = command("data", "prepare", "rotated_mnist")
    assert done.code == 0
    assert f"Fetching 1 file, 3.9 MB, to {tmp_path / 'data'}\n" in done.err
    assert re.search(r"rotated_mnist: 6,000 examples, 10 labels, 6 domains, made in [\d.]+ s\n", done.err)
    (kept,) = files(tmp_path / "cache")
    assert re.fullmatch(rf"Kept: {re.escape(str(tmp_path / 'cache' / kept))} \([\d.]+ MB\)\n", done.out)
    before = time.monotonic()
    again = command("data", "prepare", "rotated_mnist")
    assert time.monotonic() - before < 2
    assert (again.code, again.out, again.err) == (0, done.out, "rotated_mnist is prepared already.\n")
    assert files(tmp_path / "cache") == [kept]


def test_another_file_in_a_raw_files_place_is_told_before_anything_is_made(
    command: Command, mirror: str, tmp_path: Path
) -> None:
    place = tmp_path / "data" / "rotated_mnist" / "MNIST_6rot.pkl.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"mine")
    done = command("data", "prepare", "rotated_mnist")
    assert (done.code, done.out) == (2, "")
    assert "is not the file that is published as 'rotated_mnist/MNIST_6rot.pkl.gz'" in done.err
    assert place.read_bytes() == b"mine"


def test_what_is_kept_is_told_as_json_if_asked(command: Command) -> None:
    for _ in range(2):
        done = command("data", "prepare", "digits", "--json")
        assert done.code == 0
        told = json.loads(done.out)
        assert told == {"name": "digits", "kept": told["kept"], "bytes": Path(told["kept"]).stat().st_size}


def test_options_of_a_benchmark_are_prepared_apart(command: Command, tmp_path: Path) -> None:
    options = ("--option", "speakers=5", "--option", "takes=1")
    done = command("data", "prepare", "synthetic_speakers", *options)
    assert done.code == 0
    assert "synthetic_speakers[speakers=5,takes=1]: 60 examples, 12 labels, 5 domains" in done.err
    assert "is prepared already" in command("data", "prepare", "synthetic_speakers", *options).err
    other = command("data", "prepare", "synthetic_speakers", *options, "--option", "seed=1")
    assert "synthetic_speakers[speakers=5,takes=1,seed=1]: 60 examples" in other.err
    assert len(files(tmp_path / "cache")) == 2


def test_what_no_program_can_fetch_is_named_with_its_place(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSGRAD_DATA", "my data")
    done = command("data", "prepare", "lipitk")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: lipitk cannot be fetched by a program. Get hpl-devnagari-iso-char")
    assert "anywhere under my data/lipitk;" in done.err
    assert done.err.endswith("Not here:\n  my data/lipitk\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prepare", "digts"), "no benchmark 'digts'; did you mean 'digits'? There are 'digits', "),
        (("list", "digts"), "no benchmark 'digts'; did you mean 'digits'? There are 'digits', "),
        (("prepare", "digits", "--option", "seed=1"), "digits has no option 'seed'; it has none"),
        (("prepare", "fonts", "--option", "seed"), "write NAME=VALUE, such as seed=1, not 'seed'"),
        (("show", "digits", "--output", "digits.jpg"), "a picture is written as PNG; give --output NAME.png"),
        (("show", "digits", "--output", "x.png", "--rows", "0"), "a sheet has 1 to 100 rows, not 0"),
        (("show", "digits", "--output", "out/x.png"), "there is no folder 'out'; make it, or give another --output"),
        (("show", "fonts", "--output", "x.png", "--option", "folder="), "folder is a path or none, not ''"),
        (("show", "absent", "--output", "x.png"), "'absent' is not there"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(command: Command, arguments: tuple[str, ...], message: str) -> None:
    done = command("data", *arguments)
    assert (done.code, done.out) == (2, "")
    assert f"Error: {message}" in done.err
    assert not [path for path in Path().iterdir() if path.name != "cache"]


def test_what_no_memory_can_hold_is_told_in_one_sentence(command: Command, tmp_path: Path) -> None:
    save_pictures(tmp_path / "scans")
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (in_use + 100_000_000, limits[1]))
    try:
        done = command("data", "show", "scans", "--image-size", "4096", "--output", "scans.png")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert (done.code, done.out) == (1, "")
    assert re.fullmatch(r"Error: there is not enough memory: Unable to allocate .*; ask for less\n", done.err)


# show


def test_examples_of_any_data_are_drawn(command: Command, tmp_path: Path) -> None:
    save_pictures(tmp_path / "scans")
    done = command("data", "show", "scans", "--image-size", "16", "--output", "scans.png")
    assert (done.code, done.out) == (0, "Picture: scans.png\n")
    assert done.err == "scans: 3 of 3 domains, 2 of 2 labels\n"
    few = command("data", "show", "digits", "--rows", "2", "--columns", "3", "--output", "digits.png")
    assert few.err == "digits: 2 of 6 domains, 3 of 10 labels\n"
    assert command("data", "show", "digits", "--output", "all.png").code == 0
    with Image.open("digits.png") as small, Image.open("all.png") as whole:
        assert small.format == "PNG"
        assert whole.width - small.width == 7 * 51
        assert whole.height - small.height == 4 * 51


def test_a_picture_is_replaced_only_if_asked_and_vectors_are_no_picture(command: Command, tmp_path: Path) -> None:
    Path("sheet.png").write_bytes(b"mine")
    refused = command("data", "show", "digits", "--output", "sheet.png")
    assert refused.code == 2
    assert "'sheet.png' is there already; give another --output, or --overwrite to replace it" in refused.err
    save_arrays(vectors(), tmp_path / "vectors.npz")
    vector = command("data", "show", "vectors.npz", "--output", "sheet.png", "--overwrite")
    assert vector.code == 2
    assert "vectors has inputs of shape (5,), which are no pictures" in vector.err
    assert Path("sheet.png").read_bytes() == b"mine"
    assert command("data", "show", "digits", "--output", "sheet.png", "--overwrite").code == 0
    assert Path("sheet.png").read_bytes().startswith(b"\x89PNG")
    assert not list(Path().glob(".sheet*"))


# reproduce


@pytest.fixture
def little_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No raw data, and synthetic speakers, which need none, five instead of a hundred."""
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path / "data"))
    spoken = BENCHMARKS["synthetic_speakers"]
    few = replace(spoken, load=partial(spoken.load, speakers=5, takes=1))
    monkeypatch.setitem(BENCHMARKS, "synthetic_speakers", few)


@pytest.mark.usefixtures("little_here")
def test_table_3_is_printed_and_written(command: Command, tmp_path: Path) -> None:
    done = command("reproduce", "table3", "--output", "tables")
    assert done.code == 0
    assert re.search(r"^Speech +as published +12 +1,888 100 / 20 % / 20 % *$", done.out, re.MULTILINE)
    assert re.search(r"^Handwriting +lipitk +not here *$", done.out, re.MULTILINE)
    assert re.search(r"^Speech +synthetic_speakers +12 +5 3 / 1 / 1 +60 *$", done.out, re.MULTILINE)
    assert done.out.endswith("Written: tables/table3.md, tables/table3.json\n\n")
    page = Path("tables/table3.md").read_text(encoding="utf-8")
    assert "| Speech | as published | 12 | 1,888 | 100 / 20 % / 20 % |  |\n" in page
    assert "| --- | --- | ---: | ---: | --- | ---: |\n" in page
    printed = command("reproduce", "table3", "--json")
    assert json.loads(Path("tables/table3.json").read_text(encoding="utf-8")) == json.loads(printed.out)


def test_an_unknown_table_is_told_with_the_nearest(command: Command) -> None:
    done = command("reproduce", "tabel3")
    assert (done.code, done.out) == (2, "")
    assert "Error: no table 'tabel3'; did you mean 'table3'? There are 'table3', 'table4'" in done.err


def test_what_a_sheet_shows_is_told_as_json_if_asked(command: Command) -> None:
    done = command("data", "show", "digits", "--rows", "2", "--columns", "5", "--output", "sheet.png", "--json")
    assert done.code == 0
    told = json.loads(done.out)
    assert told["picture"] == "sheet.png"
    assert len(told["domains"]) == 2
    assert set(told["domains"]) <= {"0", "15", "30", "45", "60", "75"}
    assert len(told["labels"]) == 5
