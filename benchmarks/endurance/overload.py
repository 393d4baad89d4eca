"""Twice as many requests as can be answered, sent on time whatever comes back."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import uvloop

from benchmarks.endurance.callers import Connection, Seen
from benchmarks.endurance.shelf import USE_CASES, Shelf

CONNECTIONS = 200  # callers who wait at most; who finds none free is not sent
WARM = 5.0  # seconds alone, and again in pursuit of the capacity
KINDS = {"few": (1, 0), "explained": (9, 3), "many": (400, 0)}  # customers in a request, and reasons for each


@dataclass
class Overload:
    """What an overload came to."""

    alone: Seen = field(default_factory=Seen)  # one caller
    capacity: float = 0.0  # answers a second, to callers who wait for theirs
    seen: Seen = field(default_factory=Seen)  # all callers
    rate: float = 0.0  # requests a second that were sent
    held_back: int = 0  # requests that found no connection free
    memory: tuple[int, int] = (0, 0)  # bytes before and at the end

    @property
    def slower(self) -> float:
        """The accepted requests' 99th percentile by that of a caller alone."""
        return self.seen.percentile(0.99) / (self.alone.percentile(0.99) or 1.0)


def overload(port: int, shelf: Shelf, kind: str, *, seconds: float, memory: Callable[[], int]) -> Overload:
    """Measures one caller alone, then what can be answered, then sends twice that for so many seconds."""
    rows, reasons = KINDS[kind]
    bodies = [_body(shelf, start, rows, reasons) for start in range(8)]
    result = Overload()
    result.alone = uvloop.run(_waiting(port, bodies, callers=1, seconds=WARM))
    result.capacity = uvloop.run(_waiting(port, bodies, callers=4, seconds=WARM)).good / WARM
    before = memory()
    uvloop.run(_on_time(port, bodies, result, seconds=seconds))
    result.memory = (before, memory())
    return result


def _body(shelf: Shelf, start: int, rows: int, reasons: int) -> bytes:
    profiles = [shelf.profiles[(start + step) % len(shelf.profiles)] for step in range(rows)]
    return json.dumps({"use_cases": list(USE_CASES), "profiles": profiles, "reasons": reasons}).encode()


async def _waiting(port: int, bodies: Sequence[bytes], *, callers: int, seconds: float) -> Seen:
    """Callers who each wait for an answer before they ask again."""
    seen, until = Seen(), time.perf_counter() + seconds

    async def one() -> None:
        connection = await Connection.made(port)
        for body in itertools.cycle(bodies):
            if time.perf_counter() > until:
                break
            await _ask(connection, body, seen, time.perf_counter())
        connection.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(one())
    return seen


async def _on_time(port: int, bodies: Sequence[bytes], result: Overload, *, seconds: float) -> None:
    """A request at each tick of a clock that runs at twice the capacity; latencies count from the tick."""
    free = [await Connection.made(port) for _ in range(CONNECTIONS)]
    started, gap, number = time.perf_counter(), 1 / (2 * result.capacity), 0
    tasks: set[asyncio.Task[None]] = set()

    async def one(connection: Connection, body: bytes, due: float) -> None:
        try:
            await _ask(connection, body, result.seen, due)
        except (OSError, EOFError) as error:
            result.seen.broken[type(error).__name__] += 1
            connection = await Connection.made(port)
        free.append(connection)

    while (now := time.perf_counter()) < started + seconds:
        while (due := started + number * gap) <= now:
            number += 1
            if not free:
                result.held_back += 1
                continue
            task = asyncio.create_task(one(free.pop(), bodies[number % len(bodies)], due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.sleep(min(gap, 0.002))
    await asyncio.gather(*tasks)
    result.rate = (result.seen.good + result.seen.failed) / seconds
    for connection in free:
        connection.close()


async def _ask(connection: Connection, body: bytes, seen: Seen, due: float) -> None:
    status, headers, _ = await connection.post("/v1/scores", body)
    if status == 200:
        seen.latencies.append(time.perf_counter() - due)
    else:
        seen.statuses[status] += 1
        seen.unsaid += status in (429, 503) and b"\r\nretry-after:" not in headers
