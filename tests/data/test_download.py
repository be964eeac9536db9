"""Against a real server on loopback, whose answers each test writes."""

import gzip
import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from crossgrad.data.download import fetch
from crossgrad.data.raw_files import RawFile
from crossgrad.errors import DataError

CONTENT = bytes(range(256)) * 1000


class Server(ThreadingHTTPServer):
    """Gives each path's answers in order, the last one again and again; remembers what was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = {}
        self.asked = []
        self.address = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        answers = self.server.answers.get(self.path, [(404, b"")])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(answer):
            answer(self)
            return
        status, body = answer
        self.send_response(status)
        if status == 302:
            self.send_header("Location", body)
            body = b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    monkeypatch.setenv("CROSSGRAD_DATA", str(tmp_path / "root"))
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "crossgrad_mirror"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)


@pytest.fixture
def file(server):
    return published(server, "digits/a file.bin", CONTENT)


def published(server, path, content, urls=("/first",)):
    return RawFile(path, hashlib.sha256(content).hexdigest(), len(content), tuple(server.address + url for url in urls))


def left(file):
    """Everything in the file's folder."""
    return sorted(os.listdir(file.place.parent))


def cut(handler):
    """Half of the file, then nothing."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT[:1000])


def test_a_file_that_is_not_here_is_fetched(server, file):
    server.answers["/first"] = [(200, CONTENT)]
    fetch([file])
    assert file.place.read_bytes() == CONTENT
    assert left(file) == ["a file.bin"]
    assert server.asked == ["/first"]


def test_a_fetched_file_can_be_read_by_whom_the_umask_lets(server, file):
    server.answers["/first"] = [(200, CONTENT)]
    before = os.umask(0o027)
    try:
        fetch([file])
    finally:
        os.umask(before)
    assert file.place.stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_here_is_not_asked_for(server, file):
    file.place.parent.mkdir(parents=True)
    file.place.write_bytes(CONTENT)
    fetch([file])
    assert server.asked == []


def test_another_file_in_its_place_is_told_and_left(server, file):
    server.answers["/first"] = [(200, CONTENT)]
    file.place.parent.mkdir(parents=True)
    file.place.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"a file\.bin' is not the file that is published .* left as it is; delete it"):
        fetch([file])
    assert file.place.read_bytes() == b"mine"
    assert server.asked == []


def test_a_folder_in_its_place_is_told(server, file):
    file.place.mkdir(parents=True)
    with pytest.raises(DataError, match=r"a file\.bin' cannot be read: Is a directory"):
        fetch([file])


def test_a_copy_packed_anew_is_as_good_where_the_unpacked_bytes_are_known(server, file):
    again = replace(file, unpacked_sha256=hashlib.sha256(CONTENT).hexdigest())
    server.answers["/first"] = [(200, gzip.compress(CONTENT))]
    fetch([again])
    assert gzip.decompress(again.place.read_bytes()) == CONTENT
    fetch([again])
    again.place.write_bytes(gzip.compress(CONTENT + b"!"))
    with pytest.raises(DataError, match="is not the file that is published"):
        fetch([again])
    again.place.write_bytes(gzip.compress(CONTENT)[:-4])
    with pytest.raises(DataError, match="is not the file that is published"):
        fetch([again])


@pytest.mark.parametrize("body", [b"<html>Please log in</html>", CONTENT[:-1] + b"!", b""])
def test_a_wrong_checksum_is_refused_and_leaves_nothing(server, file, body):
    server.answers["/first"] = [(200, body)]
    with pytest.raises(DataError, match=f"{len(body):,} bytes that are not the file .*{len(CONTENT):,} bytes"):
        fetch([file])
    assert left(file) == []
    assert server.asked == ["/first"]  # the same bytes would come again


def test_what_does_not_end_is_not_taken_until_the_disk_is_full(server, file):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        with suppress(ConnectionError):
            while True:
                handler.wfile.write(bytes(2**16))

    server.answers["/first"] = [endless]
    sizes = []
    with pytest.raises(DataError, match=f"more than the file is long \\({len(CONTENT):,} bytes\\)"):
        fetch([file], follow=lambda _, done_bytes, __: sizes.append(done_bytes))
    assert max(sizes) < 3 * 2**20
    assert left(file) == []
    assert server.asked == ["/first"]


def test_a_cut_connection_leaves_nothing(server, file):
    server.answers["/first"] = [cut]
    with pytest.raises(DataError, match="no connection, or it was cut"):
        fetch([file], pauses=(0, 0))
    assert left(file) == []
    assert server.asked == ["/first"] * 3


def test_a_file_that_was_cut_starts_anew(server, file):
    server.answers["/first"] = [cut, (200, CONTENT)]
    told = []
    fetch([file], follow=lambda which, done, total: told.append((which, done, total)), pauses=(0,))
    assert file.place.read_bytes() == CONTENT
    assert {(which, total) for which, _, total in told} == {(file, len(CONTENT))}
    done = [bytes_ for _, bytes_, _ in told]
    again = done.index(0, 1)
    assert done[0] == 0
    assert done[:again] == sorted(done[:again])
    assert done[again - 1] <= 1000
    assert done[again:] == sorted(done[again:])
    assert done[-1] == len(CONTENT)
    assert len(done[again:]) > 3


def test_what_a_killed_fetch_left_is_not_resumed(server, file):
    server.answers["/first"] = [(200, CONTENT)]
    file.place.parent.mkdir(parents=True)
    for process in (os.getpid(), f"{os.getpid()}.0123abcd", 999_999_999):  # living or not: nobody holds its lock
        (file.place.parent / f".{file.place.name}.{process}").write_bytes(b"half" * 10**6)
    fetch([file])
    assert file.place.read_bytes() == CONTENT
    assert left(file) == ["a file.bin"]


KILLED = """
import os, signal
from crossgrad.data.download import fetch
from crossgrad.data.raw_files import RawFile

