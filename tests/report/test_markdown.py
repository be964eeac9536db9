import html
import re

import pytest

from crossgrad.records import read_records
from crossgrad.report import provenance, render_markdown, sentences, summarise

from .conftest import MakeFolder

NASTY = ("<script>alert(1)</script>", 'he said "hi"', "größe 日本", "a | b", "*bold*", "[x](http://example.com)")


def rendered(folder) -> str:
    records = read_records(folder)
    return render_markdown(summarise(records), provenance(records))


def cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line)[1:-1]


@pytest.mark.parametrize("domains", [("0", "15", "30"), NASTY, tuple(map(str, range(20)))])
def test_every_row_of_a_table_has_as_many_cells_as_its_header(make_folder: MakeFolder, domains):
    text = rendered(make_folder(domains=domains, artefacts=False))
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) >= 4
    for table in tables:
        header, rule, *rows = (cells(line) for line in table.splitlines())
        assert all(set(cell.strip()) <= {"-", ":"} for cell in rule)
        assert {len(row) for row in (rule, *rows)} == {len(header)}
        assert rows


def test_names_from_the_data_are_shown_letter_by_letter(make_folder: MakeFolder):
    text = rendered(make_folder(domains=NASTY, artefacts=False))
    assert "<script>" not in text
    header = next(line for line in text.splitlines() if "alert" in line and line.startswith("| Method"))
    shown = [html.unescape(re.sub(r"\\(.)", r"\1", cell)).strip() for cell in cells(header)]
    assert shown == ["Method", *NASTY]


def test_it_holds_the_words_the_sizes_the_settings_and_the_command(make_folder: MakeFolder):
    folder = make_folder(artefacts=False, failed=[("crossgrad", "30", 2)])
    text = rendered(folder)
    for sentence in sentences(summarise(read_records(folder))):
        assert sentence in html.unescape(text)
    assert "crossgrad, held out 30, seed 2: loss became NaN at step 14" in text
    assert "| CrossGrad | 1.5 | 0.3 | 6.4 |" in text
    assert "    crossgrad compare digits --seeds 3\n" in text
    assert r"| learning\_rate | 0.02 |" in text
    assert r"| label\_gradient\_step | — | 1.5 |" in text
    assert "Versions: crossgrad 0.1.0, python 3.11.2, torch 2.13.0." in text


def test_more_than_twelve_domains_leave_their_columns_to_the_page(make_folder: MakeFolder):
    text = rendered(make_folder(domains=list(map(str, range(13))), artefacts=False))
    assert "13 held-out domains; report.html shows each" in text
    assert all(len(cells(line)) < 10 for line in text.splitlines() if line.startswith("|"))
