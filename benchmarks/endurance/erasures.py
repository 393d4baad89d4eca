"""Erasures beside load on a large decisions log, and endless heads beside probes: what others wait meanwhile."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scoring.answers.wire import Result
from serving.customers.decision_log import Decisions
from serving.customers.pending_erasures import pending_of
from tests.support.answers import scored_result

_AT_ONCE = 10_000  # decisions written in one transaction
_JSON = {"Content-Type": "application/json"}
Timed = tuple[float, int]  # seconds waited, and the status; 599 where there was no answer


def fill(home: Path, decisions: int) -> None:
    """Writes so many decisions about half as many customers, through the log's own writer."""
    log = Decisions(home, days=90, on=True)
    scores = scored_result("", score=12.3, version="1", reasons=("activity", "recency", "frequency"))["scores"]
    for start in range(0, decisions, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, decisions))
        answers: list[Result]
        answers = [{"customer_id": customer(n), "status": "ok", "segment": None, "scores": scores} for n in numbers]
        log.record(f"{start:032x}", "tool", answers)
        log.flush()


def customer(number: int) -> str:
    """The id of one of the log's customers; they come in no order."""
    return f"cust-{number * 7919 % 1_000_003 // 2:08}"


def erasures(port: int, home: Path, body: bytes, *, count: int, seconds: float) -> dict[str, Any]:
    """What a caller waits without erasures, and beside so many spread over as many seconds, until all are proved."""
    alone = _asked(port, "POST", "/v1/scores", body, lambda began: time.monotonic() - began > seconds)
    erased: list[Timed] = []

    def erase() -> None:
        for number in range(count):
            asked = json.dumps({"customer_ids": [customer(number * 1000)]}).encode()
            erased.append(_timed(port, "POST", "/v1/customers/erase", asked))
            time.sleep(seconds / count)

    with _beside([erase]) as over:
        beside = _asked(port, "POST", "/v1/scores", body, lambda _: over())
    began = time.monotonic()
    while pending_of(home):
        time.sleep(0.2)
    statuses = Counter(status for _, status in (*alone, *beside, *erased))
    return {
        "goal met": not any(status >= 500 for status in statuses) and _p99(beside) <= 1.5 * _p99(alone),
        "statuses": dict(statuses),
        "others' p99 ms, alone and beside": [_ms(_p99(alone)), _ms(_p99(beside))],
        "others' calls, alone and beside": [len(alone), len(beside)],
        "an erasure's median and longest ms": [_ms(sorted(erased)[len(erased) // 2][0]), _ms(max(erased)[0])],
        "seconds until the last was proved": round(time.monotonic() - began, 1),
    }


def heads(port: int, *, connections: int, seconds: float, memory: Callable[[], int]) -> dict[str, Any]:
    """What /livez takes alone, and while so many callers send one endless head after another."""
    alone = _asked(port, "GET", "/livez", b"", lambda began: time.monotonic() - began > seconds)
    held, until = memory(), time.monotonic() + seconds + 1

    def pour() -> None:
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\nX: ")
                while time.monotonic() < until:
                    connection.sendall(b"a" * 262_144)

    with _beside([pour] * connections) as over:
        beside = _asked(port, "GET", "/livez", b"", lambda _: over())
    grown = memory() - held
    return {
        "goal met": _p99(beside) <= 3 * _p99(alone) and grown < 32 * 1024 * 1024,
        "/livez p99 ms, alone and beside": [_ms(_p99(alone)), _ms(_p99(beside))],
        "/livez calls": [len(alone), len(beside)],
        "memory grown MiB": round(grown / 2**20, 1),
    }


@contextmanager
def _beside(works: list[Callable[[], None]]) -> Iterator[Callable[[], bool]]:
    """Threads that work meanwhile; gives what says whether all have ended."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    yield lambda: not any(thread.is_alive() for thread in threads)
    for thread in threads:
        thread.join()


def _asked(port: int, method: str, path: str, body: bytes, over: Callable[[float], bool]) -> list[Timed]:
    """One caller after another, each over a connection of its own, twenty times a second at most."""
    began, seen = time.monotonic(), []
    while not over(began):
        seen.append(_timed(port, method, path, body))
        time.sleep(0.02)
    return seen


def _timed(port: int, method: str, path: str, body: bytes) -> Timed:
    began = time.monotonic()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(method, path, body, _JSON)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return time.monotonic() - began, answer.status
    except OSError:
        return time.monotonic() - began, 599


def _p99(seen: list[Timed]) -> float:
    return sorted(seen)[int(0.99 * (len(seen) - 1))][0]


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
