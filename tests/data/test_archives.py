import gzip
import io
import os
import stat
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossgrad.data import archives
from crossgrad.data.archives import read_files
from crossgrad.errors import DataError, DataWarning

FILES = {"a.txt": b"one", "b/c.txt": b"two" * 100, "b/d.txt": b""}

ENDINGS = {".tar": "w", ".tar.gz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz"}

every_archive = pytest.mark.parametrize("ending", [".zip", *ENDINGS])


def write_archive(folder, ending, files):
    place = folder / f"archive{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        return place
    with tarfile.open(place, ENDINGS[ending]) as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return place


def write_member(folder, **fields):
    """A tar archive with a good file and then a member without content."""
    place = folder / "archive.tar"
    with tarfile.open(place, "w", format=tarfile.GNU_FORMAT) as archive:
        good = tarfile.TarInfo("good.txt")
        good.size = 4
        archive.addfile(good, io.BytesIO(b"good"))
        member = tarfile.TarInfo("other")
        for name, value in fields.items():
            setattr(member, name, value)
        archive.addfile(member)
    return place


def found(place, most_bytes=10_000):
    return {str(path): content for path, content in read_files(place, most_bytes=most_bytes)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("archives")


@every_archive
@given(files=st.dictionaries(st.text("abcäß1 -", min_size=1).filter(str.strip), st.binary(), max_size=4))
def test_files_come_out_of_an_archive_as_they_went_in(folder, ending, files):
    assert found(write_archive(folder, ending, files)) == files


def test_names_in_a_tar_archive_are_the_same_in_every_locale(tmp_path):
    place = tmp_path / "archive.tar"
    with tarfile.open(place, "w", format=tarfile.GNU_FORMAT) as archive:  # that of the command tar: names as bytes
        archive.addfile(tarfile.TarInfo("į_viršų.wav"))
    code = (
        "import sys; from pathlib import Path; from crossgrad.data.archives import read_files\n"
        "for path, _ in read_files(Path(sys.argv[1]), most_bytes=9): print(ascii(str(path)))"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(place)], env=os.environ | plain, capture_output=True, text=True, check=True
    )
    assert done.stdout == "'\\u012f_vir\\u0161\\u0173.wav'\n"


def test_files_of_a_folder_come_in_the_order_of_their_paths(tmp_path):
    for path, content in reversed(FILES.items()):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert list(read_files(tmp_path, most_bytes=1000)) == [(PurePosixPath(path), FILES[path]) for path in sorted(FILES)]


@every_archive
def test_the_ending_of_an_archives_name_does_not_matter(tmp_path, ending):
    place = write_archive(tmp_path, ending, FILES)
    assert found(place.rename(tmp_path / "download")) == FILES


def test_a_tar_archive_that_ends_with_a_zip_archive_is_a_tar_archive(tmp_path):
    inner = write_archive(tmp_path, ".zip", FILES).read_bytes()
    assert found(write_archive(tmp_path, ".tar", {"inner.zip": inner})) == {"inner.zip": inner}


@every_archive
@pytest.mark.parametrize("hidden", [".DS_Store", "b/.hidden/x.txt", "__MACOSX/._a.txt"])
def test_hidden_files_are_passed_over(tmp_path, ending, hidden):
    assert found(write_archive(tmp_path, ending, FILES | {hidden: b"hidden"})) == FILES


def test_hidden_files_of_a_folder_are_passed_over(tmp_path):
    for path in ("a.txt", ".DS_Store", "b/._a.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    assert set(found(tmp_path)) == {"a.txt"}


@every_archive
def test_nothing_is_written(tmp_path, ending, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert found(write_archive(tmp_path, ending, FILES)) == FILES
    assert os.listdir(tmp_path / "here") == []


@every_archive
@pytest.mark.parametrize(
    "path", ["../a.txt", "b/../../a.txt", "/a.txt", "..\\a.txt", "b\\a.txt", "C:a.txt", "C:/a.txt"]
)
def test_a_path_that_leads_out_is_refused(tmp_path, ending, path):
    place = write_archive(tmp_path, ending, {"good.txt": b"good", path: b"bad"})
    with pytest.raises(DataError, match="which leads out of its folder; it is not read") as caught:
        found(place)
    assert repr(path) in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "device"),
    ],
)
def test_links_and_devices_in_a_tar_archive_are_refused(tmp_path, kind, named):
    place = write_member(tmp_path, type=kind, linkname="/etc/passwd")
    with pytest.raises(DataError, match=f"contains a {named}, 'other', which is not read"):
        found(place)


