"""A sheet shows what it says: each row a domain, each column a label, every input as it is."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crossgrad.data import DomainDataset, open_dataset
from crossgrad.errors import DataError, SettingsError
from crossgrad.sheets import SheetPlan, draw_sheet, plan_sheet
from small import images, vectors


def of(labels: list[int], domains: list[int], inputs: torch.Tensor | None = None) -> DomainDataset:
    values = torch.zeros(len(labels), 1, 8, 8) if inputs is None else inputs
    return DomainDataset.from_arrays(values, labels, domains, name="made")


def pixels(sheet: Image.Image, *, mode: str = "L") -> "np.typing.NDArray[np.uint8]":
    return np.asarray(sheet.convert(mode))


@given(
    pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60),
    rows=st.integers(1, 8),
    columns=st.integers(1, 8),
)
def test_every_example_stands_in_its_domains_row_and_its_labels_column(
    pairs: list[tuple[int, int]], rows: int, columns: int
) -> None:
    dataset = of([label for label, _ in pairs], [domain for _, domain in pairs])
    plan = plan_sheet(dataset, rows=rows, columns=columns)
    assert len(plan.domains) == min(rows, len(dataset.domain_names))
    assert len(plan.examples) == len(plan.domains)
    assert len(plan.labels) <= columns
    shown = [example for row in plan.examples for example in row if example is not None]
    assert len(shown) == len(set(shown)) > 0
    for domain, row in zip(plan.domains, plan.examples, strict=True):
        for label, example in zip(plan.labels, row, strict=True):
            if example is None:
                n_there = int(((dataset.domains == domain) & (dataset.labels == label)).sum())
                assert n_there < plan.labels.count(label)
            else:
                assert (dataset.domains[example], dataset.labels[example]) == (domain, label)


def test_domains_are_spread_evenly_from_the_first_to_the_last() -> None:
    plan = plan_sheet(of([0] * 13, list(range(13))), rows=4, columns=1)
    assert plan.domains == (0, 4, 8, 12)


def test_labels_that_every_domain_has_go_before_those_that_some_lack() -> None:
    dataset = of([0, 1, 2, 3, 1, 3, 0, 1, 3], [0, 0, 0, 0, 1, 1, 2, 2, 2])
    assert plan_sheet(dataset, columns=2).labels == (1, 3)
    assert plan_sheet(dataset, columns=3).labels == (0, 1, 3)
    assert plan_sheet(dataset, columns=3).examples == ((0, 1, 3), (None, 4, 5), (6, 7, 8))


def test_the_digits_fill_a_sheet_of_six_angles() -> None:
    dataset = open_dataset("digits")
    plan = plan_sheet(dataset)
    assert [dataset.domain_names[domain] for domain in plan.domains] == ["0", "15", "30", "45", "60", "75"]
    assert plan.labels == tuple(range(10))
    assert None not in [example for row in plan.examples for example in row]


def test_an_input_is_drawn_pixel_by_pixel_where_its_row_and_column_are() -> None:
    inputs = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    dataset = of([0, 1, 0, 1], [0, 0, 1, 1], inputs)
    drawn = pixels(draw_sheet(dataset, plan_sheet(dataset, columns=2)))
    corners = []
    for values in inputs:
        expected = np.kron(np.round(255 * values[0].numpy()), np.ones((6, 6))).astype(np.uint8)
        windows = np.lib.stride_tricks.sliding_window_view(drawn, expected.shape)
        (corner,) = np.argwhere((windows == expected).all(axis=(2, 3)))
        corners.append(corner.tolist())
    (top, left), (_, right), (bottom, _), _ = corners
    assert corners == [[top, left], [top, right], [bottom, left], [bottom, right]]
    assert (right - left, bottom - top) == (51, 51)


def test_colours_are_kept_and_large_pictures_made_smaller() -> None:
    inputs = torch.zeros(2, 3, 200, 400)
    inputs[0, 0], inputs[1, 2] = 1.0, 1.0
    dataset = of([0, 0], [0, 1], inputs)
    sheet = draw_sheet(dataset, plan_sheet(dataset, columns=1))
    colours = {colour: n for n, colour in sheet.getcolors(10_000)}
    assert colours[255, 0, 0] == colours[0, 0, 255] == 128 * 64


def test_spectrograms_are_scaled_by_their_range_with_low_frequencies_at_the_bottom() -> None:
    rising = torch.linspace(-80, 20, 40).reshape(1, 1, 40, 1).expand(2, 1, 40, 98)
    dataset = of([0, 0], [0, 1], rising)
    drawn = pixels(draw_sheet(dataset, plan_sheet(dataset, columns=1)))
    column = drawn[:, -20]  # through the cells, right of all text
    last = np.flatnonzero(column == 0)[-1]
    np.testing.assert_array_equal(column[last - 39 : last + 1], np.round(np.linspace(255, 0, 40)))


def test_a_few_extreme_values_leave_a_spectrogram_its_contrast() -> None:
    values = torch.linspace(0, 2, 40).reshape(1, 1, 40, 1).repeat(2, 1, 1, 98)
    values[:, :, 39, ::3] = 1000.0
    dataset = of([0, 0], [0, 1], values)
    column = pixels(draw_sheet(dataset, plan_sheet(dataset, columns=1)))[:, -20]
    assert len(set(column[-49:-10].tolist())) == 40 - 1


def test_a_square_picture_outside_of_0_to_1_is_scaled_and_stays_upright() -> None:
    falling = torch.linspace(3, -1, 8).reshape(1, 1, 8, 1).expand(2, 1, 8, 8)
    dataset = of([0, 0], [0, 1], falling)
    drawn = pixels(draw_sheet(dataset, plan_sheet(dataset, columns=1)))
    column = drawn[:, -20]
    last = np.flatnonzero(column == 0)[0] + 6
    np.testing.assert_array_equal(column[last - 48 : last], np.repeat(np.round(np.linspace(255, 0, 8)), 6))


def test_names_are_drawn_on_one_line_however_long_or_strange_they_are() -> None:
    dataset = DomainDataset.from_arrays(
        torch.zeros(2, 1, 8, 8), ["a\nb\x1b", "x" * 500], ["y" * 500, "\N{DEVANAGARI LETTER A}\n"], name="made"
    )
    plain = of([0, 1], [0, 1])
    long, short = (draw_sheet(data, plan_sheet(data, columns=2)) for data in (dataset, plain))
    assert long.height == short.height
    assert short.width < long.width <= short.width + 160


def test_names_too_long_for_their_columns_keep_their_ends() -> None:
    sheets = []
    for names in (["character01", "character02"], ["character01", "character03"]):
        dataset = DomainDataset.from_arrays(torch.zeros(2, 1, 8, 8), names, [0, 0], name="made")
        sheets.append(pixels(draw_sheet(dataset, plan_sheet(dataset, columns=2))))
    assert (sheets[0] != sheets[1]).any()


def test_letters_that_the_font_lacks_are_drawn_without_their_marks() -> None:
    marked, bare = (
        DomainDataset.from_arrays(torch.zeros(2, 1, 8, 8), [name, name], [1, 2], name="made")
        for name in ("\u012fjunk", "ijunk")
    )
    drawn = [pixels(draw_sheet(dataset, plan_sheet(dataset, columns=1))) for dataset in (marked, bare)]
    np.testing.assert_array_equal(*drawn)


def test_what_is_no_picture_and_what_is_no_sheet_is_refused() -> None:
    with pytest.raises(DataError, match=r"vectors has inputs of shape \(5,\), which are no pictures"):
        draw_sheet(vectors(), plan_sheet(vectors()))
    with pytest.raises(DataError, match=r"inputs of shape \(2, 8, 8\)"):
        draw_sheet(of([0], [0], torch.zeros(1, 2, 8, 8)), SheetPlan((0,), (0,), ((0,),)))
    with pytest.raises(SettingsError, match="a sheet has 1 to 100 columns, not 0"):
        plan_sheet(images(), columns=0)
    with pytest.raises(SettingsError, match="a sheet has 1 to 100 rows, not -1"):
        plan_sheet(images(), rows=-1)
    with pytest.raises(SettingsError, match="a sheet has 1 to 100 columns, not 101"):
        plan_sheet(images(), columns=101)
    assert len(plan_sheet(images(), columns=100).labels) <= 100
