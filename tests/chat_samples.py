"""A server that answers as it is told, and a Chat that does."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

IMAGE = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
Act = Callable[[BaseHTTPRequestHandler], None]


def send(body: bytes | str, status: int = 200, **headers: str) -> Act:
    data = body.encode() if isinstance(body, str) else body

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return act


def said(content) -> Act:
    """The answer of an OpenAI-compatible server."""
    message = {"role": "assistant", "content": content}
    return send(json.dumps({"choices": [{"index": 0, "message": message}]}))


def slow(seconds: float) -> Act:
    return lambda handler: time.sleep(seconds)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def cut_short(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices"')
    handler.close_connection = True


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(1000):
            handler.wfile.write(b" " * (1 << 20))
    handler.close_connection = True


def dripping(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(40):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)


class Server:
    """Answers its n-th request by the n-th act, and all later ones by the last."""

    def __init__(self, *acts: Act) -> None:
        self.acts, self.requests = list(acts), []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.told = json.loads(body)
                outer.requests.append((self.path, dict(self.headers), self.told))
                outer.acts[min(len(outer.requests), len(outer.acts)) - 1](self)

            def do_GET(self) -> None:  # what a redirect must not become
                outer.requests.append((self.path, dict(self.headers), None))
                said("by GET")(self)

            def log_message(self, *_) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serving(*acts: Act) -> Iterator[Server]:
    server = Server(*acts)
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


class Scripted:
    """A Chat that gives its replies in turn and keeps what it was asked."""

    def __init__(self, *replies: str) -> None:
        self.replies, self.asked = list(replies), []

    def reply(self, system, text, images=(), *, max_tokens=0, temperature=0.0, seed=0) -> str:
        self.asked.append((system, text, list(images)))
        return self.replies[min(len(self.asked), len(self.replies)) - 1]
