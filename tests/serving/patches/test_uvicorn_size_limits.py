"""What no body is that somebody reads is bounded in bytes: heads, trailers, framing, bodies that are refused."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.patches import uvicorn_size_limits
from serving.patches.uvicorn_size_limits import HEAD_BYTES, LINGER_SECONDS
from tests.support.protocols import Made, serve_protocols
from tests.support.servers import QUICK, Server, start, stop, workers

LINE = b"POST /v1/scores HTTP/1.1\r\nHost: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = LINE + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def limited(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with small bodies, so that little is much."""
    running = start(home, tmp_path_factory.mktemp("server"), {**QUICK, "PENCHANT_MAX_BODY_BYTES": str(MIB)})
    yield running
    stop(running)


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    """A connection to a server."""
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        yield connection


def read(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    with suppress(OSError):
        while piece := connection.recv(65536):
            found += piece
    return found


def poured(server: Server, start: bytes, piece: bytes, *, most: int = 64 * MIB) -> int:
    """How many bytes a server takes of something endless before the connection ends."""
    sent = 0
    with connected(server) as connection:
        connection.sendall(start)
        with suppress(OSError):
            while sent < most:
                connection.sendall(piece)
                sent += len(piece)
    return sent


@pytest.mark.parametrize(
    "head",
    [b"X: " + b"a" * HEAD_BYTES, b"".join(b"X-%d: %s\r\n" % (n, b"a" * 200) for n in range(400))],
    ids=["one long header", "many headers"],
)
def test_a_head_past_its_limit_is_told_so(limited: Server, head: bytes) -> None:
    """431 as a problem document with a request id, and the connection ends."""
    with connected(limited) as connection:
        connection.sendall((LINE + head)[: HEAD_BYTES + 8192])
        answer = read(connection)

    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["type"] == "urn:penchant:problem:head-too-large"
    assert b"x-request-id: " in status


def test_a_long_address_is_a_head_too(limited: Server) -> None:
    """Whatever part of it is long."""
    with connected(limited) as connection:
        connection.sendall(b"GET /" + b"a" * (HEAD_BYTES + 8192))
        assert read(connection).startswith(b"HTTP/1.1 431 ")


def test_a_head_within_its_limit_is_answered_however_it_comes(limited: Server) -> None:
    """At once, byte by byte at its end, or after another on the same connection."""
    whole = LINE + JSON + b"X: " + b"a" * (HEAD_BYTES - 4096) + b"\r\nContent-Length: 2\r\n\r\n{}"
    with connected(limited) as connection:
        for size in (len(whole), 1000, 65536):
            for begin in range(0, len(whole), size):
                connection.sendall(whole[begin : begin + size])
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert (answer.status, bool(answer.read())) == (422, True)


def test_many_small_requests_on_one_connection_are_no_long_head(limited: Server) -> None:
    """Nor are pipelined ones: each head is counted by itself."""
    request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 400 + b"\r\n\r\n"
    count = 3 * HEAD_BYTES // len(request)
    with connected(limited) as connection:
        for _ in range(count):
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert (answer.status, bool(answer.read())) == (200, True)
        connection.sendall(request * (count - 1) + request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read(connection).count(b"HTTP/1.1 200 ") == count


def test_a_large_body_within_its_limit_is_read(limited: Server, profile: dict[str, Any]) -> None:
    """In chunks of any size, plain or chunked, with trailers."""
    body = json.dumps({"profiles": [profile]}).encode().ljust(MIB - 16)
    pieces = [body[at : at + 7000] for at in range(0, len(body), 7000)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX-Trailer: 1\r\n\r\n"
    plain = LINE + JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with connected(limited) as connection:
        for request in (plain, CHUNKED + chunks, plain):
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert (answer.status, json.loads(answer.read())["results"][0]["status"]) == (200, "ok")


@pytest.mark.parametrize(
    ("start", "piece", "most"),
    [
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nX: ", b"a" * 65536, 1),
        (b"\r\n", b"\r\n" * 32768, 1),
        (CHUNKED + b"0\r\nX: ", b"a" * 65536, 1),
        (CHUNKED + b"5;", b"a" * 65536, 1),
        (LINE + JSON + b"Content-Length: 99999999999\r\n\r\n", b"a" * 65536, 2),
        (LINE + b"Content-Type: text/plain\r\nContent-Length: 99999999999\r\n\r\n", b"a" * 65536, 2),
        (CHUNKED, b"10000\r\n" + b"a" * 65536 + b"\r\n", 4),
    ],
    ids=["head", "no head", "trailers", "a chunk's extension", "declared too large", "of another type", "too large"],
)
def test_nothing_endless_is_read_for_ever(limited: Server, start: bytes, piece: bytes, most: int) -> None:
    """The connection ends after so many MiB at most, what the system's own buffers hold included."""
    assert poured(limited, start, piece) <= (most + 8) * MIB


ENDLESS = [
    pytest.param(b"GET /livez HTTP/1.1\r\nHost: a\r\nX: ", id="head"),
    pytest.param(CHUNKED + b"0\r\nX: ", id="trailers"),
]


@pytest.mark.parametrize("start", ENDLESS)
def test_who_sends_something_endless_is_held_up_before_the_next_attempt(limited: Server, start: bytes) -> None:
    """A connection that goes on too long stays open for a while, unread: few attempts a second are left."""
    began = time.monotonic()
    for _ in range(3):
        poured(limited, start, b"a" * 65536)

    assert time.monotonic() - began > 3 * 0.9 * LINGER_SECONDS


def test_nothing_more_is_read_after_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much its caller has sent already."""
    monkeypatch.setattr(HttpToolsProtocol, "data_received", HttpToolsProtocol.data_received)
    uvicorn_size_limits.install(rest_bytes=1)

    async def ask(port: int, made: Made) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LINE + b"X: " + b"a" * 2 * HEAD_BYTES)
        async with asyncio.timeout(20):
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 431 ")
            protocol = made[0]()
            assert protocol
            read = protocol.read
            writer.write(b"a" * 64 * MIB)
            with suppress(OSError):
                await reader.read()  # until the other side closes
        writer.close()
        assert protocol.read == read

    serve_protocols(ask)


def test_a_body_that_is_refused_is_told_why(limited: Server) -> None:
    """413 comes first, and is read; what follows of the body is dropped up to the limit."""
    with connected(limited) as connection:
        connection.sendall(LINE + JSON + b"Content-Length: %d\r\n\r\n" % (MIB + 1) + b"a" * 1000)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        status = answer.status, bool(answer.read())
        connection.sendall(b"a" * (MIB + 1 - 1000) + b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        following = http.client.HTTPResponse(connection)
        following.begin()

        assert status == (413, True)
        assert following.status == 200


def test_beside_endless_heads_others_are_answered_and_memory_stays(limited: Server) -> None:
    """While four callers send them as fast as they can."""
    [worker] = workers(limited)
    over = threading.Event()

    def pour() -> None:
        while not over.is_set():
            with suppress(OSError):
                poured(limited, b"GET /livez HTTP/1.1\r\nHost: a\r\nX: ", b"a" * 262144)

    before = _resident(worker)
    threads = [threading.Thread(target=pour) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        with limited.client() as client:
            for _ in range(60):
                assert client.get("/livez").status_code == 200
    finally:
        over.set()
        for thread in threads:
            thread.join()

    assert _resident(worker) - before < 32 * MIB


async def too_large(_scope: Any, _receive: Any, send: Any) -> None:
    """An application that refuses every body before it has come."""
    await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def test_a_refused_body_that_goes_on_too_long_ends_its_connection_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caller has an answer, and would else ask the next thing where nothing is read."""
    monkeypatch.setattr(HttpToolsProtocol, "data_received", HttpToolsProtocol.data_received)
    monkeypatch.setattr(uvicorn_size_limits, "LINGER_SECONDS", 3600)
    uvicorn_size_limits.install(rest_bytes=1000)

    async def ask(port: int, _: Made) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LINE + b"Content-Length: 3000\r\n\r\n")
        async with asyncio.timeout(20):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
            writer.write(b"a" * 3000)
            assert await reader.read() == b""
        writer.close()

    serve_protocols(ask, too_large)


def test_a_refused_head_takes_no_memory(limited: Server) -> None:
    """Hundreds of callers who leave as soon as they are refused, and whose connections are still there for a while."""
    [worker] = workers(limited)
    before = _resident(worker)
    for _ in range(800):
        with connected(limited) as connection:
            connection.sendall(LINE + b"X: " + b"a" * 3 * HEAD_BYTES)
            assert connection.recv(12) == b"HTTP/1.1 431"

    assert _resident(worker) - before < 16 * MIB


def _resident(pid: int) -> int:
    """The most memory that a process has held, in bytes."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
