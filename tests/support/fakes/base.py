"""A vendor on loopback: it keeps state, holds each request against a JSON Schema, and fails when it is asked to."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qs, urlsplit

import jsonschema

# What becomes of a request: `lost` is done and not answered, `half` is done and answered in part.
Fault = Literal["lost", "half", "drop"] | tuple[int, Mapping[str, str]] | Callable[[], None]
Reply = tuple[int, Any]
_EVENTS = ("/events", "/send/batch")  # ends of paths that take changes of segment


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, document: Any) -> None:
        super().__init__(str(status))
        self.status, self.document = status, document


class FakeVendor(ABC):
    """State, requests and faults."""

    schemas: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # of bodies, by name
    error = staticmethod(lambda text: {"message": text})

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.faults: deque[Fault | None] = deque()
        self.event_faults: deque[Fault] = deque()  # of requests that send changes of segment
        self.before: Callable[[int], None] = lambda _n: None  # is called with the number of each request
        self.done: Callable[[int], None] = lambda _n: None  # the same, once it is done and not answered
        self.answered: Callable[[int], None] = lambda _n: None
        self.broken: list[str] = []  # what our requests broke of the schemas
        self.url, self.headers, self.content = "", dict[str, str](), b""  # of the request that is handled
        self._turn = threading.Lock()

    @abstractmethod
    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        """Does what is asked."""

    @abstractmethod
    def listed_rows(self) -> list[tuple[str, dict[str, Any]]]:
        """The address of each member, twice where it is there twice, and what is known of it."""

    def members(self) -> dict[str, dict[str, Any]]:
        """What is known of members, by address."""
        return dict(self.listed_rows())

    @abstractmethod
    def put_in(self, address: str) -> None:
        """Somebody at the vendor's own screen adds a member."""

    @abstractmethod
    def take_out(self, address: str) -> None:
        """Somebody at the vendor's own screen takes a member out."""

    @abstractmethod
    def unsubscribe(self, address: str) -> None:
        """A recipient unsubscribes."""

    def check(self, name: str, body: Any) -> None:
        """Notes what a body breaks, and refuses it."""
        broken = [one.message for one in jsonschema.Draft202012Validator(self.schemas[name]).iter_errors(body)]
        if broken:
            self.broken += [f"{name}: {one}" for one in broken]
            raise RefusedError(422, self.error("schema"))

    def posts(self, part: str) -> list[Any]:
        """The bodies of requests whose path has a part."""
        return [body for _, path, body in self.requests if part in path and body is not None]


@contextmanager
def serving(fake: FakeVendor) -> Iterator[str]:
    """Its address, as long as it listens."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            found = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(found.query).items()}
            with fake._turn:
                fake.requests.append((self.command, found.path, json.loads(content) if content else None))
                number, fault = len(fake.requests), fake.faults.popleft() if fake.faults else None
                if self.command == "POST" and found.path.endswith(_EVENTS) and fake.event_faults:
                    fault = fake.event_faults.popleft()
                fake.before(number)
                if callable(fault):
                    fault()
                if isinstance(fault, tuple):
                    self._say(fault[0], b"{}", fault[1])
                    return
                if fault == "drop":
                    self.close_connection = True
                    return
                fake.headers = {name.lower(): value for name, value in self.headers.items()}
                fake.content = content
                try:
                    status, document = fake.handle(self.command, found.path, query, fake.requests[-1][2])
                except RefusedError as refusal:
                    status, document = refusal.status, refusal.document
                fake.done(number)
            if fault == "lost":
                self.close_connection = True
                return
            content = b"" if document is None else json.dumps(document).encode()
            self._say(status, content, {}, half=fault == "half")
            fake.answered(number)

        def _say(self, status: int, content: bytes, headers: Mapping[str, str], *, half: bool = False) -> None:
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if content:
                    self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if half else content)
                self.close_connection = self.close_connection or half
            except OSError:
                self.close_connection = True

        do_GET = do_POST = do_PUT = _do  # noqa: N815 as http.server calls them

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
