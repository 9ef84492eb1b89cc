"""A stand-in for Docker's engine: the few calls of its HTTP API that running one container takes.

It answers on a Unix socket and keeps what it was told; nothing is run.
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

_TOLD: Final[dict[str, Any]] = {
    "_ping": "OK",
    "version": {"ApiVersion": "1.47", "Version": "28.0"},
    "networks": [],
    "images": {"Id": "sha256:0", "RepoTags": []},
}


@dataclass
class FakeContainer:
    """A container as the engine knows it."""

    name: str
    environment: list[str]
    published: dict[str, str]
    state: str = "created"
    signals: list[str] = field(default_factory=list)

    @property
    def document(self) -> dict[str, Any]:
        """What ``inspect`` prints of it."""
        running = self.state in ("running", "paused")
        return {
            "Id": self.name,
            "Name": f"/{self.name}",
            "Image": "sha256:0",
            "Config": {"Labels": {}},
            "State": {"Running": running, "Status": self.state},
        }


@dataclass
class DockerEngine:
    """The engine; ``refuses`` makes it say no to every start, with that reason."""

    containers: dict[str, FakeContainer] = field(default_factory=dict)
    refuses: str | None = None

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        """The document of an answer; a pair with a status where it is not 200."""
        match [method, *path.strip("/").split("/")]:
            case ["GET", *words] if words[0] in _TOLD:
                return _TOLD[words[0]]
            case ["POST", "containers", "create"]:
                return self._create(query["name"][0], body)
            case [_, "containers", name, *verb] if name in self.containers:
                return self._act(method, self.containers[name], verb, query)
        return 404, {"message": f"No such container: {path}"}

    def _create(self, name: str, body: Any) -> Any:
        published = {
            inside: f"{binding['HostIp']}:{binding['HostPort']}"
            for inside, [binding] in body["HostConfig"]["PortBindings"].items()
        }
        self.containers[name] = FakeContainer(name, body["Env"], published)
        return 201, {"Id": name, "Warnings": []}

    def _act(
        self, method: str, container: FakeContainer, verb: list[str], query: dict[str, list[str]]
    ) -> Any:
        match [method, *verb]:
            case ["GET", "json"]:
                return container.document
            case ["DELETE"]:
                del self.containers[container.name]
            case ["POST", "start"] if self.refuses is not None:
                return 500, {"message": self.refuses}
            case ["POST", "start" | "unpause"]:
                container.state = "running"
            case ["POST", "pause"]:
                container.state = "paused"
            case ["POST", "kill"]:
                container.signals.append(query["signal"][0])
                container.state = "exited"
            case _:
                return 404, {"message": "page not found"}
        return 204, None


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    engine: DockerEngine


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a Unix socket has no address to print."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or "null")
        parts = urlsplit(self.path)
        path = parts.path.removeprefix("/v1.47")
        answer = self.server.engine.answer(self.command, path, parse_qs(parts.query), body)
        status, document = answer if isinstance(answer, tuple) else (200, answer)
        plain = document is None or isinstance(document, str)
        text = (document or "" if plain else json.dumps(document)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@contextlib.contextmanager
def serve(socket: Path) -> Iterator[DockerEngine]:
    """An engine that answers on ``socket`` for the length of the block."""
    engine = DockerEngine()
    with _Server(str(socket), _Handler) as server:
        server.engine = engine
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()
