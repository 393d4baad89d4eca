"""What a worker writes of itself while it runs, waits and stops."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from serving.stream_state.status import StreamStatus, streams_of
from serving.streams.heartbeat import BEAT_SECONDS, MOST_RULES, OTHER_RULES
from serving.streams.port import UnavailableError
from tests.support.streamed import ListSink, ListSource, messages_of, worker_of

GOOD: dict[str, Any] = {"customer_id": "1", "date": "1998-06-01", "amount": 9}


@pytest.fixture
def home(examples_home: Path, tmp_path: Path) -> Path:
    """A home that may be written to."""
    return Path(shutil.copytree(examples_home, tmp_path / "home"))


def sign_of(home: Path) -> StreamStatus:
    """What the one stream of a home wrote last."""
    [found] = streams_of(home)
    return found


def test_a_worker_says_what_became_of_messages(home: Path) -> None:
    """Taken in, repeated, dead by rule, sent on; afterwards that it stopped."""
    messages = messages_of([GOOD, {**GOOD, "customer_id": "2"}, "{bad", "[]", "[1]"])
    source, out = ListSource([*messages, messages[0]]), ListSink()
    worker = worker_of(home, source, out)
    worker.write_status()
    assert (sign_of(home).running, sign_of(home).lag) == (True, len(source.messages))

    worker.run(once=True)

    sign = sign_of(home)
    assert (sign.running, sign.lag, sign.batch) == (False, 0, len(source.messages))
    assert (sign.applied, sign.duplicates, sign.published) == (2, 1, len(out.published))
    assert sign.dead == 3
    assert sorted(sign.dead_by_rule.values()) == [1, 2]
    assert all(rule.startswith("The body must be") for rule in sign.dead_by_rule)


def test_a_worker_that_waits_says_for_what_and_since_when(home: Path) -> None:
    """Until it goes on; a broker that is being waited for is not asked how much there is."""
    source, out, waited = ListSource(messages_of([GOOD])), ListSink(), list[StreamStatus]()
    worker = worker_of(home, source, out, sleep=lambda _: waited.append(sign_of(home)))
    worker.sweep_if_due()
    worker.state.write("INSERT INTO outbox (id, customer_id, body) VALUES ('1-1', '1', '{}')", [()])
    out.breaks = [UnavailableError("gone"), UnavailableError("gone")]

    worker.run(once=True)

    assert [(one.paused, one.lag) for one in waited] == [("broker", None), ("broker", None)]
    assert waited[0].paused_since == waited[1].paused_since is not None
    assert (sign_of(home).paused, sign_of(home).paused_since) == (None, None)


def test_a_flood_of_rules_is_counted_by_the_commonest(home: Path) -> None:
    """As many are named as a page and a store of metrics can hold."""
    worker = worker_of(home, ListSource([]))
    rules = [f"rule {number}" for number in range(MOST_RULES + 5)]
    letters = [
        (f"{rule} {copy}", "p", rule, b"", None, None, 0.0, 0) for copy in range(2) for rule in rules[copy * 7 :]
    ]
    worker.state.write("INSERT INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, ?)", letters)

    worker.write_status(running=False)

    found = sign_of(home).dead_by_rule
    assert len(found) == MOST_RULES + 1
    assert found[OTHER_RULES] + sum(count for rule, count in found.items() if rule != OTHER_RULES) == len(letters)
    assert [found[rule] for rule in rules[7:]] == [2] * (MOST_RULES - 2)


def test_a_sign_is_given_every_so_often(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at every batch; at once where the worker stops."""
    moment = [100.0]
    monkeypatch.setattr("serving.streams.heartbeat.time.monotonic", lambda: moment[0])
    worker = worker_of(home, ListSource([]))
    worker.write_status()
    worker.counts.applied = 1
    worker.write_status()
    soon = sign_of(home).applied
    moment[0] += BEAT_SECONDS
    worker.write_status()
    later = sign_of(home).applied
    worker.counts.applied = 2
    worker.write_status(running=False)

    assert (soon, later, sign_of(home).applied) == (0, 1, 2)
    assert json.loads((home / "streams/shop.json").read_bytes())["running"] is False
