"""One process that asks: `python -m benchmarks.endurance.flood PORT SECONDS WARM BODIES_FILE`; its figures as JSON.

A caller alone, then four who wait for their answers, which gives the capacity, then twice that on time, whatever comes
back. After the capacity it writes a line and waits for one, so that its caller can look at the server, which has by
then seen ordinary load. It is a process of its own, and a light one, so that it takes nothing from the server on a
machine of two cores.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvloop

CONNECTIONS = 200  # callers who wait at most; who finds none free is not sent
AT_ONCE = 4  # callers whose answers a second are the capacity
CLOSE = 0.002  # seconds between two requests, below which the clock is watched without a rest


@dataclass
class Flood:
    """What the caller saw; times in seconds."""

    alone: float = 0.0  # 99th percentile of one caller's waits
    capacity: float = 0.0  # answers a second
    median: float = 0.0  # of the accepted requests' waits, of all that were sent in time
    slow: float = 0.0  # their 99th percentile
    good: int = 0
    statuses: dict[int, int] = field(default_factory=dict)  # of all other answers
    unsaid: int = 0  # 429s and 503s that do not say when to try again
    broken: int = 0  # connections
    held_back: int = 0  # requests that found no connection free


class Caller(asyncio.Protocol):
    """One connection, over which one request goes at a time."""

    def __init__(self, answered: Callable[[Caller, bytes, float], None], lost: Callable[[Caller], None]) -> None:
        self._answered = answered
        self._lost = lost
        self._buffer = b""
        self._sent = 0.0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is ready."""
        self._transport = transport

    def ask(self, request: bytes) -> None:
        """Sends a request."""
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Tells of an answer once it is whole."""
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]):
            self._buffer = b""
            self._answered(self, head.lower(), time.perf_counter() - self._sent)

    def connection_lost(self, _error: Exception | None) -> None:
        """Tells of the end."""
        self._lost(self)

    def close(self) -> None:
        """Ends it."""
        self._transport.abort()


class Callers:
    """Connections that are free, and what came back over all of them."""

    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        self.free: deque[Caller] = deque()  # who rested longest is the next: a server ends connections that rest
        self.waits: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.unsaid = 0
        self.broken = 0
        self.again = False  # whether each asks again as soon as it is answered
        self._port = port
        self._requests = itertools.cycle(requests)
        self._open: set[Caller] = set()

    async def connect(self, count: int) -> None:
        """Opens so many connections."""
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, caller = await loop.create_connection(lambda: Caller(self._heard, self._gone), "127.0.0.1", self._port)
            self.free.append(caller)
            self._open.add(caller)

    def ask(self) -> None:
        """Sends the next request over a free connection."""
        self.free.popleft().ask(next(self._requests))

    def _heard(self, caller: Caller, head: bytes, wait: float) -> None:
        status = int(head[9:12])
        if status == 200:
            self.waits.append(wait)
        else:
            self.statuses[status] += 1
            self.unsaid += status in (429, 503) and b"\r\nretry-after:" not in head
        self.free.append(caller)
        if self.again:
            self.ask()

    def _gone(self, caller: Caller) -> None:
        if caller in self._open:
            self.broken += 1
            self._open.discard(caller)
            self.free = deque(one for one in self.free if one is not caller)

    def close(self) -> None:
        """Ends all of them."""
        closing, self._open = self._open, set()
        for caller in closing:
            caller.close()


async def _in_turn(port: int, requests: Sequence[bytes], callers: int, seconds: float) -> Callers:
    """Callers who each wait for an answer before they ask again."""
    group = Callers(port, requests)
    await group.connect(callers)
    group.again = True
    for _ in range(callers):
        group.ask()
    await asyncio.sleep(seconds)
    group.close()
    return group


async def _on_time(port: int, requests: Sequence[bytes], rate: float, seconds: float) -> tuple[Callers, int]:
    """So many requests a second at equal intervals; also returns how many found no connection free."""
    group, held_back, gap = Callers(port, requests), 0, 1 / rate
    await group.connect(CONNECTIONS)
    started = due = time.perf_counter()
    while due < started + seconds:
        while due <= time.perf_counter():
            due += gap
            if group.free:
                group.ask()
            else:
                held_back += 1
        await asyncio.sleep(0 if gap < CLOSE else max(0.0, due - time.perf_counter()))
    for _ in range(100):  # ten seconds for those under way
        if len(group.free) + group.broken >= CONNECTIONS:
            break
        await asyncio.sleep(0.1)
    group.close()
    return group, held_back


async def flood(port: int, requests: Sequence[bytes], *, seconds: float, warm: float) -> Flood:
    """All three, one after the other."""
    result = Flood()
    result.alone = _percentile((await _in_turn(port, requests, 1, warm)).waits, 0.99)
    result.capacity = len((await _in_turn(port, requests, AT_ONCE, warm)).waits) / warm
    print(flush=True)
    sys.stdin.readline()
    group, result.held_back = await _on_time(port, requests, 2 * result.capacity, seconds)
    result.median, result.slow = _percentile(group.waits, 0.5), _percentile(group.waits, 0.99)
    result.good, result.statuses = len(group.waits), dict(group.statuses)
    result.unsaid, result.broken = group.unsaid, group.broken
    return result


def _percentile(waits: Sequence[float], share: float) -> float:
    ordered = sorted(waits)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _request(body: bytes) -> bytes:
    heads = ("Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {len(body)}")
    return "\r\n".join(("POST /v1/scores HTTP/1.1", *heads, "", "")).encode() + body


def main(port: str, seconds: str, warm: str, file: str) -> None:
    """Asks, and prints what came of it."""
    requests = [_request(json.dumps(body).encode()) for body in json.loads(Path(file).read_bytes())]
    result = uvloop.run(flood(int(port), requests, seconds=float(seconds), warm=float(warm)))
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main(*sys.argv[1:])
