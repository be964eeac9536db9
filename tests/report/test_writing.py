import errno
import html
import os
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from crossgrad.errors import RecordError
from crossgrad.report import write_report

from .conftest import MakeFolder

NASTY = (
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "größe 日本",
    "a b  c",
    "{{ 7*7 }}",
    "x\x1b[0m",
)
VOID = {"meta", "link", "img", "br", "input"}


class Balanced(HTMLParser):
    """Fails where a tag is closed that is not the open one."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_both_files_are_written_beside_the_records_and_nothing_else_is_left(make_folder: MakeFolder):
    folder = make_folder()
    paths = write_report(folder)
    assert paths == (folder / "report.html", folder / "report.md", folder / "report.tex")
    assert {path.name for path in folder.iterdir()} == {"records.jsonl", "runs", *(path.name for path in paths)}


def test_a_report_that_cannot_be_made_leaves_the_old_one(make_folder: MakeFolder):
    folder = make_folder()
    before = write_report(folder).html.read_bytes()
    next(folder.glob("runs/*/history.json")).write_text("{")
    with pytest.raises(RecordError):
        write_report(folder)
    assert (folder / "report.html").read_bytes() == before


def test_an_interrupted_write_leaves_the_old_report(make_folder: MakeFolder, monkeypatch):
    folder = make_folder()
    before = write_report(folder).html.read_bytes()

    def fail(*_):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(RecordError, match=r"cannot write '.*report.html': no space left"):
        write_report(folder)
    assert (folder / "report.html").read_bytes() == before
    assert not list(folder.glob(".report*"))


def test_the_same_records_give_the_same_bytes(make_folder: MakeFolder):
    folder = make_folder()
    first = [path.read_bytes() for path in write_report(folder)]
    assert [path.read_bytes() for path in write_report(folder)] == first


def test_tags_are_balanced_and_none_comes_from_the_data(make_folder: MakeFolder):
    text = write_report(make_folder(domains=NASTY, dataset="<b>&", failed=[("dann", NASTY[0], 0)])).html.read_text()
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert not parser.tags & {"script", "b", "iframe", "object"}
    assert "onerror=alert" not in text.replace("&gt;&lt;img src=x onerror=alert(1)&gt;", "")
    assert "{{ 7*7 }}" in text
    assert "\x1b" not in text


def test_the_page_names_nothing_outside_itself(make_folder: MakeFolder):
    text = write_report(make_folder()).html.read_text()
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text


def test_the_page_holds_settings_command_versions_and_failed_runs(make_folder: MakeFolder):
    text = write_report(make_folder(failed=[("crossgrad", "30", 2)])).html.read_text()
    for expected in (
        "crossgrad, held out 30, seed 2: loss became NaN at step 14",
        "crossgrad compare digits --seeds 3",
        "label_gradient_step",
        "torch 2.13.0",
        "not corrected for that",
    ):
        assert expected in text


def test_a_perturbation_as_large_as_the_input_is_said_on_the_page(make_folder: MakeFolder):
    assert "as large as the input itself" in write_report(make_folder(step=7.0)).html.read_text()
    assert "as large as the input itself" not in write_report(make_folder(name="small")).html.read_text()


def test_a_folder_without_artefacts_still_has_its_tables(make_folder: MakeFolder):
    text = write_report(make_folder(artefacts=False)).html.read_text()
    assert "Each held-out domain" in text
    assert "<img" not in text
    assert "polyline" not in text


@pytest.mark.parametrize(
    "changes", [{"methods": ["erm"]}, {"methods": ["mine"]}, {"domains": ["only"]}, {"seeds": [3]}]
)
def test_small_comparisons_have_a_report_too(make_folder: MakeFolder, changes):
    paths = write_report(make_folder(**changes))
    assert paths.html.stat().st_size > 5000
    assert paths.markdown.stat().st_size > 300


def test_a_comparison_where_every_run_failed_has_a_report(make_folder: MakeFolder):
    failed = [(method, "a", 0) for method in ("erm", "crossgrad")]
    paths = write_report(make_folder(methods=["erm", "crossgrad"], domains=["a"], seeds=[0], failed=failed))
    assert "erm, held out a, seed 0: loss became NaN at step 14" in paths.markdown.read_text()
    assert "Runs without a result (2)" in paths.html.read_text()


def test_a_large_comparison_stays_under_five_megabytes(make_folder: MakeFolder):
    names = [f"speaker {n:04d}" for n in range(600)]
    methods = ["erm", "label_grad", "crossgrad", "dann"]
    folder = make_folder(domains=names, methods=methods, seeds=[0], artefacts=False)
    assert (
        write_report(folder).html.stat().st_size < 1_500_000
    )  # pictures, sounds and mistakes have bounds of their own


def test_reports_are_made_without_torch():
    code = "import sys, crossgrad.report, crossgrad.significance; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_page_s_captions_are_those_of_the_other_reports(make_folder: MakeFolder):
    paths = write_report(make_folder(failed=[("dann", "0", 0)]))
    captions = [line for line in paths.markdown.read_text().splitlines() if line.startswith("Accuracy in percent")]
    assert any("seeds, fewer where runs are missing" in caption for caption in captions)
    page = html.unescape(" ".join(paths.html.read_text().split()))
    assert all(" ".join(caption.split()) in page for caption in captions)
