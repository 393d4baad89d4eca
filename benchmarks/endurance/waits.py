"""What a caller waits for answers, each over a connection of its own."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

_JSON = {"Content-Type": "application/json"}
Timed = tuple[float, int]  # seconds waited, and the status; 599 where there was no answer


def asked(port: int, method: str, path: str, body: bytes, over: Callable[[float], bool]) -> list[Timed]:
    """One call after another, fifty a second at most, until it is over: that is asked with when it began."""
    began = time.monotonic()
    seen: list[Timed] = []
    while not over(began):
        seen.append(timed(port, method, path, body))
        time.sleep(0.02)
    return seen


def timed(port: int, method: str, path: str, body: bytes) -> Timed:
    """One call."""
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


def percentile(seen: list[Timed], share: float) -> float:
    """The milliseconds within which such a share of the calls was answered."""
    return round(1000 * sorted(seen)[int(share * (len(seen) - 1))][0], 2)