def test_links_in_a_zip_archive_are_refused(tmp_path):
    place = tmp_path / "archive.zip"
    member = zipfile.ZipInfo("other")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(DataError, match="contains a link, 'other', which is not read"):
        found(place)


def test_an_encrypted_archive_says_what_to_do(tmp_path):
    place = write_archive(tmp_path, ".zip", {"a.txt": b"one"})
    content = bytearray(place.read_bytes())
    content[6] |= 1  # the flags of the member's own header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    place.write_bytes(content)
    with pytest.raises(DataError, match="is encrypted; unpack it, and name the folder instead"):
        found(place)


@every_archive
def test_an_archive_that_was_cut_anywhere_is_refused(tmp_path, ending):
    place = write_archive(tmp_path, ending, FILES)
    content = place.read_bytes()
    assert found(place) == FILES
    # A plain tar archive ends with blocks of zeros, one of which is enough.
    whole = len(content) if ending != ".tar" else len(content.rstrip(b"\0")) // 512 * 512 + 1024
    for end in sorted({*range(0, whole - 1024, 61), *range(max(0, whole - 1024), whole, 7)}):
        place.write_bytes(content[:end])
        with pytest.raises(DataError, match="is damaged, or no zip or tar archive"):
            found(place)


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_a_damaged_header_does_not_end_an_archive_unnoticed(tmp_path, ending):
    plain = bytearray(write_archive(tmp_path, ".tar", FILES).read_bytes())
    plain[1024] ^= 1  # the second file's name, of which the header has a checksum
    place = tmp_path / f"damaged{ending}"
    place.write_bytes(gzip.compress(bytes(plain)) if "gz" in ending else bytes(plain))
    with pytest.raises(DataError, match="it is cut short"):
        found(place)


