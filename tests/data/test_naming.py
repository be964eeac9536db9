import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data.naming import choices, did_you_mean, name_indices, quoted
from crossgrad.errors import DataError, DataWarning

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(st.lists(names, min_size=1))
def test_strings_are_kept_as_they_are_and_sort_as_strings(values):
    indices, found = name_indices(values, what="labels")
    assert list(found) == sorted(set(values))
    assert [found[index] for index in indices] == values


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_sort_as_numbers_whatever_holds_them(values):
    for form in (values, np.array(values), np.array(values, dtype=object), tuple(values)):
        indices, found = name_indices(form, what="labels")
        assert list(found) == [str(value) for value in sorted(set(values))]
        assert [found[index] for index in indices] == [str(value) for value in values]


def test_leading_zeros_and_spaces_make_different_names():
    assert name_indices(np.array(["7", "07", " 7", "7 "], dtype=object), what="labels")[1] == (
        " 7", "07", "7", "7 "
    )  # fmt: skip


def test_names_that_differ_in_their_unicode_form_alone_are_told_and_kept_apart():
    with pytest.warns(
        DataWarning, match=r"domains has the names 'e\\u0301' and '\\xe9', which differ in their Unicode"
    ):
        indices, found = name_indices(["\xe9", "a", "e\u0301"], what="domains")
    assert found == ("a", "e\u0301", "\xe9")
    assert indices.tolist() == [2, 0, 1]


def test_booleans_are_named_false_and_true():
    assert name_indices(np.array([True, False]), what="labels")[1] == ("False", "True")


def test_whole_floats_are_integers():
    assert name_indices([10.0, 9, 2.0], what="labels")[1] == ("2", "9", "10")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2.5], r"labels must be strings or integers, but entry 1 is 2\.5"),
        ([1.0, float("nan")], "entry 1 is missing: nan"),
        ([1, 2, None], "labels must have one entry for each input, but entry 2 is missing: None"),
        (np.array([1.0, np.nan]), "entry 1 is missing"),
        (np.array(["2020-01-01", "nat"], dtype="datetime64[D]"), "entry 1 is missing"),
        (pd.array([1, 2, None], dtype="Int64"), "entry 2 is missing"),
        (pd.Series(["a", None], dtype="string"), "entry 1 is missing"),
        (pd.Series([True, None], dtype="boolean"), "entry 1 is missing"),
        ([b"a", None], "entry 1 is missing"),
        (["a", 1], "must be all strings or all integers, but mixes int and str"),
        (["a", None], "entry 1 is missing: None"),
        (["a", 1, float("nan")], "entry 2 is missing: nan"),
        (["a", 1.5], "mixes float and str"),
        ([b"a"], "must be strings or integers, but holds bytes"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "but holds date"),
        (["a", " "], "labels has a blank entry at index 1: ' '"),
        (["a", "b\udcff"], r"not valid Unicode at index 1: 'b\\udcff'"),
        ([], "labels is empty"),
        (np.zeros((2, 1), dtype=int), r"labels must have one entry for each input, but has shape \(2, 1\)"),
        (3, "labels must be an array or a sequence, but is int"),
    ],
)
def test_what_cannot_name_is_refused_and_quoted(values, message):
    with pytest.raises(DataError, match=message):
        name_indices(values, what="labels")


def test_a_near_name_is_suggested_and_a_far_one_is_not():
    assert "'digits'" in did_you_mean("digit", ["digits", "fonts"])
    assert did_you_mean("x", ["digits", "fonts"]) == ""


def test_where_there_is_no_name_that_is_said():
    assert choices("x", []) == "; there are none"


def test_long_lists_of_names_are_cut_short_in_messages():
    assert quoted(map(str, range(11))).endswith("'9' and 1 more")
