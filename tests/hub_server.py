"""A server on loopback that speaks as much of the Hugging Face Hub's API as pushing and fetching models takes.

Paths and answers are those that huggingface_hub 2.4 asks for; what it does not know is a 404 and is kept in `unknown`.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_loopback"
NAME = r"(?P<name>[\w.-]+/[\w.-]+)"


@dataclass
class Repository:
    """Files by commit, the last one last."""

    private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def revision(self, name: str) -> str | None:
        if name == "main":
            return list(self.commits)[-1] if self.commits else None
        return name if name in self.commits else None

    def commit(self, files: dict[str, bytes]) -> str:
        before = self.commits[list(self.commits)[-1]] if self.commits else {}
        after = {**before, **files}
        digest = hashlib.sha1(repr((len(self.commits), sorted(after.items()))).encode()).hexdigest()
        self.commits[digest] = after
        return digest


class Hub(ThreadingHTTPServer):
    """Repositories by name, and the requests so far.

    Args:
        large: weights go as large files do (Git LFS), in a request of their own.
    """

    daemon_threads = True

    def __init__(self, *, large: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.large = large
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.unknown: list[tuple[str, str]] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def hub_server(*, large: bool = False) -> Iterator[Hub]:
    with Hub(large=large) as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_PUT(self) -> None:
        self._answer(self._put)

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_HEAD(self) -> None:
        self._answer(self._get)

    def _answer(self, how: Any) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.url = unquote(urlsplit(self.path).path)
        self.server.requests.append((self.command, self.url))
        if not how():
            self.server.unknown.append((self.command, self.url))
            self._send(404, {"error": "no such thing"})

    def _send(self, code: int, content: Any, **headers: str) -> bool:
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)
        return True

    @property
    def _may_write(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _match(self, pattern: str) -> re.Match[str] | None:
        return re.fullmatch(pattern.replace("NAME", NAME), self.url)

    def _post(self) -> bool:
        if self.url == "/api/validate-yaml":
            return self._send(200, {"errors": [], "warnings": []})
        if not self._may_write:
            return self._send(401, {"error": "Invalid username or password."})
        if self.url == "/api/repos/create":
            wanted = json.loads(self.body)
            name = f"{wanted['organization']}/{wanted['name']}"
            url = {"url": f"{self.server.endpoint}/{name}"}
            if name in self.server.repositories:
                return self._send(409, {"error": "You already created this model repo", **url})
            private = wanted.get("visibility") == "private" or wanted.get("private") is True
            self.server.repositories[name] = Repository(private)
            return self._send(200, url)
        if self._match("/api/models/NAME/preupload/main"):
            files = json.loads(self.body)["files"]
            large = [self.server.large and each["path"].endswith(".safetensors") for each in files]
            answers = [
                {"path": each["path"], "uploadMode": "lfs" if is_large else "regular", "shouldIgnore": False}
                for each, is_large in zip(files, large, strict=True)
            ]
            return self._send(200, {"files": answers})
        if self._match(r"/NAME\.git/info/lfs/objects/batch"):
            href = f"{self.server.endpoint}/objects/"
            objects = [
                {**each, "actions": {"upload": {"href": href + each["oid"]}}}
                for each in json.loads(self.body)["objects"]
            ]
            return self._send(200, {"transfer": "basic", "objects": objects})
        if found := self._match("/api/models/NAME/commit/main"):
            return self._commit(found["name"])
        return False

    def _commit(self, name: str) -> bool:
        files = {}
        for line in self.body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                files[value["path"]] = self.server.objects[value["oid"]]
        commit = self.server.repositories[name].commit(files)
        url = f"{self.server.endpoint}/{name}/commit/{commit}"
        return self._send(200, {"commitUrl": url, "commitOid": commit, "success": True})

    def _put(self) -> bool:
        found = self._match("/objects/(?P<oid>[0-9a-f]{64})")
        if found is None or hashlib.sha256(self.body).hexdigest() != found["oid"]:
            return False
        self.server.objects[found["oid"]] = self.body
        return self._send(200, b"")

    def _get(self) -> bool:
        if found := self._match("/api/models/NAME(/revision/main)?"):
            known = found["name"] in self.server.repositories
            about = {"id": found["name"], "xetEnabled": False}
            return self._send(200, about) if known else self._send(401, {"error": "not found"})
        found = self._match("/NAME/resolve/(?P<revision>[^/]+)/(?P<file>[^/]+)")
        if found is None:
            return False
        repository = self.server.repositories.get(found["name"])
        if repository is None or (repository.private and not self._may_write):
            return self._send(401, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        revision = repository.revision(found["revision"])
        if revision is None:
            return self._send(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
        content = repository.commits[revision].get(found["file"])
        if content is None:
            return self._send(404, {"error": "Entry not found"}, X_Error_Code="EntryNotFound", X_Repo_Commit=revision)
        return self._send(200, content, ETag=f'"{hashlib.sha1(content).hexdigest()}"', X_Repo_Commit=revision)