def follow(_, done, __):
    if done:
        os.kill(os.getpid(), signal.SIGKILL)

fetch([RawFile({path!r}, {sha256!r}, {n_bytes}, {urls!r})], follow=follow)
"""


def test_what_a_killed_fetch_left_is_deleted_by_the_next(server, file):
    server.answers["/first"] = [(200, CONTENT)]
    killed = subprocess.run([sys.executable, "-c", KILLED.format(**vars(file))], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(left(file)) == 1
    fetch([file])
    assert left(file) == ["a file.bin"]


def test_two_processes_of_one_number_fetch_into_one_folder_without_harm(server, file):
    """As in two containers: neither takes the other's name, nor deletes what the other is about."""
    server.answers["/first"] = [(200, CONTENT)]
    fetched = []

    def meanwhile(_, done, __):
        if done and not fetched:
            fetched.append(True)
            fetch([file])
            assert len(left(file)) == 2

    fetch([file], follow=meanwhile)
    assert file.place.read_bytes() == CONTENT
    assert left(file) == ["a file.bin"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server, file, status):
    server.answers["/first"] = [(status, b""), (status, b""), (200, CONTENT)]
    fetch([file], pauses=(0, 0))
    assert file.place.read_bytes() == CONTENT


def test_pauses_are_waited(server, file):
    server.answers["/first"] = [(503, b""), (503, b""), (200, CONTENT)]
    started = time.monotonic()
    fetch([file], pauses=(0.1, 0.2))
    assert 0.3 <= time.monotonic() - started < 3


def test_a_server_that_stays_busy_is_given_up(server, file):
    server.answers["/first"] = [(503, b"")]
    with pytest.raises(DataError, match="503 Service Unavailable"):
        fetch([file], pauses=(0,))
    assert len(server.asked) == 2


def test_the_message_says_what_to_do_by_hand(server, file):
    with pytest.raises(DataError) as caught:
        fetch([file])
    assert str(caught.value) == (
        f"'digits/a file.bin' could not be fetched ({server.address}/first: 404 Not Found); try again later, or fetch "
        f"it by hand from {server.address}/first and put it at {str(file.place)!r}"
    )
    assert server.asked == ["/first"]  # what is not there is not there a moment later


def test_the_next_address_is_tried_where_one_has_nothing(server):
    file = published(server, "b.bin", CONTENT, urls=("/none", "/wrong", "/third", "/fourth"))
    server.answers |= {"/wrong": [(200, b"wrong")], "/third": [(200, CONTENT)]}
    fetch([file])
    assert file.place.read_bytes() == CONTENT
    assert server.asked == ["/none", "/wrong", "/third"]


def test_a_server_that_is_not_there_is_told(server, file):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        gone = f"http://127.0.0.1:{closed.server_address[1]}/x"
    with pytest.raises(DataError, match=f"{gone}: no connection, or it was cut"):
        fetch([replace(file, urls=(gone,))], pauses=())


