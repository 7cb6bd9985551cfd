"""A server on the loopback that speaks just enough of the protocol, and every fault on demand."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler", dict[str, Any]], None]


class Handler(BaseHTTPRequestHandler):
    """Answers each POST with the next of the server's answers, the last one again and again."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        number = min(len(self.server.asked), len(self.server.answers)) - 1
        self.close_connection = True
        try:
            self.server.answers[number](self, body)
        except (BrokenPipeError, ConnectionResetError):
            self.server.hung_up += 1

    def start(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(self, data: object) -> None:
        """One event; a string goes as it is."""
        text = data if isinstance(data, str) else json.dumps(data)
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answers: tuple[Answer, ...]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.hung_up = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, _, body in self.asked]


@contextmanager
def serving(*answers: Answer) -> Iterator[Server]:
    server = Server(answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def delta(text: str, *, index: int = 0, finish: str | None = None, chat: bool = True) -> object:
    """One message of a stream."""
    said = {"delta": {"content": text}} if chat else {"text": text}
    return {"choices": [{"index": index, **said, "finish_reason": finish}]}


def saying(*pieces: str, finish: str = "stop") -> Answer:
    """A good answer in these pieces, one choice whatever n says."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        chat = "messages" in body
        handler.start()
        for piece in pieces:
            handler.send(delta(piece, chat=chat))
        handler.send(delta("", finish=finish, chat=chat))
        handler.send("[DONE]")

    return answer


def talking(handler: Handler, body: dict[str, Any]) -> None:
    """A small model: words that depend on the seed and the choice, n and max_tokens honoured."""
    chat = "messages" in body
    handler.start()
    for index in range(body.get("n", 1)):
        seed = body["seed"] + index if body["temperature"] else 0
        words = ["so", f"seed{seed % 1000}", "said"][: body["max_tokens"]]
        for place, word in enumerate(words):
            handler.send(delta(word if place == 0 else f" {word}", index=index, chat=chat))
        finish = "stop" if body["max_tokens"] >= 3 else "length"
        handler.send(delta("", index=index, finish=finish, chat=chat))
    usage = {"prompt_tokens": 5, "completion_tokens": min(3, body["max_tokens"])}
    handler.send({"choices": [], "usage": usage})
    handler.send("[DONE]")


def refusing(status: int, message: str = "no", **headers: str) -> Answer:
    """An error as the protocol has it."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        handler.start(status, "application/json", **headers)
        handler.wfile.write(json.dumps({"error": {"message": message}}).encode())

    return answer


def raw(data: bytes, kind: str = "text/event-stream") -> Answer:
    """These very bytes."""

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        handler.start(kind=kind)
        handler.wfile.write(data)

    return answer


def echoing_the_key(handler: Handler, body: dict[str, Any]) -> None:
    """A careless server that repeats what it was sent."""
    refusing(401, f"bad header {handler.headers['Authorization']}")(handler, body)
