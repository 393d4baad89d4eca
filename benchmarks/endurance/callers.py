"""Callers that ask without end, each over a connection of its own, and hold every answer against what is known."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import uvloop

from benchmarks.endurance.release_store import ROWS, ReleaseStore

PATIENCE = 20.0  # seconds until a caller gives an answer up


@dataclass
class Seen:
    """What callers saw."""

    latencies: array[float] = field(default_factory=lambda: array("d"))  # seconds, of good answers
    statuses: Counter[int] = field(default_factory=Counter)  # of all other answers
    unsaid: int = 0  # 429s and 503s that do not say when to try again
    broken: Counter[str] = field(default_factory=Counter)  # requests whose connection ended, by what became of it
    wrong: list[str] = field(default_factory=list)  # answers that no one version gives
    outage: float = 0.0  # the longest time, in seconds, in which no caller had a good answer
    waited: float = 0.0  # the longest time from one caller's failed request to its next good answer

    @property
    def good(self) -> int:
        """Answers that were right."""
        return len(self.latencies)

    @property
    def failed(self) -> int:
        """Requests without a right answer."""
        return self.statuses.total() + self.broken.total() + len(self.wrong)

    @property
    def share(self) -> float:
        """Of all requests, how many failed; 0..1."""
        return self.failed / max(1, self.failed + self.good)

    def percentile(self, share: float) -> float:
        """A good answer's latency in seconds; 0.99 for the slowest in a hundred."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Callers:
    """Connections in a thread of their own; entered they ask, left they have stopped."""

    def __init__(
        self, port: int, release_store: ReleaseStore, *, connections: int, rows: int = 5, pause: float = 0.0
    ) -> None:
        self.seen = Seen()
        self._port = port
        self._connections = connections
        self._pause = pause
        self._bodies = [release_store.body(start, rows) for start in range(ROWS)]
        self._release_store = release_store
        self._stopping = False
        self._last_good = 0.0
        self._thread = threading.Thread(target=lambda: uvloop.run(self._all()), name="callers")

    def __enter__(self) -> Callers:
        self._last_good = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping = True
        self._thread.join()
        self.seen.outage = max(self.seen.outage, time.perf_counter() - self._last_good)

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(self._connections):
                group.create_task(self._one(number))

    async def _one(self, number: int) -> None:
        connection: Connection | None = None
        failing = 0.0  # since when, or 0
        turn = number * 7
        while not self._stopping:
            body, chosen = self._bodies[turn % ROWS]
            turn, sent = turn + 1, time.perf_counter()
            try:
                connection = connection or await Connection.made(self._port)
                async with asyncio.timeout(PATIENCE):
                    status, headers, answer = await connection.post("/v1/scores", body)
            except (OSError, EOFError, TimeoutError) as error:
                self.seen.broken[type(error).__name__] += 1
                failing = failing or sent
                if connection:
                    connection.close()
                connection = None
                await asyncio.sleep(0.005)
                continue
            failing = self._noted(sent, failing, chosen, status, headers, answer)
            if b"\r\nconnection: close" in headers:
                connection.close()
                connection = None
            if self._pause:
                await asyncio.sleep(self._pause)
        if connection:
            connection.close()

    def _noted(
        self, sent: float, failing: float, chosen: list[int], status: int, headers: bytes, answer: bytes
    ) -> float:
        """Counts an answer; returns since when this caller has had no good one, 0 where this was one."""
        now = time.perf_counter()
        if status != 200:
            self.seen.statuses[status] += 1
            self.seen.unsaid += status in (429, 503) and b"\r\nretry-after:" not in headers
            return failing or sent
        fault = self._release_store.fault(chosen, json.loads(answer))
        if fault:
            self.seen.wrong.append(fault)
            return failing or sent
        self.seen.latencies.append(now - sent)
        self.seen.outage = max(self.seen.outage, now - self._last_good)
        self._last_good = now
        if failing:
            self.seen.waited = max(self.seen.waited, now - failing)
        return 0.0


class Connection:
    """One kept connection, over which one request goes at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def made(cls, port: int) -> Connection:
        """A connection to this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**24))

    async def post(self, path: str, body: bytes) -> tuple[int, bytes, bytes]:
        """Status, headers in lower case and body of the answer.

        Raises:
            OSError: The connection broke.
            EOFError: It ended before the answer was whole.
        """
        heads = ("host: 127.0.0.1", "content-type: application/json", f"content-length: {len(body)}")
        self._writer.write("\r\n".join((f"POST {path} HTTP/1.1", *heads, "", "")).encode() + body)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        return int(head[9:12]), head, await self._reader.readexactly(length)

    def close(self) -> None:
        """Ends it at once."""
        self._writer.transport.abort()


def told(seen: Seen) -> dict[str, Any]:
    """The figures, for people."""
    return {
        "good": seen.good,
        "failed": seen.failed,
        "other statuses": dict(seen.statuses),
        "broken connections": dict(seen.broken),
        "wrong": len(seen.wrong),
        "first wrong": seen.wrong[:1],
        "p50 ms": round(1000 * seen.percentile(0.5), 2),
        "p99 ms": round(1000 * seen.percentile(0.99), 2),
    }
