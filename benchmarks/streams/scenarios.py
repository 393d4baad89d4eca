"""What happens to a stream, after which it must still say what the nightly batch says of every customer.

Each is a run of its own over CDNOW: shuffled, with doubles and poison. It gives its figures, and whether all is
as it must be.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import psutil

from benchmarks.streams.shop import POISON, Shop, kill
from serving.customers.housekeeping import finish_erasures
from serving.customers.subject_rights import erase
from serving.stream_state.erasure import count_in_streams

Figures = Mapping[str, Any]
KILLS = 9
FLOOD = 20_000


def soak(shop: Shop) -> Figures:
    """Nine kill -9 of the worker."""
    every, events = shop.messages(), len(shop.purchases)
    shop.publish(every)
    chance = random.Random(3)  # noqa: S311 - no secret
    moments = sorted(chance.randrange(1, events) for _ in range(KILLS))
    seen, before = [], _processor()
    for moment in moments:
        worker = shop.start("--once")
        seen.append(shop.wait_for(moment, worker))
        kill(worker)
    shop.finish()
    spent = _processor() - before
    return _found(shop, events) | {"killed at": seen, "messages a processor second": round(len(every) / spent)}


def replay(shop: Shop) -> Figures:
    """Everything read once more from the beginning, twice: nothing changes."""
    every, events = shop.messages(), len(shop.purchases)
    shop.publish(every)
    shop.finish()
    first, ends = shop.digest(), []
    for _ in range(2):
        again = shop.finish("--replay-from", "2000-01-01")
        ends.append((again["duplicates"], again["applied"], again["published"], shop.digest()))
    as_before = ends == [(len(every), 0, 0, first)] * 2
    return _found(shop, events, as_before) | {"replayed": [end[0] for end in ends], "as before": as_before}


def rebalance(shop: Shop) -> Figures:
    """Two workers over one file of state: the second comes a quarter of the way, the first is killed at three."""
    every, events = shop.messages(), len(shop.purchases)
    shop.publish(every)
    first = shop.start(name="first")
    shop.wait_for(events // 4, first)
    second = shop.start(name="second")
    while shop.count("inbox") < 3 * events // 4 and first.poll() is None and second.poll() is None:
        time.sleep(0.05)
    shared = {name: shop.status(name)["applied"] for name in ("first", "second")}
    lived = first.poll() is None and second.poll() is None
    kill(first)
    shop.wait_for(events + len(POISON), second)
    second.terminate()
    second.wait()
    shop.finish()
    both = lived and all(shared.values())
    return _found(shop, events, both) | {"taken in when the first was killed": shared}


def outage(shop: Shop) -> Figures:
    """The broker killed a third of the way, and back with what it kept once the worker waits for it: that goes on."""
    every, events = shop.messages(), len(shop.purchases)
    shop.publish(every)
    worker = shop.start()
    seen = shop.wait_for(events // 3, worker)
    shop.broker.stop()
    paused, until = None, time.monotonic() + 120
    while paused is None and time.monotonic() < until:
        time.sleep(1)
        paused = shop.status("shop")["paused"]
    shop.broker.start()
    shop.wait_for(events + len(POISON), worker)
    lived = worker.poll() is None
    worker.terminate()
    worker.wait()
    shop.finish()
    figures = {"stopped at": seen, "the worker lived": lived, "it waited for": paused}
    return _found(shop, events, lived and paused == "broker") | figures


def flood(shop: Shop) -> Figures:
    """20,000 messages that break rules among the others."""
    every, events = shop.messages(FLOOD), len(shop.purchases)
    shop.publish(every)
    worker = shop.start()
    shop.wait_for(events + FLOOD, worker)
    memory = psutil.Process(worker.pid).memory_info().rss // 1024**2
    worker.terminate()
    worker.wait()
    shop.finish()
    letters = shop.broker.source("dead")
    published, quiet = 0, 0
    while quiet < 5:
        batch = letters.read(1_000, 0.5)
        published, quiet = published + len(batch.messages), 0 if batch.messages else quiet + 1
        letters.done(batch)
    letters.close()
    figures = {"dead letters published": published, "MB of the worker at the end": memory}
    return _found(shop, events, published == FLOOD, dead=FLOOD) | figures


def erasure(shop: Shop) -> Figures:
    """A hundred customers erased while their events come: nothing of them is anywhere, the others as in the batch."""
    every, events = shop.messages(), len(shop.purchases)
    shop.publish(every)
    worker = shop.start()
    seen = shop.wait_for(events // 3, worker)
    named = [one for one in shop.customers if len(one) > 2]  # those of poison stay: letters that name them would go too
    gone = random.Random(5).sample(named, 100)  # noqa: S311 - no secret
    erase(shop.home, gone)
    shop.wait_for(events + len(POISON), worker)
    worker.terminate()
    worker.wait()
    shop.finish()
    finish_erasures(shop.home, at_once=True)
    left = sum(count_in_streams(shop.home, gone).values())
    theirs = sum(str(row["customer_id"]) in gone for row in shop.purchases)
    figures = {"erased at": seen, "rows left of them": left}
    return _found(shop, events - theirs, left == 0, without=gone) | figures


SCENARIOS: Mapping[str, Callable[[Shop], Figures]] = {
    one.__name__: one for one in (soak, replay, rebalance, outage, flood, erasure)
}


def _found(
    shop: Shop, events: int, also: bool = True, *, dead: int = len(POISON), without: Collection[str] = ()
) -> dict[str, Any]:
    same, of = shop.equal(without)
    history, letters, left = shop.count("history"), shop.count("dead"), shop.count("outbox")
    met = also and (history, letters, same, left) == (events, dead, of, 0)
    return {
        "as it must be": met,
        "history": f"{history} of {events}",
        "dead": f"{letters} of {dead}",
        "equal": f"{same} of {of}",
    }


def _processor() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
