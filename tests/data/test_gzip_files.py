import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data.gzip_files import read_gzip
from crossgrad.errors import DataError


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("gzip") / "a.gz"


@given(content=st.binary(), room=st.integers(0, 3))
def test_a_file_is_read_whole_where_it_fits(place, content, room):
    place.write_bytes(gzip.compress(content))
    assert read_gzip(place, most_bytes=len(content) + room) == content


@given(content=st.binary(min_size=1), over=st.integers(1, 3))
def test_a_file_that_unpacks_to_more_is_refused(place, content, over):
    place.write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match="unpacks to more than"):
        read_gzip(place, most_bytes=max(len(content) - over, 0))


def test_a_bomb_takes_no_more_memory_than_allowed(place):
    import tracemalloc

    place.write_bytes(gzip.compress(bytes(200_000_000), compresslevel=1))
    tracemalloc.start()
    with pytest.raises(DataError, match="more than 1,000,000 bytes"):
        read_gzip(place, most_bytes=1_000_000)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@given(cut=st.integers(1, 20))
def test_a_file_that_was_cut_is_damaged_even_where_all_of_it_fits(place, cut):
    place.write_bytes(gzip.compress(b"content")[:-cut])
    with pytest.raises(DataError, match="is damaged"):
        read_gzip(place, most_bytes=7)


def test_a_changed_byte_is_damage(place):
    content = bytearray(gzip.compress(b"content"))
    content[-6] ^= 1
    place.write_bytes(content)
    with pytest.raises(DataError, match="is damaged, or no gzip file: CRC"):
        read_gzip(place, most_bytes=7)


def test_what_is_no_gzip_file_is_named(place):
    place.write_bytes(b"hello")
    with pytest.raises(DataError, match=r"a\.gz' is damaged, or no gzip file"):
        read_gzip(place, most_bytes=100)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no such file: .*none\.gz"):
        read_gzip(tmp_path / "none.gz", most_bytes=100)
