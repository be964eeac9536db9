import pytest

from crossgrad.records import read_records
from crossgrad.report import summarise
from crossgrad.report.charts import intervals, panels, plot
from crossgrad.report.history import Curve
from crossgrad.report.scale import Scale, scale_around

from .conftest import MakeFolder, make_record


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 7.9), (0, 0.004), (0, 12000), (-1e-3, 1e3), (-0.7, -0.1)])
def test_ticks_are_few_and_lie_on_the_axis(low, high):
    ticks = Scale(low, high).ticks(6)
    assert 1 <= len(ticks) <= 6
    assert all(-1e-6 <= position <= 100 + 1e-6 for position, _ in ticks)
    for position, label in ticks:
        assert float(label) == pytest.approx(low + position * (high - low) / 100, abs=1e-4 * (high - low))


def test_an_axis_around_nothing_but_zero_has_a_width():
    assert scale_around([0.0]).high > scale_around([0.0]).low


def test_bars_are_as_long_as_accuracies_and_methods_keep_their_colours(make_folder: MakeFolder):
    table = summarise(read_records(make_folder(artefacts=False, failed=[("erm", "0", seed) for seed in range(3)])))
    first, second = panels(table)[:2]
    assert [bar.method for bar in first.bars] == [1, 2, 3]
    assert [bar.method for bar in second.bars] == [0, 1, 2, 3]
    cell = table.rows[0].by_domain["15"]
    assert second.bars[0].width == pytest.approx(100 * cell.value)
    assert second.bars[0].high - second.bars[0].low == pytest.approx(200 * cell.standard_error)


def test_bars_stop_where_the_page_would_grow_too_large(monkeypatch):
    monkeypatch.setattr("crossgrad.report.charts.MOST_BARS", 30)
    names = [str(n) for n in range(35)]
    table = summarise([make_record("erm", name, 0, 0.8, domains=names) for name in names])
    assert len(panels(table)) == 30


def test_intervals_and_their_dots_lie_around_the_mean(make_folder: MakeFolder):
    plot = intervals(summarise(read_records(make_folder(artefacts=False))))
    for row in plot.rows:
        assert 0 < row.low < row.mean < row.high < 100
        assert len(row.dots) == 6
    assert plot.rows[0].mean > plot.zero


def test_single_differences_are_left_out_where_they_would_be_too_many(make_folder: MakeFolder, monkeypatch):
    monkeypatch.setattr("crossgrad.report.charts.MOST_DOTS", 17)
    plot = intervals(summarise(read_records(make_folder(artefacts=False))))
    assert [row.dots for row in plot.rows] == [(), (), ()]
    assert plot.rows[0].low is not None


def test_a_curve_has_no_value_where_it_has_no_steps(make_folder: MakeFolder):
    table = summarise(read_records(make_folder(artefacts=False)))
    curves = [
        Curve("erm", (100.0, 200.0), (0.6, 0.5), 2),
        Curve("crossgrad", (100.0, 400.0, 800.0), (0.7, 0.3, 0.1), 2),
    ]
    columns = {column.step: column.values for column in plot("Loss", curves, table).columns}
    assert [text for _, text in columns["200"]] == ["ERM 0.5", "CrossGrad 0.7"]
    assert [text for _, text in columns["800"]] == ["CrossGrad 0.1"]


def test_a_dot_tells_its_number_apart_from_its_domains_name():
    name = "a long domain's name of a real speaker -5"
    records = [make_record(method, domain, 0, 0.5 + 0.1 * (method == "crossgrad"), domains=("75", name))
               for method in ("erm", "crossgrad") for domain in ("75", name)]  # fmt: skip
    dots = [dot for row in intervals(summarise(records)).rows for dot in row.dots]
    assert {(dot.name, dot.points) for dot in dots} == {("75", "+10.0"), (name, "+10.0")}


def test_without_erm_there_is_no_plot_of_differences(make_folder: MakeFolder):
    assert intervals(summarise(read_records(make_folder(methods=["dann"], artefacts=False)))) is None
