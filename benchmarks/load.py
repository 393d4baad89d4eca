"""A load generator over plain sockets, light enough not to be what is measured."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import uvloop


@dataclass(frozen=True)
class Run:
    """What one run of load saw."""

    requests: int
    seconds: float
    latencies: list[float]  # seconds, one a request


def post(port: int, path: str, bodies: Sequence[bytes], *, connections: int, seconds: float) -> Run:
    """Posts the bodies in turn over kept connections until the time is up; every answer must be a 200."""
    requests = itertools.cycle([_request(port, path, body) for body in bodies])
    return uvloop.run(_run(port, requests, connections, seconds))


def _request(port: int, path: str, body: bytes) -> bytes:
    heads = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    lines = (f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *heads, "", "")
    return "\r\n".join(lines).encode() + body


async def _run(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Run:
    started = time.perf_counter()
    latencies: list[float] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_connection(port, requests, started + seconds, latencies))
    return Run(len(latencies), time.perf_counter() - started, latencies)


async def _connection(port: int, requests: Iterator[bytes], until: float, latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    try:
        while time.perf_counter() < until:
            sent = time.perf_counter()
            writer.write(next(requests))
            await _answer(reader)
            latencies.append(time.perf_counter() - sent)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(f"Every answer must be a 200, got {head[:20]!r} {body[:300]!r}.")
