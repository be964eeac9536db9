import csv
import json
import tracemalloc
import warnings
from functools import partial

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from crossgrad.data.manifest import read_manifest
from crossgrad.errors import DataError, DataWarning

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(str.strip)
names = names | st.from_regex(r"0?\d{1,3}", fullmatch=True)


def write_csv(path, rows, encoding="utf-8"):
    with path.with_suffix(".csv").open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path.with_suffix(".csv")


def write_jsonl(path, rows, ensure_ascii=False):
    text = "".join(json.dumps(row, ensure_ascii=ensure_ascii) + "\n" for row in rows)
    path.with_suffix(".jsonl").write_text(text, encoding="utf-8")
    return path.with_suffix(".jsonl")


def write_parquet(path, rows):
    parquet.write_table(pa.Table.from_pylist(rows), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


COLUMNS = ["path", "label", "domain"]


def write_csv_text(path, columns, row):
    path.with_suffix(".csv").write_text(f"{','.join(columns)}\n{','.join(row)}\n")
    return path.with_suffix(".csv")


def write_parquet_table(path, columns, row):
    parquet.write_table(pa.Table.from_arrays([pa.array([text]) for text in row], columns), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


writers = pytest.mark.parametrize(
    "write",
    [write_csv, partial(write_csv, encoding="utf-8-sig"), write_jsonl, partial(write_jsonl, ensure_ascii=True),
     write_parquet],
    ids=["csv", "csv with BOM", "jsonl", "jsonl in ASCII", "parquet"],
)  # fmt: skip


def listed(manifest, **options):
    """The dataset, and what is said of files that are listed twice."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", DataWarning)
        dataset = read_manifest(manifest, **options)
    assert len(told) < 2
    return dataset, str(told[0].message) if told else None


@writers
@given(rows=st.lists(st.tuples(st.integers(0, 3), names, names), min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_manifests_come_back_as_they_were_written(tmp_path, write_image, write, rows):
    for value in range(4):
        write_image(f"images/{value}.png", value * 80, size=2)
    manifest = write(tmp_path / "list", [{"path": f"images/{v}.png", "label": la, "domain": do} for v, la, do in rows])
    dataset, told = listed(manifest, image_size=2)
    found = [
        (round(float(image.max()) * 255 / 80), dataset.label_names[label], dataset.domain_names[domain])
        for image, label, domain in zip(dataset.inputs, dataset.labels, dataset.domains, strict=True)
    ]
    assert found == rows
    assert dataset.name == "list"
    assert dataset.inputs.shape[1:] == (1, 2, 2)
    n_again = len(rows) - len({row[0] for row in rows})
    assert (told is not None) == (n_again > 0)
    if told is not None:
        names = {value: (label, domain) for value, label, domain in reversed(rows)}  # those that come first
        assert told.startswith(f"{n_again} of the {len(rows)} rows of ")
        assert ("with another label" in told) == any(label != names[value][0] for value, label, _ in rows)
        assert ("with another domain" in told) == any(domain != names[value][1] for value, _, domain in rows)


def test_files_that_are_listed_twice_are_told_and_how_they_contradict_each_other(tmp_path, write_image):
    for n in range(3):
        write_image(f"{n}.png")
    rows = [("0", "a", "x"), ("1", "a", "x"), ("./0", "a", "x"), ("1", "b", "x"), ("2", "a", "y"), ("1", "b", "y")]
    manifest = write_csv(tmp_path / "list", [{"path": f"{n}.png", "label": la, "domain": do} for n, la, do in rows])
    dataset, told = listed(manifest)
    assert len(dataset) == 6
    first, second = (str(tmp_path / f"{n}.png") for n in (0, 1))
    assert told == (
        f"3 of the 6 rows of {str(manifest)!r} list a file that is listed before, the first is {first!r}: such files "
        f"may be both trained on and measured on; 2 with another label, the first is {second!r}, 'a' and 'b'; "
        f"1 with another domain, the first is {second!r}, 'x' and 'y'"
    )


def test_whole_numbers_in_json_and_parquet_become_their_text(tmp_path, write_image):
    write_image("1.png")
    write_image("2.png")
    lines = tmp_path / "list.json"
    lines.write_text('{"path": "1.png", "label": 7, "domain": "1.50"}\n\n{"path": "2.png", "label": 10, "domain": 2}')
    dataset = read_manifest(lines)
    assert (dataset.label_names, dataset.domain_names) == (("10", "7"), ("1.50", "2"))
    dataset = read_manifest(write_parquet(tmp_path / "list", [{"path": "1.png", "label": 7, "domain": 1}]))
    assert (dataset.label_names, dataset.domain_names) == (("7",), ("1",))


@writers
def test_other_columns_can_be_named_and_more_are_ignored(tmp_path, write_image, write):
    write_image("1.png")
    rows = [{"file": str(tmp_path / "1.png"), "class": "a", "who": "x", "label": "other", "note": ""}]
    dataset = read_manifest(
        write(tmp_path / "list", rows), path_column="file", label_column="class", domain_column="who"
    )
    assert (dataset.label_names, dataset.domain_names) == (("a",), ("x",))


@writers
def test_a_missing_column_is_told_with_those_there_and_the_option(tmp_path, write_image, write):
    write_image("1.png")
    manifest = write(tmp_path / "list", [{"path": "1.png", "lable": "a", "domain": "x"}])
    with pytest.raises(
        DataError,
        match=r"no column 'label'; there are 'path', 'lable', 'domain'; did you mean 'lable'.*"
        r"--label-column \(label_column=\.\.\.\)",
    ):
        read_manifest(manifest)


@writers
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_value_is_told_with_its_place(tmp_path, write_image, write, blank):
    write_image("1.png")
    rows = [{"path": "1.png", "label": label, "domain": "x"} for label in ("a", blank)]
    with pytest.raises(DataError, match=r"list\.\w+', (line [23]|row 2): 'label' is blank"):
        read_manifest(write(tmp_path / "list", rows))


@writers
def test_paths_that_are_not_there_are_counted_and_the_first_named(tmp_path, write_image, write):
    write_image("1.png")
    rows = [{"path": path, "label": "a", "domain": "x"} for path in ("1.png", "gone.png", "../lost.png", "z" * 300)]
    with pytest.raises(DataError, match=r"3 of the 4 files .* not there, the first is '.*gone\.png'; relative"):
        read_manifest(write(tmp_path / "list", rows))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.csv", b"", "is empty: it lists no file"),
        ("list.csv", b"path,label,domain\n", "is empty: it lists no file"),
        ("list.jsonl", b"\n\n", "is empty: it lists no file"),
        ("list.csv", b"path,label,domain\n1.png,caf\xe9,x\n", "is not UTF-8: byte 0xe9; save it as UTF-8"),
        ("list.jsonl", b'{"path": "caf\xe9"}', "is not UTF-8: byte 0xe9"),
        ("list.csv", b"path;label;domain\n1.png;a;x\n", "a manifest's are by commas: 'path;label;domain'"),
        ("list.csv", b"path;label;domain\n1.png;1,5;x\n", "the columns seem to be separated by ';'"),
        ("list.csv", b"path\tlabel\tdomain\n1.png\ta\tx\n", r"separated by '\\t', and a manifest's are by commas"),
        ("list.csv", b"name\n1.png\n", "no column 'path'; there are 'name'"),
        ("list.csv", b"path,label,domain\n1.png,a\n", "line 2: 2 values for 3 columns"),
        ("list.csv", b"path,label,domain,note\n1.png,a,x\n", "line 2: 3 values for 4 columns"),
        ("list.csv", b"path,label,domain\n1.png,a,x,y\n", "line 2: 4 values for 3 columns"),
        ("list.csv", b'path,label,domain\n1.png,"a"b,x\n', "after line 1: .*expected after"),
        ("list.jsonl", b'{"path": "1.png", "label": "a", "domain": "x"}\n{"path": }', "line 2: not JSON"),
        ("list.jsonl", b"[" * 100_000, "line 1: not JSON"),
        ("list.json", b'[{"path": "1.png"}]', "line 1: one object a line, not "),
        ("list.jsonl", b'{"path": "1.png", "label": null, "domain": "x"}', "line 1: 'label' is blank"),
        ("list.jsonl", b'{"path": "1.png", "label": ["a"], "domain": "x"}', r"whole number, but is \['a'\]"),
        ("list.jsonl", b'{"path": "1.png", "label": true, "domain": "x"}', "whole number, but is True"),
        ("list.jsonl", b'{"path": "1.png", "label": 1.0, "domain": "x"}', r"number, but is 1\.0; write it as text"),
        ("list.jsonl", b'{"path": "1.png", "label": 1, "domain": -2e3}', r"'domain' must be .* but is -2000\.0"),
        ("list.jsonl", b'{"path": "1.png", "label": Infinity, "domain": "x"}', "'label' must be .* but is inf"),
        ("list.jsonl", b'{"path": "1.png", "label": "a", "domain": NaN}', "line 1: 'domain' is blank"),
        ("list.csv", b"path,label,domain,label\n1.png,a,x,b\n", "more than one column of one name: 'label'; rename"),
        ("list.jsonl", b'{"path": "1.png", "label": "a", "label": "b"}', "line 1: .* more than one 'label'; keep one"),
        ("list.parquet", b"no parquet", "is not a Parquet file, or is damaged"),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused_with_the_place(tmp_path, write_image, name, content, message):
    write_image("1.png")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_manifest(tmp_path / name)
    assert name in str(caught.value)


def test_fractions_in_parquet_are_no_names(tmp_path, write_image):
    write_image("1.png")
    manifest = write_parquet(tmp_path / "list", [{"path": "1.png", "label": 1.5, "domain": "x"}])
    with pytest.raises(DataError, match=r"row 1: 'label' must be text or a whole number, but is 1\.5"):
        read_manifest(manifest)


def test_nan_in_parquet_is_blank(tmp_path, write_image):
    write_image("1.png")
    manifest = write_parquet(tmp_path / "list", [{"path": "1.png", "label": float("nan"), "domain": "x"}])
    with pytest.raises(DataError, match="row 1: 'label' is blank"):
        read_manifest(manifest)


def test_two_columns_of_one_name_in_parquet_are_refused(tmp_path, write_image):
    write_image("1.png")
    manifest = write_parquet_table(tmp_path / "list", [*COLUMNS, "label"], ["1.png", "a", "x", "b"])
    with pytest.raises(DataError, match="more than one column of one name: 'label'; rename all but one"):
        read_manifest(manifest)


@pytest.mark.parametrize("write", [write_csv_text, write_parquet_table], ids=["csv", "parquet"])
def test_columns_that_nobody_asked_for_may_have_one_name(tmp_path, write_image, write):
    write_image("1.png")
    manifest = write(tmp_path / "list", [*COLUMNS, "", ""], ["1.png", "a", "x", "1", "2"])
    assert read_manifest(manifest).label_names == ("a",)


@pytest.mark.parametrize("column", ["label", "note"])
def test_a_small_parquet_file_takes_no_memory_by_a_long_text_that_it_holds_again_and_again(
    tmp_path, write_image, column
):
    write_image("1.png")
    n_rows = 64
    rows = {"path": ["1.png"] * n_rows, "label": ["a"] * n_rows, "domain": ["x"] * n_rows}
    parquet.write_table(pa.table(rows | {column: ["y" * 2 * 10**6] * n_rows}), tmp_path / "list.parquet")
    assert (tmp_path / "list.parquet").stat().st_size < 100_000
    tracemalloc.start()
    try:
        if column == "note":
            with pytest.warns(DataWarning, match="63 of the 64 rows"):
                assert len(read_manifest(tmp_path / "list.parquet", image_size=2)) == n_rows
        else:
            with pytest.raises(
                DataError, match="after row 0: 'label' has a value of 2,000,000 bytes, more than 16,384"
            ):
                read_manifest(tmp_path / "list.parquet")
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


FAR = pa.array([2**30], pa.int32()).cast(pa.date32())  # no date of Python's


def test_values_in_parquet_that_python_cannot_hold_are_refused_where_they_are_asked_for(tmp_path, write_image):
    write_image("1.png")
    rows = {"path": ["1.png"], "label": ["a"], "domain": ["x"]}
    parquet.write_table(pa.table(rows | {"when": FAR}), tmp_path / "list.parquet")
    assert len(read_manifest(tmp_path / "list.parquet")) == 1
    with pytest.raises(DataError, match=r"after row 0: a value that is neither text nor a whole number: "):
        read_manifest(tmp_path / "list.parquet", domain_column="when")


def test_lists_and_texts_that_are_not_utf8_in_parquet_are_no_names(tmp_path, write_image):
    write_image("1.png")
    rows = {"path": ["1.png"], "label": ["a"], "domain": ["x"]}
    parquet.write_table(pa.table(rows | {"label": [["a"]]}), tmp_path / "list.parquet")
    with pytest.raises(DataError, match="'label' must be text or whole numbers, but is list<"):
        read_manifest(tmp_path / "list.parquet")
    latin = pa.array([b"caf\xe9"]).view(pa.string())
    parquet.write_table(pa.table(rows | {"label": latin}), tmp_path / "list.parquet")
    with pytest.raises(DataError, match="is not UTF-8: byte 0xe9; save it as UTF-8"):
        read_manifest(tmp_path / "list.parquet")


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_text_in_parquet_is_read_whatever_holds_it(tmp_path, write_image, kind):
    write_image("1.png")
    rows = {"path": ["1.png"] * 3000, "label": ["ą", "b", "c"] * 1000, "domain": ["x"] * 3000}
    table = pa.table({name: pa.array(values).cast(kind) for name, values in rows.items()})
    parquet.write_table(table, tmp_path / "list.parquet", row_group_size=1000)
    dataset, _ = listed(tmp_path / "list.parquet", image_size=2)
    assert [dataset.label_names[index] for index in dataset.labels] == rows["label"]


@pytest.mark.parametrize("other", ["sub/../1.png", "link.png", "hard.png"])
def test_a_file_that_is_listed_under_another_path_is_told(tmp_path, write_image, other):
    write_image("1.png")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.png").symlink_to("1.png")
    (tmp_path / "hard.png").hardlink_to(tmp_path / "1.png")
    rows = [{"path": "1.png", "label": "a", "domain": "x"}, {"path": other, "label": "b", "domain": "x"}]
    manifest = write_csv(tmp_path / "list", rows)
    _, told = listed(manifest)
    assert told is not None
    assert told.startswith("1 of the 2 rows of ")
    assert f"1 with another label, the first is {str(tmp_path / other)!r}, 'a' and 'b'" in told


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no such file: '.*list\.csv'"):
        read_manifest(tmp_path / "list.csv")


def test_unreadable_images_can_be_left_out(tmp_path, write_image):
    write_image("1.png")
    (tmp_path / "2.png").write_bytes(b"no image")
    rows = [{"path": f"{n}.png", "label": "a", "domain": "x"} for n in (1, 2)]
    manifest = write_csv(tmp_path / "list", rows)
    with pytest.raises(DataError, match=r"2\.png': .*; --skip-unreadable \(skip_unreadable=True\)"):
        read_manifest(manifest)
    with pytest.warns(DataWarning, match="1 of 2 images cannot be read"):
        assert len(read_manifest(manifest, skip_unreadable=True, channels=3)) == 1
