"""The page on the benchmarks says what the benchmarks say."""

from pathlib import Path

from rich import filesize

from crossgrad.data import BENCHMARKS, Benchmark

PAGE = (Path(__file__).parents[3] / "docs" / "benchmarks" / "index.md").read_text(encoding="utf-8")
LINES = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]


def fetched(benchmark: Benchmark) -> str:
    if not all(file.is_fetchable for file in benchmark.files):
        return "by hand"
    return filesize.decimal(sum(file.n_bytes for file in benchmark.files)) if benchmark.files else "nothing"


def test_the_page_lists_every_benchmark_with_its_facts() -> None:
    # The page's other tables, of results, have more columns.
    listed = [line for line in LINES if line[0].strip("`") in BENCHMARKS and len(line) == 7]
    assert [line[0].strip("`") for line in listed] == list(BENCHMARKS)
    for line, benchmark in zip(listed, BENCHMARKS.values(), strict=True):
        facts = benchmark.facts
        numbers = [f"{n:,}" for n in (facts.labels, facts.domains, facts.examples)] if facts else ["?"] * 3
        shape = "x".join(map(str, facts.input_shape)) if facts else "?"
        assert line[1:] == [*numbers, shape, fetched(benchmark), benchmark.licence]


def test_table_3_on_the_page_counts_what_the_benchmarks_hold() -> None:
    counted = {line[1]: line for line in LINES if line[1] in BENCHMARKS}
    assert set(counted) == set(BENCHMARKS) - {"digits", "digits-overlapping"}
    for name, (_, _, labels, domains, _, examples) in counted.items():
        facts = BENCHMARKS[name].facts
        if examples:
            assert facts is not None
            assert [labels, domains, examples] == [f"{n:,}" for n in (facts.labels, facts.domains, facts.examples)]
