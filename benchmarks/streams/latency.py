"""How long one event takes to its message of a changed segment, and how many events a processor second takes in."""

from __future__ import annotations

import json
import random
import resource
import statistics
import time
from typing import Any

from benchmarks.streams.scenarios import Figures
from benchmarks.streams.shop import Shop
from serving.streams.port import MessageSource, Outgoing

AIM_MS = (200, 400)  # p50, p95, on a quiet machine
EVENTS = 200


def throughput(shop: Shop) -> Figures:
    """Every message by one worker that nobody disturbs; what starting costs is taken off."""
    every, events = shop.messages(), len(shop.purchases)
    shop.publish(every)
    began = time.monotonic()
    whole, elapsed = _processor_of(shop), time.monotonic() - began
    starts = _processor_of(shop)  # there is nothing left for it to read
    spent = whole - starts
    return {
        "as it must be": shop.equal() == (len(shop.customers),) * 2 and shop.count("history") == events,
        "messages": len(every),
        "processor s": round(spent, 1),
        "messages a processor second": round(len(every) / spent),
        "elapsed s": round(elapsed),
        "a start costs processor s": round(starts, 1),
    }


def latency(shop: Shop) -> Figures:
    """New customers buy one after the other, over a history of everybody: from publishing each to its message."""
    shop.publish(shop.messages())
    shop.finish()
    changes = shop.broker.source("changes")
    while (batch := changes.read(5_000, 3.0)).messages:
        changes.done(batch)
    sink, worker, taken = shop.broker.sink("events"), shop.start(), list[float]()
    chance = random.Random(1)  # noqa: S311 - no secret
    for number in range(-5, EVENTS):
        time.sleep(chance.uniform(0.05, 0.25))
        body = {"id": f"new{number}", "customer_id": f"new{number}", "date": "1998-06-20", "amount": 9.5}
        began = time.perf_counter()
        sink.publish([Outgoing(id=f"new{number}", body=json.dumps(body).encode())])
        _await(changes, f"new{number}")
        if number >= 0:  # the first ones wait for the worker to start
            taken.append((time.perf_counter() - began) * 1000)
    worker.terminate()
    worker.wait()
    for one in (sink, changes):
        one.close()
    found = sorted(taken)
    p50, p95 = statistics.median(found), found[int(len(found) * 0.95)]
    return {
        "as it must be": p50 <= AIM_MS[0] and p95 <= AIM_MS[1],
        "events": len(found),
        "p50 ms": round(p50),
        "p95 ms": round(p95),
        "longest ms": round(found[-1]),
    }


def _await(changes: MessageSource, customer: str) -> None:
    while True:
        batch = changes.read(100, 60.0)
        changes.done(batch)
        said: list[Any] = [json.loads(one.body) for one in batch.messages]
        assert said, "no change came within a minute"
        if any(one["customer_id"] == customer and one["type"] == "segment.changed" for one in said):
            return


def _processor_of(shop: Shop) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shop.finish()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
