import io

import pytest
from rich.console import Console

from crossgrad.records import read_records
from crossgrad.report import print_table, sentences, summarise

from .conftest import MakeFolder


def printed(folder, *, width: int, terminal: bool = False) -> str:
    file = io.StringIO()
    colours = "truecolor" if terminal else None
    console = Console(file=file, width=width, force_terminal=terminal, color_system=colours)
    print_table(summarise(read_records(folder)), console)
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(make_folder: MakeFolder, width):
    text = printed(make_folder(artefacts=False), width=width)
    assert max(map(len, text.splitlines())) <= width


def test_six_domains_stand_side_by_side_in_100_columns(make_folder: MakeFolder):
    text = printed(make_folder(artefacts=False), width=100)
    assert text.count("Accuracy by held-out domain") == 1
    assert any(line.split() == ["Method", "0", "15", "30", "45", "60", "75"] for line in text.splitlines())


def test_domains_are_stacked_in_80_columns_and_none_is_lost(make_folder: MakeFolder):
    lines = printed(make_folder(artefacts=False), width=80).splitlines()
    assert any(line.split() == ["Method", "0", "15", "30"] for line in lines)
    assert any(line.split() == ["Method", "45", "60", "75"] for line in lines)


def test_numbers_are_not_cut_in_80_columns(make_folder: MakeFolder):
    folder = make_folder(artefacts=False)
    comparison = summarise(read_records(folder)).rows[1].difference.comparison
    text = printed(folder, width=80)
    assert f"+{comparison.mean:.1f} ({comparison.low:.1f} to {comparison.high:.1f})" in text
    assert "…" not in text


def test_the_table_comes_with_its_words_and_its_meaning(make_folder: MakeFolder):
    folder = make_folder(artefacts=False, failed=[("crossgrad", "30", 2)])
    text = printed(folder, width=1000)
    for sentence in sentences(summarise(read_records(folder))):
        assert sentence in text
    assert "± one standard error over 3 seeds" in text
    assert "paired t test over held-out domains, seeds averaged first" in text
    assert "not corrected" in text
    assert "crossgrad, held out 30, seed 2: loss became NaN at step 14" in text


def test_more_than_twelve_domains_leave_their_columns_to_the_page(make_folder: MakeFolder):
    names = [f"speaker {n}" for n in range(13)]
    text = printed(make_folder(domains=names, artefacts=False), width=100)
    assert "13 held-out domains; report.html shows each" in text
    assert "Accuracy by held-out domain" not in text


def test_there_are_colours_on_a_terminal_alone(make_folder: MakeFolder):
    folder = make_folder(artefacts=False)
    assert "\x1b[" not in printed(folder, width=100)
    assert "\x1b[" in printed(folder, width=100, terminal=True)


def test_a_domain_name_can_steer_neither_the_markup_nor_the_terminal(make_folder: MakeFolder):
    names = ["[red]a[/red]", "b\x1b[31m", "c\nd"]
    text = printed(make_folder(domains=names, artefacts=False), width=200)
    assert "[red]a[/red]" in text
    assert r"b\x1b[31m" in text
    assert r"c\nd" in text
    assert "\x1b" not in text
