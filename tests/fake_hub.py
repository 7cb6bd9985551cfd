"""A small hub on this machine: models from memory, over HTTP, as huggingface_hub asks for them."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub.constants as constants
import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".safetensors", ".bin")


@dataclass
class Hub:
    """What there is, and how it misbehaves.

    models     OWNER/NAME -> file -> bytes
    cards      OWNER/NAME -> what its model card says
    asked      (path, headers) of every request
    breaks     file -> how many bytes go out before the connection breaks, once each
    answers    file -> a status code instead of the file
    sent       file -> bytes that go out in place of the announced ones
    ranges     whether parts of files can be asked for
    elsewhere  files come from another host, as from a CDN
    """

    models: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    cards: dict[str, Mapping[str, object]] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    breaks: dict[str, list[int]] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    sent: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    elsewhere: bool = False
    port: int = 0

    def fetched(self) -> list[str]:
        """The files that were asked for, in order."""
        return [path.rpartition("/")[2] for path, _ in self.asked if "/resolve/" in path]

    def listed(self, model: str) -> dict[str, object]:
        files = [described(name, data) for name, data in self.models[model].items()]
        card = self.cards.get(model, {})
        return {"id": model, "sha": COMMIT, "siblings": files, "cardData": card, "tags": []}


def described(name: str, data: bytes) -> dict[str, object]:
    """One file as the hub's list has it."""
    git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    told: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": git}
    if name.endswith(LARGE):
        sha = hashlib.sha256(data).hexdigest()
        told["lfs"] = {"size": len(data), "sha256": sha, "pointerSize": 130}
    return told


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.hub.asked.append((path, dict(self.headers)))
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self.list_of("/".join(parts[2:4]))
        elif self.hub.elsewhere and parts[0] != "elsewhere":
            self.send_response(302)
            place = f"http://localhost:{self.hub.port}/elsewhere{path}"
            self.send_header("location", place)
            self.send_header("content-length", "0")
            self.end_headers()
        else:
            self.file("/".join(parts[-5:-3]), parts[-1])

    def list_of(self, model: str) -> None:
        known = model in self.hub.models
        body = json.dumps(self.hub.listed(model) if known else {"error": "Repository not found"})
        self.send_response(200 if known else 404)
        if not known:
            self.send_header("x-error-code", "RepoNotFound")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def file(self, model: str, name: str) -> None:
        data = self.hub.sent.get(name, self.hub.models[model][name])
        if name in self.hub.answers:
            self.send_error(self.hub.answers[name])
            return
        start = 0
        if self.hub.ranges and "range" in self.headers:
            start = int(self.headers["range"].removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("content-range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("content-length", str(len(data) - start))
        self.end_headers()
        end = len(data)
        if self.hub.breaks.get(name):
            end = start + self.hub.breaks[name].pop(0)
            self.close_connection = True
        self.wfile.write(data[start:end])

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(hub: Hub, patch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub at an address of this machine, which huggingface_hub then takes for the hub."""
    handler = type("Bound", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    patch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{hub.port}")
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