@every_archive
@given(data=st.data())
def test_no_change_of_bytes_leads_to_another_error(folder, ending, data):
    content = bytearray(write_archive(folder, ending, FILES).read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    place = folder / f"changed{ending}"
    place.write_bytes(content)
    try:
        files = found(place)
    except DataError:
        return
    assert sum(map(len, files.values())) <= 10_000


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\x1f\x8b", bytes(511), b"\xfd7zXZ\x00", b"BZh"])
def test_what_is_no_archive_is_named(tmp_path, content):
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.bin' is damaged, or no zip or tar archive"):
        found(tmp_path / "a.bin")


def test_a_file_without_a_name_is_damage(tmp_path):
    place = write_archive(tmp_path, ".zip", {"Q": b"one"})
    place.write_bytes(place.read_bytes().replace(b"Q", b"\0"))
    with pytest.raises(DataError, match=r"is damaged, .*: a file without a name"):
        found(place)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no such file or folder: .*none\.zip"):
        found(tmp_path / "none.zip")


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz", ""])
def test_as_much_as_is_allowed_is_read_and_no_byte_more(tmp_path, ending):
    place = write_archive(tmp_path, ending, FILES) if ending else tmp_path
    if not ending:
        (tmp_path / "a.txt").write_bytes(bytes(303))
    assert sum(map(len, found(place, most_bytes=303).values())) == 303
    with pytest.raises(DataError, match="unpacks to more than 0 MB"):
        found(place, most_bytes=302)


@pytest.mark.parametrize("ending", [".zip", ".tar.gz", ".tar.xz"])
def test_a_bomb_takes_no_memory(tmp_path, ending):
    place = write_archive(tmp_path, ending, {f"{n}.txt": bytes(20_000_000) for n in range(3)})
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="unpacks to more than 1 MB"):
            found(place, most_bytes=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 15_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("stated", [0, 1000])
def test_a_bomb_that_says_it_is_small_takes_no_memory(tmp_path, stated):
    content = bytearray(write_archive(tmp_path, ".zip", {"a.txt": bytes(50_000_000)}).read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[22:26] = content[directory + 24 : directory + 28] = struct.pack("<I", stated)
    place = tmp_path / "small.zip"
    place.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="damaged"):
            found(place, most_bytes=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [2_000_000_000, -512, -1024 * 10**6])
def test_a_header_that_asks_for_too_much_is_refused(tmp_path, kind, size):
    """tarfile would read so much at once; below zero, all there is."""
    place = write_member(tmp_path, type=kind, size=size)
    with gzip.open(tmp_path / "archive.tar.gz", "wb", compresslevel=1) as packed:
        packed.write(place.read_bytes())
        packed.write(bytes(30_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="a header asks for more than is expected in all"):
            found(tmp_path / "archive.tar.gz")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_file_of_negative_size_does_not_lead_round_in_circles(tmp_path):
    with pytest.raises(DataError, match=r"negative size|damaged"):
        found(write_member(tmp_path, size=-1024))


def test_headers_may_not_ask_for_as_much_as_all_files_may_have(tmp_path):
    with pytest.raises(DataError, match="a header asks for more than is expected in all"):
        found(write_member(tmp_path, type=tarfile.GNUTYPE_LONGNAME, size=2**20 + 512), most_bytes=10**10)


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz", ""])
def test_one_file_has_a_bound_of_its_own(tmp_path, ending, monkeypatch):
    monkeypatch.setattr(archives, "_MOST_FILE_BYTES", 300)  # gigabytes take long to write
    place = write_archive(tmp_path, ending, FILES) if ending else tmp_path
    if not ending:
        (tmp_path / "a.txt").write_bytes(bytes(300))
    assert max(map(len, found(place).values())) == 300
    monkeypatch.setattr(archives, "_MOST_FILE_BYTES", 299)
    with pytest.raises(DataError, match=r"'(a|b/c)\.txt' in .* has more than 0 MB, the most of one file"):
        found(place)


def test_a_tar_archive_of_endless_empty_files_is_refused(tmp_path, monkeypatch):
    place = write_archive(tmp_path, ".tar.gz", {str(n): b"" for n in range(11)})
    monkeypatch.setattr(archives, "_MOST_FILES", 11)
    assert len(found(place)) == 11
    monkeypatch.setattr(archives, "_MOST_FILES", 10)
    with pytest.raises(DataError, match="has more than 10 files: not read"):
        found(place)


def test_links_to_folders_links_to_nothing_and_pipes_in_a_folder_are_told(tmp_path):
    (tmp_path / "data" / "usr_1").mkdir(parents=True)
    (tmp_path / "data" / "usr_1" / "a.txt").write_bytes(b"one")
    (tmp_path / "data" / "file.txt").symlink_to(tmp_path / "data" / "usr_1" / "a.txt")
    (tmp_path / "data" / "usr_2").symlink_to(tmp_path / "data" / "usr_1")
    (tmp_path / "data" / ".hidden").symlink_to(tmp_path / "data" / "usr_1")
    (tmp_path / "data" / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "data" / "pipe")
    with pytest.warns(DataWarning, match=r"links to folders or to nothing, .*: 3, 'gone', 'pipe', 'usr_2'$"):
        assert found(tmp_path / "data") == {"usr_1/a.txt": b"one", "file.txt": b"one"}


def test_a_pipe_in_an_archives_place_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "archive.zip")
    with pytest.raises(DataError, match=r"archive\.zip' is a pipe or a device; name a folder or an archive"):
        found(tmp_path / "archive.zip")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path):
    Path(tmp_path, "a.txt").write_bytes(b"one")
    Path(tmp_path, "a.txt").chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        found(tmp_path)


def test_a_folder_inside_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    for name in ("ok", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("a")
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)  # whoever is root may read everything
    with pytest.raises(DataError, match=r"cannot read the folder '.*closed': Permission denied"):
        list(read_files(tmp_path, most_bytes=100))
