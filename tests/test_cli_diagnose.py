"""crossgrad diagnose: what it prints and writes, once as a process of its own; its page in a real browser."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from crossgrad.cli import main
from processes import COMMAND
from small import save_arrays, save_pictures, vectors

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
NASTY = ("<script>alert(1)</script>", "größe 日本", "\x1b[31mred", "x" * 90)


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["crossgrad", "diagnose", *arguments])
        with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Done(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple["subprocess.CompletedProcess[str]", Path]:
    folder = tmp_path_factory.mktemp("digits")
    arguments = [*COMMAND, "diagnose", "digits", "--max-steps", "20"]
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=300, check=False), folder


def spectra(path: Path) -> Path:
    """Inputs as audio has them, (1, 40, 20) far from [0, 1], in three domains with names that attack."""
    random = np.random.RandomState(0)
    labels, domains = np.arange(48) % 2, np.arange(48) // 2 % len(NASTY)
    inputs = 30 * random.randn(48, 1, 40, 20) + 40 * labels[:, None, None, None] - 20
    np.savez(path, inputs=inputs, labels=labels, domains=np.array(NASTY)[domains])
    return path


def test_it_says_what_it_will_do_and_what_it_found(digits: tuple["subprocess.CompletedProcess[str]", Path]) -> None:
    done, folder = digits
    assert done.returncode == 0, done.stderr
    assert "digits: 1797 examples, 10 labels, 6 domains" in done.stderr
    assert "6 trainings with domains held out, 1 training of a domain net, 20 steps each with conv2." in done.stderr
    assert "s to go." in done.stderr
    assert "Lost on unseen domains" in done.stdout
    assert "This is a rule of thumb" in done.stdout
    assert "Page:    crossgrad-digits-diagnosis/diagnosis.html" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert {path.name for path in (folder / "crossgrad-digits-diagnosis").iterdir()} == {
        "diagnosis.html",
        "diagnosis.json",
    }


def test_it_can_be_read_at_80_columns(digits: tuple["subprocess.CompletedProcess[str]", Path]) -> None:
    done, _ = digits
    numbers, _, _ = done.stdout.partition("\n\n")
    rows = [line.rstrip() for line in numbers.splitlines()]
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert all(row[0] != " " for row in rows), "a row of the table is broken in two"


def test_its_numbers_are_json(digits: tuple["subprocess.CompletedProcess[str]", Path]) -> None:
    _, folder = digits
    content = json.loads((folder / "crossgrad-digits-diagnosis" / "diagnosis.json").read_text())
    assert content["findings"]["max_steps"] == 20
    assert sum(map(sum, content["findings"]["composition"]["counts"])) == 1797
    assert content["advice"]["verdict"]
    assert content["command"] == "crossgrad diagnose digits --max-steps 20"


def test_json_alone_goes_to_standard_output_and_the_seed_counts(run: Run, tmp_path: Path) -> None:
    save_arrays(vectors(), tmp_path / "vectors.npz")
    first, again, other = (
        run("vectors.npz", "--max-steps", "3", "--seed", seed, "--output", name, "--json")
        for seed, name in (("0", "first"), ("0", "again"), ("1", "other"))
    )
    assert first.returncode == 0, first.stderr
    findings = [json.loads(done.stdout)["findings"] for done in (first, again, other)]
    assert findings[0] == findings[1]
    assert findings[0]["told_apart"] != findings[2]["told_apart"]


def test_nothing_is_overwritten_unasked(run: Run, tmp_path: Path) -> None:
    save_arrays(vectors(), tmp_path / "vectors.npz")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diagnosis.html").write_text("mine")
    options = ["vectors.npz", "--max-steps", "2", "--output", "mine"]
    refused = run(*options)
    assert refused.returncode == 2
    assert "is there already" in refused.stderr
    assert (tmp_path / "mine" / "diagnosis.html").read_text() == "mine"
    assert run(*options, "--overwrite").returncode == 0


def test_the_comparison_that_it_names_reads_the_same_data(run: Run, tmp_path: Path) -> None:
    save_pictures(tmp_path / "pictures", domains=4, each=6)
    done = run("pictures", "--image-size", "16", "--net", "conv2", "--max-steps", "2", "--output", "d")
    assert done.returncode == 0, done.stderr
    assert "crossgrad compare pictures --image-size 16 --net conv2" in (tmp_path / "d/diagnosis.html").read_text()


def test_a_folder_s_name_that_is_no_utf_8_costs_no_diagnosis(run: Run, tmp_path: Path) -> None:
    name = os.fsdecode(b"pictures\xff")
    save_pictures(tmp_path / name, domains=3, each=6)
    done = run(name, "--image-size", "16", "--net", "conv2", "--max-steps", "2", "--output", "d", "--skip-unreadable")
    assert done.returncode == 0, done.stderr
    assert "pictures" in json.loads((tmp_path / "d/diagnosis.json").read_text())["command"]
    assert "--image-size 16 --net conv2 --skip-unreadable" in (tmp_path / "d/diagnosis.html").read_text()


def test_one_domain_is_said_and_not_crashed_on(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", inputs=np.random.RandomState(0).randn(20, 3), labels=[0, 1] * 10, domains=[7] * 20)
    done = run("one.npz", "--max-steps", "2")
    assert done.returncode == 0, done.stderr
    assert "There is one domain: there are no differences between domains to train" in done.stdout
    assert (tmp_path / "crossgrad-one-diagnosis" / "diagnosis.html").exists()


# The page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH (Debian's package chromium)")
Open = Callable[[Path], "playwright.Page"]


@pytest.fixture(scope="module")
def open_page() -> Iterator[Open]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        def open_page(path: Path) -> playwright.Page:
            page = browser.new_page()
            page.seen = []
            page.on("console", lambda message: page.seen.append(message.text))
            page.on("dialog", lambda dialog: (page.seen.append(dialog.message), dialog.dismiss()))
            page.on("request", lambda request: page.seen.append(request.url))
            page.goto(path.as_uri())
            return page

        yield open_page
        browser.close()


@needs_chromium
def test_the_page_shows_counts_bars_and_pictures(
    digits: tuple["subprocess.CompletedProcess[str]", Path], open_page: Open
) -> None:
    path = digits[1] / "crossgrad-digits-diagnosis" / "diagnosis.html"
    page = open_page(path)
    assert [news for news in page.seen if not news.startswith("data:")] == [path.as_uri()]
    assert page.locator("script").count() == 0
    assert page.locator("h1").inner_text() == "digits"
    assert page.locator(".heatmap td").count() == 60
    assert sum(int(text) for text in page.locator(".heatmap td").all_inner_texts()) == 1797
    assert page.locator(".panel svg[role=img]").count() == 12
    widths = page.eval_on_selector_all("img", "pictures => pictures.map(picture => picture.naturalWidth)")
    assert widths == [16] * 6 * (2 + 5)  # one moved picture a step
    assert "crossgrad compare digits" in page.locator("pre").inner_text()


@needs_chromium
def test_more_examples_are_drawn_darker_and_none_in_another_colour(run: Run, tmp_path: Path, open_page: Open) -> None:
    labels, domains = [0] * 12 + [1] * 3 + [0] * 6, [1] * 12 + [1] * 3 + [2] * 6
    np.savez(tmp_path / "few.npz", inputs=np.random.RandomState(0).randn(21, 3), labels=labels, domains=domains)
    assert run("few.npz", "--max-steps", "2").returncode == 0
    page = open_page(tmp_path / "crossgrad-few-diagnosis" / "diagnosis.html")
    assert page.locator(".heatmap td").all_inner_texts() == ["12", "6", "3", "0"]
    colours = page.eval_on_selector_all(".heatmap td", "all => all.map(one => getComputedStyle(one).backgroundColor)")
    assert len(set(colours)) == 4
    assert page.locator(".heatmap .empty").all_inner_texts() == ["0"]


@needs_chromium
def test_names_that_attack_are_text_and_the_page_never_scrolls_sideways(
    run: Run, tmp_path: Path, open_page: Open
) -> None:
    spectra(tmp_path / "spectra.npz")
    done = run("spectra.npz", "--max-steps", "2", "--net", "mlp")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    path = tmp_path / "crossgrad-spectra-diagnosis" / "diagnosis.html"
    page = open_page(path)
    assert [news for news in page.seen if not news.startswith("data:")] == [path.as_uri()]
    assert NASTY[0] in page.locator(".heatmap thead").inner_text()
    assert "percentile" in page.locator(".gallery figcaption").inner_text()
    assert page.locator(".gallery img").count() == 6 * (2 + 5)
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@needs_chromium
def test_tables_too_large_to_read_are_pictures(run: Run, tmp_path: Path, open_page: Open) -> None:
    domains = np.arange(120) % 20
    np.savez(tmp_path / "many.npz", inputs=np.random.RandomState(0).randn(120, 3), labels=domains % 3, domains=domains)
    assert run("many.npz", "--max-steps", "2").returncode == 0
    page = open_page(tmp_path / "crossgrad-many-diagnosis" / "diagnosis.html")
    assert page.locator(".heatmap").count() == 0
    size = page.eval_on_selector(".pixels", "picture => [picture.naturalWidth, picture.naturalHeight]")
    assert size == [20, 3]
    assert "40 of 60 pairs without any" in page.locator(".pixels").get_attribute("alt")
