from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data import memory
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


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({"memory.max": "max\n", "memory.current": "9\n", "memory.stat": ""}, None),
        ({"memory.max": f"{2**22}\n", "memory.current": f"{2**21}\n", "memory.stat": "anon 5\nfile 7\n"}, 2**21),
        (
            {
                "memory.max": f"{2**22}\n",
                "memory.current": f"{2**22}\n",
                "memory.stat": f"anon 5\nfile {2**21}\ninactive_file {2**20}\n",
            },
            2**20,
        ),
        (
            {
                "memory/memory.limit_in_bytes": f"{2**22}\n",
                "memory/memory.usage_in_bytes": f"{2**21}\n",
                "memory/memory.stat": "inactive_file 3\ntotal_inactive_file 1024\n",
            },
            2**21 + 1024,
        ),
        (
            {
                "memory/memory.limit_in_bytes": "9223372036854771712\n",
                "memory/memory.usage_in_bytes": f"{2**21}\n",
                "memory/memory.stat": "",
            },
            None,
        ),
        ({"memory.max": "1024\n", "memory.current": "2048\n", "memory.stat": "\n"}, None),
        ({"memory.max": "1024\n", "memory.current": "2048\n", "memory.stat": "anon 2048\n"}, 0),
        ({}, None),
    ],
)
def test_of_a_containers_limit_what_is_not_used_is_free_and_files_contents_are_not_used(
    files: dict[str, str], free: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    assert free_memory() == free if free is not None else free_memory() > 2**22
