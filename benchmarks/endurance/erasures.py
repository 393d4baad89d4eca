"""Erasures beside load on a large decisions log: what others wait meanwhile."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.endurance.waits import Timed, asked, percentile, timed
from scoring.answers.wire import Result
from serving.customers.decision_log import Decisions
from serving.customers.pending_erasures import pending_of
from tests.support.answers import scored_result

_AT_ONCE = 10_000  # decisions written in one transaction


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
    alone = asked(port, "POST", "/v1/scores", body, lambda began: time.monotonic() - began > seconds)
    erased: list[Timed] = []

    def erase() -> None:
        for number in range(count):
            whom = json.dumps({"customer_ids": [customer(number * 1000)]}).encode()
            erased.append(timed(port, "POST", "/v1/customers/erase", whom))
            time.sleep(seconds / count)

    work = threading.Thread(target=erase)
    work.start()
    beside = asked(port, "POST", "/v1/scores", body, lambda _: not work.is_alive())
    work.join()
    began = time.monotonic()
    while pending_of(home):
        time.sleep(0.2)
    statuses = Counter(status for _, status in (*alone, *beside, *erased))
    waits = [percentile(alone, 0.99), percentile(beside, 0.99)]
    return {
        "goal met": not any(status >= 500 for status in statuses) and waits[1] <= 1.5 * waits[0],
        "statuses": dict(statuses),
        "others' p99 ms, alone and beside": waits,
        "others' calls, alone and beside": [len(alone), len(beside)],
        "an erasure's median and longest ms": [percentile(erased, 0.5), percentile(erased, 1.0)],
        "seconds until the last was proved": round(time.monotonic() - began, 1),
    }
