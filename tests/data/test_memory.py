import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data.memory import free_memory, parse_bytes
from crossgrad.errors import SettingsError


@given(st.integers(0, 2**60))
def test_a_number_alone_is_bytes(n: int) -> None:
    assert parse_bytes(str(n)) == n or n >= 2**53


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("0", 0),
        ("500M", 500 * 2**20),
        ("2g", 2**31),
        ("1.5 GiB", 3 * 2**29),
        (" 3 kB ", 3072),
        ("1T", 2**40),
        ("7B", 7),
    ],
)
def test_units_are_powers_of_1024(text: str, n: int) -> None:
    assert parse_bytes(text) == n


@pytest.mark.parametrize("text", ["", "much", "-1", "2X", "1e9", "G", "nan", "1 2G"])
def test_what_is_no_size_is_quoted(text: str) -> None:
    with pytest.raises(SettingsError, match=f"such as 500M or 2G, not '{text}'"):
        parse_bytes(text)


def test_some_memory_is_free() -> None:
    assert 2**20 < free_memory() < 2**50
