"""Text to values by the declared type, and messages that say what was wanted."""

from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.errors import SettingsError
from crossgrad.parsing import keyword_defaults, parse_argument


def load(
    *,
    angles: tuple[int, ...] = (0,),
    seed: int = 0,
    noise: float = 0.1,
    overlapping: bool = False,
    form: Literal["images", "strokes"] = "images",
    folder: Path | None = None,
    limit: int | str = 3,
) -> None: ...


def parsed(name: str, text: str) -> Any:
    return parse_argument(load, name, text, what=name)


def test_keyword_arguments_come_with_their_defaults_and_no_others() -> None:
    def two(positional: int, *, keyword: int = 3) -> None: ...

    assert keyword_defaults(two) == {"keyword": 3}


@given(st.lists(st.integers()))
def test_whole_numbers_with_commas_are_a_tuple(values: list[int]) -> None:
    assert parsed("angles", ", ".join(map(str, values))) == tuple(values)


@given(st.integers(), st.floats(allow_nan=False))
def test_numbers_are_read_back(whole: int, number: float) -> None:
    assert parsed("seed", f" {whole} ") == whole
    assert parsed("noise", repr(number)) == number


def test_the_other_types_are_read() -> None:
    assert parsed("overlapping", "True") is True
    assert parsed("overlapping", "false") is False
    assert parsed("form", "strokes") == "strokes"
    assert parsed("folder", "my/fonts") == Path("my/fonts")
    assert parsed("folder", "none") is None
    assert parsed("limit", "5") == 5
    assert parsed("limit", "some") == "some"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("angles", "0,up", ["values with commas between", "a whole number", "'0,up'"]),
        ("seed", "1.5", ["seed is a whole number", "'1.5'"]),
        ("noise", "loud", ["noise is a number", "'loud'"]),
        ("overlapping", "yes", ["true or false", "'yes'"]),
        ("folder", " ", ["folder is a path or none, not ' '"]),
        ("form", "pictures", ["one of images, strokes", "'pictures'"]),
    ],
)
def test_a_text_of_another_type_is_refused_with_what_was_wanted(name: str, text: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        parsed(name, text)
    for word in words:
        assert word in str(caught.value)
