"""Receivers of alerts on loopback: a webhook that keeps what it got, and a server that takes e-mail."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer


@dataclass
class Received:
    """What arrived, request by request."""

    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """The alerts that arrived."""
        return [one["x-penchant-id"] for one in self.headers]


@contextmanager
def webhook(port: int, statuses: Sequence[int] = ()) -> Iterator[Received]:
    """A receiver that answers with these statuses in turn, then with 204."""
    got, waiting = Received(), list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keeps a message unless it is refused."""
            body = self.rfile.read(int(self.headers["content-length"]))
            status = waiting.pop(0) if waiting else 204
            if status < 300:
                got.headers.append({name.lower(): value for name, value in self.headers.items()})
                got.bodies.append(body)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", port), Handler) as server, _serving(server):
        yield got


@contextmanager
def mail_server(port: int) -> Iterator[list[str]]:
    """A server without STARTTLS that takes every e-mail."""
    mails: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            """One conversation."""
            self.wfile.write(b"220 hello\r\n")
            for line in iter(self.rfile.readline, b""):
                if line.upper().startswith(b"DATA"):
                    self.wfile.write(b"354 go on\r\n")
                    mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")

    with socketserver.TCPServer(("127.0.0.1", port), Handler) as server, _serving(server):
        yield mails


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