@pytest.mark.parametrize("url", ["gopher://data.example/x", "http://", "nowhere"])
def test_an_address_that_is_none_is_told(file, url):
    with pytest.raises(DataError, match=r"could not be fetched .*(Invalid URL|No connection adapters)"):
        fetch([replace(file, urls=(url,))])


def test_a_redirection_is_followed(server, file):
    server.answers |= {"/first": [(302, "/moved")], "/moved": [(200, CONTENT)]}
    fetch([file])
    assert file.place.read_bytes() == CONTENT


def test_redirections_in_a_circle_end(server, file):
    server.answers["/first"] = [(302, "/first")]
    with pytest.raises(DataError, match="Exceeded 30 redirects"):
        fetch([file])


def test_the_proxy_of_the_environment_is_asked(server, file, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", server.address)
    monkeypatch.setenv("http_proxy", server.address)
    server.answers["http://data.example/x"] = [(200, CONTENT)]  # a proxy is asked for the whole address
    fetch([replace(file, urls=("http://data.example/x",))])
    assert file.place.read_bytes() == CONTENT


def test_a_proxy_that_is_not_there_is_told(server, file, monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        gone = f"http://127.0.0.1:{closed.server_address[1]}"
    monkeypatch.setenv("HTTP_PROXY", gone)
    monkeypatch.setenv("http_proxy", gone)
    with pytest.raises(DataError, match="the proxy gave no connection"):
        fetch([replace(file, urls=("http://data.example/x",))], pauses=())


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_mirror_is_asked_first_for_the_files_path(server, file, monkeypatch, slash):
    monkeypatch.setenv("CROSSGRAD_MIRROR", f"{server.address}/copies{slash}")
    server.answers["/copies/digits/a%20file.bin"] = [(200, CONTENT)]
    fetch([file])
    assert file.place.read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_a_mirror_that_lacks_a_file_costs_no_more_than_that(server, file, monkeypatch):
    monkeypatch.setenv("CROSSGRAD_MIRROR", server.address)
    server.answers["/first"] = [(200, CONTENT)]
    fetch([file])
    assert server.asked == ["/digits/a%20file.bin", "/first"]


def test_a_mirror_may_have_what_is_published_nowhere_else(server, file, monkeypatch):
    monkeypatch.setenv("CROSSGRAD_MIRROR", server.address)
    server.answers["/digits/a%20file.bin"] = [(200, CONTENT)]
    fetch([replace(file, urls=())])
    assert file.place.read_bytes() == CONTENT


def test_what_no_program_can_fetch_is_told(server, file, monkeypatch):
    with pytest.raises(DataError, match=r"'digits/a file\.bin' cannot be fetched by a program; get it by hand and put"):
        fetch([replace(file, urls=())])
    monkeypatch.setenv("CROSSGRAD_MIRROR", server.address)
    with pytest.raises(DataError, match="cannot be fetched by a program"):
        fetch([replace(file, urls=(), sha256=None)])  # nothing could tell whether the mirror's is right
    assert server.asked == []


def test_files_before_the_one_that_failed_are_kept(server, file):
    others = [published(server, f"{name}.bin", CONTENT) for name in "ab"]
    server.answers["/first"] = [(200, CONTENT), (404, b"")]
    with pytest.raises(DataError, match=r"'b\.bin' could not"):
        fetch(others)
    assert [other.is_here for other in others] == [True, False]


def test_a_file_where_the_folder_should_be_is_told(server, file, tmp_path):
    (tmp_path / "root").write_text("a file")
    with pytest.raises(
        DataError, match=r"'digits/a file\.bin' cannot be written to .*; make room, .*CROSSGRAD_DATA.*/first"
    ):
        fetch([file])
    assert server.asked == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_read_only_folder_is_told(server, file, tmp_path):
    (tmp_path / "root").mkdir(mode=0o500)
    with pytest.raises(DataError, match=r"cannot be written to .*Permission denied"):
        fetch([file])


def test_a_disk_without_room_is_told_and_left_as_it_was(server, file):
    """The system's limit on the size of a file fails a write as a full disk does."""
    server.answers["/first"] = [(200, CONTENT)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DataError, match=r"cannot be written to .*File too large; make room"):
            fetch([file])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left(file) == []


def test_an_interruption_leaves_nothing(server, file):
    server.answers["/first"] = [(200, CONTENT)]

    def interrupt(_, done, __):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([file], follow=interrupt)
    assert left(file) == []
