import re

from crossgrad.records import read_records
from crossgrad.report import render_latex, summarise
from crossgrad.report.latex import escape

from .conftest import MakeFolder

NASTY = ("50 % & more", "a_b^c", r"\input{x}", "$x$", "{", "größe", "#1~")


def test_every_row_has_as_many_cells_as_its_table_has_columns(make_folder: MakeFolder) -> None:
    methods = ("erm", "crossgrad", "random")
    text = render_latex(summarise(read_records(make_folder(methods=methods, domains=NASTY, artefacts=False))))
    bodies = re.findall(r"\\begin\{tabular\}\{(l[r]*)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert len(bodies) == 5  # accuracy, by domain, spread, tests, controls
    for columns, body in bodies:
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert len(rows) >= 2
        assert {len(re.split(r"(?<!\\)&", row)) for row in rows} == {len(columns)}
        assert [line for line in body.splitlines() if line.startswith(r"\\"[0])] == [
            r"\toprule",
            r"\midrule",
            r"\bottomrule",
        ]


def test_braces_are_balanced_and_no_command_comes_from_the_data(make_folder: MakeFolder) -> None:
    text = render_latex(summarise(read_records(make_folder(dataset="100 %_{", domains=NASTY, artefacts=False))))
    body = re.sub(r"(?m)^%.*$", "", text)
    without = re.sub(r"\\[{}]", "", body)
    assert without.count("{") == without.count("}")
    assert r"\input" not in body
    assert r"\textbackslash{}input\{x\}" in body


def test_signs_are_latexs_own() -> None:
    assert escape("78.1 ± 4.6") == r"78.1 $\pm$ 4.6"
    assert escape("<0.001") == "$<$0.001"
    assert escape("—") == "---"
    assert escape("a--b---c-d") == "a-{}-b-{}-{}-c-d"


def test_every_table_says_what_its_intervals_are_and_the_notes_are_comments(make_folder: MakeFolder) -> None:
    text = render_latex(summarise(read_records(make_folder(artefacts=False))))
    captions = re.findall(r"\\caption\{(.*)\}", text)
    assert all("standard error" in caption or "interval" in caption for caption in captions)
    assert "% 3 methods are compared with ERM" in text


def test_more_than_twelve_domains_are_left_out(make_folder: MakeFolder) -> None:
    text = render_latex(summarise(read_records(make_folder(domains=list(map(str, range(13))), artefacts=False))))
    assert "by held-out domain." not in text
